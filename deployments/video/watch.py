"""A watch for things that run beside each other."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Watch:
    """Measures by name how long at least one thing of that name ran, in `seconds`; for one thread or event loop."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: Counter[str] = Counter()
        self._since: dict[str, float] = {}

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Measure the block."""
        if not self._running[name]:
            self._since[name] = time.perf_counter()
        self._running[name] += 1
        try:
            yield
        finally:
            self._running[name] -= 1
            if not self._running[name]:
                self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - self._since[name]
