"""The pictures of a clip as they are stored, decoded one after another and found again by their times."""

from __future__ import annotations

import io
import math
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition

from deployments.errors import ClipTooLarge, UnreadableClip

# Containers that hold their pictures themselves. FFmpeg finds them by content and opens nothing else: a playlist,
# which could name other files and addresses, is refused before it is read.
CONTAINERS = "mov,matroska"

# Of a clip that is one picture without a duration.
USUAL_FPS = 25.0

# Phones write times that waver around their rate. A picture may be shown this part of its time early, so that each is
# shown once; short of a half and a third, where rates that divide each other would meet it by chance.
EARLY = 0.3

# What a container may promise more than it holds: sound and pictures do not end together, and headers are rounded.
SHORT_BY_S = 0.5

# Two minutes at 240 pictures a second (slow motion) with sound have 35,000; reading this many takes a second.
MAX_PACKETS = 200_000

HELP = "send a whole MP4, MOV or WebM file; H.264 in an MP4 is the safest."


class Reel:
    """The pictures of a clip as they are stored, decoded one after another, from the start or from a key picture.

    Times are in ticks of `tick_s`. Pictures are known by theirs and never counted from a seek, which may lead anywhere.
    """

    def __init__(self, data: bytes, max_pixels: int) -> None:
        self._data, self._max_pixels = data, max_pixels
        with self._opened() as container:
            self._times = _scanned(container, _pictures(container, max_pixels))
        self._rewind()
        self.origin = _time(self._shown)
        shown_for = max(self._times.end - self.origin, 0)
        self.duration_s = shown_for * self.tick_s
        self.early = EARLY * shown_for / self._times.pictures

    @property
    def own_fps(self) -> float:
        """Pictures a second: the tag's, where it counts as many as there are."""
        tag, pictures = float(self.stream.average_rate or USUAL_FPS), self._times.pictures
        if abs(tag * self.duration_s - pictures) < 1:
            return tag
        return pictures / self.duration_s if self.duration_s else USUAL_FPS

    def close(self) -> None:
        """Let go of the decoder."""
        self._container.close()

    def at(self, time: float) -> av.VideoFrame:
        """Return the picture that is shown at that time: the last that starts by then."""
        if time < _time(self._shown):
            self._go_to(self._times.keys[bisect_right(self._times.keys, time) - 1])
        while self._next is not None and _time(self._next) <= time:
            self._advance()
        return self._shown

    def _opened(self) -> InputContainer:
        return av.open(
            io.BytesIO(self._data),
            "r",
            options={"max_pixels": str(self._max_pixels)},  # a stream's pictures may be larger than its header says
            container_options={"format_whitelist": CONTAINERS},
            metadata_errors="replace",
        )

    def _go_to(self, key: int) -> None:
        """Stand on a key picture; where seeking does not lead there, read from the start, now and from then on."""
        if key != self._times.keys[0]:
            with suppress(av.FFmpegError, UnreadableClip):
                self._container.seek(key, stream=self.stream)
                self._start()
                if _time(self._shown) == key:
                    return
            del self._times.keys[1:]
        self.close()
        self._rewind()

    def _rewind(self) -> None:
        self._container = self._opened()
        self.stream = _pictures(self._container, self._max_pixels)
        self.tick_s = float(self.stream.time_base or 1)
        self.stream.codec_context.options = {"max_pixels": str(self._max_pixels)}
        self.stream.codec_context.thread_count = 1  # replicas share the cores instead
        self._start()

    def _start(self) -> None:
        self._decoded = self._decode()
        self._next = next(self._decoded, None)
        self._advance()

    def _advance(self) -> None:
        if self._next is None:
            raise UnreadableClip(f"The clip has no picture in it that can be decoded: {HELP}")
        self._shown, self._next = self._next, next(self._decoded, None)
        missing_s = (self._times.last - _time(self._shown)) * self.tick_s
        if self._next is None and missing_s > SHORT_BY_S:
            raise UnreadableClip(f"The last {missing_s:.1f} seconds of the clip cannot be decoded: {HELP}")

    def _decode(self) -> Iterator[av.VideoFrame]:
        """Yield the pictures from the first key picture on, none earlier than the one before."""
        latest = None
        for packet in dropwhile(lambda packet: not packet.is_keyframe, self._container.demux(self.stream)):
            latest = _time(packet) if latest is None else latest
            for frame in packet.decode():
                if _time(frame) < latest:  # needs what precedes the key picture
                    continue
                if frame.is_corrupt:
                    raise UnreadableClip(f"The clip is damaged after {_time(frame) * self.tick_s:.1f} seconds: {HELP}")
                latest = _time(frame)
                yield frame


