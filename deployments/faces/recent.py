"""The memory of photos' face tracks, in this process: the same photo with another sentence is not searched again.

To decode and search a phone's photo of 16 megapixels takes 0.4 s. Pictures are kept for minutes, and on no disk: what
is deleted must be gone, and only one process is told.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

from cachetools import TTLCache

from deployments.media import FaceTrack

KEEP_S = 600.0
MAX_BYTES = 64_000_000
"""A dozen photos of the largest size, 1280x1280, or eighty of 512x512."""


class RecentPhotos:
    """Face tracks of photos by digest and key: `max_bytes` of pixels, each for `keep_s`. Any thread may call."""

    def __init__(
        self, max_bytes: int = MAX_BYTES, keep_s: float = KEEP_S, timer: Callable[[], float] = time.monotonic
    ) -> None:
        self._lock = threading.Lock()
        self._tracks: TTLCache[tuple[str, str], FaceTrack] = TTLCache(max_bytes, keep_s, timer, _bytes)

    def get(self, sha256: str, key: str) -> FaceTrack | None:
        """Return the track, or None where it is not known."""
        with self._lock:
            return self._tracks.get((sha256, key))

    def put(self, sha256: str, key: str, track: FaceTrack) -> None:
        """Keep the track of the photo with that digest, in place of those that were not asked for the longest."""
        with self._lock, contextlib.suppress(ValueError):  # larger than all that may be kept
            self._tracks[sha256, key] = track

    def forget(self, sha256: str) -> None:
        """Forget all tracks of the photo with that digest."""
        with self._lock:
            for known in [known for known in self._tracks if known[0] == sha256]:
                del self._tracks[known]


def _bytes(track: FaceTrack) -> int:
    return track.photo.rgb.nbytes + track.crop.rgb.nbytes
