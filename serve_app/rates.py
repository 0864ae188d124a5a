"""How many requests a caller may make: a moving window, told in the RateLimit headers."""

import math
import time
from dataclasses import dataclass

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

MINUTE_S = 60


@dataclass(frozen=True)
class Spent:
    """Whether a request was within the rate, and when the next unit is free, in whole seconds from now."""

    allowed: bool
    remaining: int
    reset_s: int
    headers: dict[str, str]


class Rates:
    """Counts in this process: with several ingress replicas a caller gets up to that many times its rate.

    The headers are those of draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy: "default";q=120;w=60` names
    the quota and its window, `RateLimit: "default";r=119;t=60` what is left and the seconds until there is more.
    """

    def __init__(self, window_s: int = MINUTE_S) -> None:
        self._window_s = window_s
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def spend(self, caller: str, quota: int) -> Spent:
        """Count a request of `caller`, who may make `quota` in a window."""
        limit = RateLimitItemPerSecond(quota, self._window_s)
        allowed = self._limiter.hit(limit, caller)
        reset_at, remaining = self._limiter.get_window_stats(limit, caller)
        reset_s = max(1, math.ceil(reset_at - time.time()))
        headers = {
            "RateLimit-Policy": f'"default";q={quota};w={self._window_s}',
            "RateLimit": f'"default";r={remaining};t={reset_s}',
        }
        return Spent(allowed, remaining, reset_s, headers)
