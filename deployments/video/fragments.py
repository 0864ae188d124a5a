"""Packets to fragmented MP4 as they come: an init segment, then media segments that each start with a keyframe."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from math import ceil
from typing import Any, Protocol

import av

MUXING = {
    # Without `empty_moov`: the init segment waits for the first fragment, so that its edit lists let both tracks start
    # at 0.
    "movflags": "+frag_keyframe+delay_moov+default_base_moof+skip_trailer",
    "flush_packets": "1",
}


class Segments(Protocol):
    """Where a stream goes. Its methods are called while the encoder waits: they must be quick and must not raise."""

    def begin(self, init: bytes, longest_s: int) -> None:
        """Take the init segment (`ftyp` and `moov`); no media segment will last longer than `longest_s`."""

    def add(self, segment: bytes, duration_s: Fraction) -> None:
        """Take the next media segment (`moof` and `mdat`), which lasts until the next one's first frame."""


class Fragments:
    """Muxes the packets of two open encoders, which another container takes too.

    A media segment goes out as soon as the keyframe after it is muxed; the last one with `close`.
    """

    def __init__(
        self, video: av.VideoStream, audio: av.AudioStream, metadata: dict[str, str], segments: Segments
    ) -> None:
        context = video.codec_context
        self._frame_s = 1 / Fraction(context.framerate)
        self._longest_s = ceil(context.gop_size * self._frame_s)
        self._segments = segments
        self._boxes = _Boxes()
        self._container = av.open(self._boxes, "w", format="mp4", container_options=MUXING)
        self._container.metadata.update(metadata)
        for stream in (video, audio):  # in the same order: packets carry their stream's number
            self._container.add_stream_from_template(stream, opaque=True)
        self._video = video.index
        self._starts: deque[Fraction] = deque()  # of segments that have not gone out
        self._end = Fraction(0)

    def mux(self, packet: av.Packet[Any]) -> None:
        """Write a packet; its bytes are shared, not changed."""
        if packet.stream_index == self._video and packet.pts is not None:
            start = packet.pts * Fraction(packet.time_base)
            self._end = max(self._end, start + self._frame_s)
            if packet.is_keyframe:
                self._starts.append(start)
        self._container.mux(packet)
        self._hand_out()

    def close(self) -> None:
        """Hand out what is left."""
        self._container.close()
        self._starts.append(self._end)
        self._hand_out()

    def abandon(self) -> None:
        """Hand out nothing more."""
        self._boxes.closed = True
        self._container.close()

    def _hand_out(self) -> None:
        for kind, data in self._boxes.take():
            if kind == b"moov":
                self._segments.begin(data, self._longest_s)
            else:
                start = self._starts.popleft()
                self._segments.add(data, self._starts[0] - start)


class _Boxes:
    """A file to write only, of MP4 boxes. Once it is `closed`, PyAV writes no trailer."""

    def __init__(self) -> None:
        self.closed = False
        self._data = bytearray()
        self._whole_bytes = 0  # of boxes at the start that are whole

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def take(self) -> list[tuple[bytes, bytes]]:
        """Remove what is whole, up to each `moov` and each `mdat`; return the kinds of those, and the bytes."""
        taken = []
        while len(self._data) >= (stop := self._next_stop()):
            kind = bytes(self._data[self._whole_bytes + 4 : self._whole_bytes + 8])
            self._whole_bytes = stop
            if kind in (b"moov", b"mdat"):
                taken.append((kind, bytes(self._data[:stop])))
                del self._data[:stop]
                self._whole_bytes = 0
        return taken

    def _next_stop(self) -> int:
        """Where the next box ends, or where its head does if that has not been written."""
        size = int.from_bytes(self._data[self._whole_bytes : self._whole_bytes + 4])
        return self._whole_bytes + max(size, 8)
