"""A video's stream while it is made: HLS, stored segment by segment beside the encoding."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any, Protocol

logger = logging.getLogger("ray.serve")

PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
ENDLIST = "#EXT-X-ENDLIST"

WAITING = 16
"""Segments held in memory for a slow store: half a minute of video, some 100 KB each at 512x512."""

END_WITHIN_S = 5.0
"""What the store may still take for segments when the video itself is stored."""


class Files(Protocol):
    """Where segments and playlists go."""

    def put(self, key: str, content: bytes, content_type: str) -> None:
        """Store an object, replacing what was there."""

    def stat(self, key: str) -> Any:  # noqa: ANN401 - what the store knows of it
        """None if there is no such object."""

    def read(self, key: str) -> bytes:
        """The bytes of an object."""


class Stream:
    """Stores segments and, after each, the playlist that names them: `<prefix>/stream.m3u8` (RFC 8216, an EVENT).

    A thread of its own stores them in order; whoever adds them never waits, nor meets an error. Where the store fails,
    or lags too far behind, the stream breaks off: that is logged, its playlist stays without an end.

    Every try has names of its own for its segments, and its playlist names no others. A render that is repeated on
    another machine may give other bytes, and what was fetched under a name must stay what that name means. It cuts at
    the same frames, so its playlist replaces that of a try before it as soon as it is longer: players see it grow.
    """

    def __init__(self, files: Files, prefix: str) -> None:
        self._files, self._prefix = files, prefix
        self._try = secrets.token_hex(4)
        self._worker = ThreadPoolExecutor(1, "stream")
        self._room = threading.Semaphore(WAITING)
        self._broken = False
        self._lines: list[str] = []
        self._count = 0  # of segments stored by this try
        self._count_before = 0  # of segments in the playlist of a try before

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exception: object) -> None:
        """Store nothing more; what is being stored now is not waited for."""
        self._broken = True
        self._worker.shutdown(wait=False, cancel_futures=True)

    def begin(self, init: bytes, longest_s: int) -> None:
        """See `Segments`."""
        self._store(lambda: self._begin(init, longest_s))

    def add(self, segment: bytes, duration_s: Fraction) -> None:
        """See `Segments`."""
        self._store(lambda: self._add(segment, duration_s))

    def end(self) -> None:
        """End the playlist: the video is whole. Waits until that is stored, for `END_WITHIN_S` at most."""
        done = threading.Event()
        self._store(self._end)
        self._worker.submit(done.set)
        if not done.wait(END_WITHIN_S):
            self._break_off("the store is slow")

    def _store(self, work: Callable[[], None]) -> None:
        if self._broken:
            return
        if self._room.acquire(blocking=False):
            self._worker.submit(self._try_to, work)
        else:
            self._break_off("the store is slower than the encoder")

    def _try_to(self, work: Callable[[], None]) -> None:
        try:
            if not self._broken:
                work()
        except Exception as error:
            self._break_off(str(error))
        finally:
            self._room.release()

    def _break_off(self, reason: str) -> None:
        if not self._broken:
            logger.warning("the stream %s breaks off, its video does not: %s", self._prefix, reason)
        self._broken = True

    def _begin(self, init: bytes, longest_s: int) -> None:
        self._count_before = self._published()
        name = f"{self._try}-init.mp4"
        self._files.put(f"{self._prefix}/{name}", init, "video/mp4")
        self._lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:7",
            f"#EXT-X-TARGETDURATION:{longest_s}",
            "#EXT-X-PLAYLIST-TYPE:EVENT",
            "#EXT-X-INDEPENDENT-SEGMENTS",
            "#EXT-X-START:TIME-OFFSET=0",  # players would start near the end of what grows
            f'#EXT-X-MAP:URI="{name}"',
        ]

    def _add(self, segment: bytes, duration_s: Fraction) -> None:
        self._count += 1
        name = f"{self._try}-{self._count:04}.m4s"
        self._files.put(f"{self._prefix}/{name}", segment, "video/mp4")
        self._lines += [f"#EXTINF:{float(duration_s):.6f},", name]
        if self._count > self._count_before:
            self._publish()

    def _end(self) -> None:
        self._lines.append(ENDLIST)
        self._publish()

    def _publish(self) -> None:
        text = "".join(f"{line}\n" for line in self._lines)
        self._files.put(f"{self._prefix}/stream.m3u8", text.encode(), PLAYLIST_TYPE)

    def _published(self) -> int:
        """Segments in the playlist that is stored."""
        key = f"{self._prefix}/stream.m3u8"
        return 0 if self._files.stat(key) is None else self._files.read(key).count(b"#EXTINF")
