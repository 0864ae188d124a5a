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
        self._forgotten = 0

    def track(self, sha256: str, key: str, search: Callable[[], FaceTrack]) -> FaceTrack:
        """Return the track, which `search` makes where it is not known; raise as it does."""
        with self._lock:
            if kept := self._tracks.get((sha256, key)):
                return kept
            forgotten = self._forgotten
        track = search()
        with self._lock, contextlib.suppress(ValueError):  # larger than all that may be kept
            if self._forgotten == forgotten:  # otherwise it may be this photo that was deleted meanwhile
                self._tracks[sha256, key] = track
        return track

    def forget(self, sha256: str) -> None:
        """Forget all tracks of the photo with that digest, and keep none that is made now."""
        with self._lock:
            self._forgotten += 1
            self._tracks.expire()
            for known in [known for known in self._tracks if known[0] == sha256]:
                self._tracks.pop(known, None)  # its time may end just now

    def expire(self) -> None:
        """Free what has been kept for its time."""
        with self._lock:
            self._tracks.expire()


def _bytes(track: FaceTrack) -> int:
    return track.photo.rgb.nbytes + track.crop.rgb.nbytes
