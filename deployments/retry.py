"""Asking a stage once more: a replica that is killed takes its calls with it, and Serve does not repeat them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from deployments.errors import TalkingPhotoError

T = TypeVar("T")

logger = logging.getLogger("ray.serve")

RETRY_AFTER_S = 0.5
"""Long enough for the router to learn that a replica is gone."""


def root_cause(error: Exception) -> Exception:
    """The error as the stage raised it: Ray hands over a wrapper that holds it as `cause`."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, Exception) else error


async def twice(what: str, call: Callable[[], Awaitable[T]], retryable_too: bool = False) -> T:
    """Await a call that can be repeated, and once more if it broke.

    A `TalkingPhotoError` is an answer and is raised as it is, unless it is retryable and `retryable_too`.
    """
    try:
        return await call()
    except Exception as error:
        cause = root_cause(error)
        if isinstance(cause, TalkingPhotoError) and not (retryable_too and cause.retryable):
            raise cause from None
        logger.warning("%s failed, trying once more: %s", what, cause)
    await asyncio.sleep(RETRY_AFTER_S)
    return await call()