@dataclass(frozen=True)
class _Times:
    """When the pictures of a stream are shown, as its packets say.

    `pictures` is their number, `last` the time of the last, `end` when that is over. From each of `keys` on the
    stream can be decoded: these are shown after all that precedes them in the file.
    """

    pictures: int
    last: int
    end: int
    keys: list[int]


def _scanned(container: InputContainer, stream: av.VideoStream) -> _Times:
    """Read all packets and decode none. Raises `UnreadableClip` where the header promises more than there is."""
    ends: dict[int, int] = {}  # of the pictures, by their time
    keys: list[int] = []
    latest, reached_s = -math.inf, dict.fromkeys(range(len(container.streams)), 0.0)
    for number, packet in enumerate(container.demux()):
        if number == MAX_PACKETS:
            raise ClipTooLarge(f"The clip has more than {MAX_PACKETS} packets in it: send a shorter one.")
        if packet.pts is None and packet.dts is None:
            continue  # the end of a stream
        time, end = _time(packet), _time(packet) + (packet.duration or 0)
        reached_s[packet.stream_index] = max(reached_s[packet.stream_index], end * float(packet.time_base))
        if packet.stream_index != stream.index:
            continue
        if packet.is_corrupt:
            raise UnreadableClip(f"The clip is cut off: {HELP}")
        if packet.is_keyframe and time > latest:
            keys.append(time)
        latest = max(latest, time)
        if keys and not packet.is_discard:
            ends[time] = end
    if not ends:
        raise UnreadableClip(f"The clip has no pictures in it: {HELP}")
    _check_whole(container, stream, reached_s)
    return _Times(len(ends), max(ends), _end(ends), keys)


def _end(ends: dict[int, int]) -> int:
    """Return when the last picture is over; one without a duration lasts as long as the others do on average."""
    first, last = min(ends), max(ends)
    return max(ends.values()) if ends[last] > last else last + (last - first) // max(1, len(ends) - 1)


def _check_whole(container: InputContainer, stream: av.VideoStream, reached_s: dict[int, float]) -> None:
    """Refuse a clip that ends before its header says: that of the pictures, or else (WebM) of all streams together."""
    if stream.duration:
        there_s, promised_s = reached_s[stream.index], stream.duration * float(stream.time_base or 1)
    else:
        there_s, promised_s = max(reached_s.values()), (container.duration or 0) / av.time_base
    if there_s < promised_s - SHORT_BY_S:
        raise UnreadableClip(f"The clip is cut off after {there_s:.1f} of {promised_s:.1f} seconds: {HELP}")


def _pictures(container: InputContainer, max_pixels: int) -> av.VideoStream:
    """Return the stream of moving pictures, as its header describes it."""
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            break
    else:
        raise UnreadableClip(f"The file has no moving picture in it: {HELP}")
    if stream.codec_context is None:
        raise UnreadableClip(f"The clip is in a format that cannot be decoded: {HELP}")
    check_pixels(stream.codec_context.width, stream.codec_context.height, max_pixels)
    return stream


def _time(part: av.Packet[Any] | av.VideoFrame) -> int:
    """Return when a picture is shown, in ticks of its stream: MP4 and WebM always say it."""
    return part.pts if part.pts is not None else part.dts or 0


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """FFmpeg forgets some sizes that are over the limit it was given, and then says 0."""
    if not 0 < width * height <= max_pixels:
        size = f"{width} by {height} pixels" if width else "too large"
        raise ClipTooLarge(
            f"The clip is {size} and the limit is {max_pixels} pixels in all: send a smaller one.",
            {"width": width, "height": height, "max_pixels": max_pixels},
        )
