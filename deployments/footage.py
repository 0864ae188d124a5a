"""Clips: the bytes of an MP4, MOV or WebM as upright RGB frames at a constant rate, decoded as they are asked for.

Two stages look at the same clip, each in a replica of its own: one for its faces, one for its pictures. So a frame
is a number here, and means the same pixels however it is reached.
"""

from __future__ import annotations

import io
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any, Self

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from deployments.errors import ClipTooLarge, InvalidRequest, UnreadableClip
from deployments.media import Extend, Pixels, SourceOptions

# Containers that hold their pictures themselves. FFmpeg finds them by content and opens nothing else: a playlist,
# which could name other files and addresses, is refused before it is read.
CONTAINERS = "mov,matroska"

# Pictures in the same boxes as an MP4: HEIC and AVIF.
PICTURE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")

# What a MOV from before there was an `ftyp` box may start with.
QUICKTIME_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")

# Below, a mouth does not move smoothly; above, nobody sees more, and each frame costs a mouth.
MIN_FPS, MAX_FPS = 10.0, 60.0

# Of a clip that is one picture without a duration.
USUAL_FPS = 25.0

# Phones write times that waver around their rate. A picture may be shown this part of its time early, so that each is
# shown once; short of a half and a third, where rates that divide each other would meet it by chance.
EARLY = 0.3

# What a container may promise more than it holds: sound and pictures do not end together, and headers are rounded.
SHORT_BY_S = 0.5

# Two minutes at 240 pictures a second (slow motion) with sound have 35,000; reading this many takes a second.
MAX_PACKETS = 200_000

# Where an MP4 says how many samples it has, or how often it uses them, in fewer bytes than they are.
TABLES = re.compile(rb"(?:stsz.{8}|trun.{4})(?P<samples>.{4})|elst.{4}(?P<edits>.{4})", re.DOTALL)

# Frames kept at a time where a clip is played backwards: 44 MB at 720x1280.
BLOCK = 16

# What cv2.VideoCapture gives the published code, bit for bit: 1.2 of 255 too dark on average, in a tenth of the time
# of swscale's exact arithmetic (0.9 instead of 8 ms at 1280x720).
CONVERSION = Interpolation.BILINEAR

# The tags of ways from YUV to RGB that swscale knows (ISO/IEC 23091-2): BT.709, FCC, BT.601 twice, SMPTE 240M, BT.2020.
MATRICES = (1, 4, 5, 6, 7, 9)

HELP = "send a whole MP4, MOV or WebM file; H.264 in an MP4 is the safest."


@dataclass(frozen=True)
class ClipLimits:
    """How much of a clip is taken."""

    max_bytes: int = 60_000_000  # two minutes at 4 Mbit/s, which is what phones share
    max_pixels: int = 4096 * 2304  # a frame's: the 4K of cameras, 28 MB as RGB
    max_s: float = 120.0  # each second is decoded twice and costs up to 60 faces and mouths


def clip_type(data: bytes) -> str | None:
    """Return the media type of an MP4, MOV or WebM by its first bytes, or None where it is none of them."""
    box, brand = data[4:8], data[8:12]
    if box == b"ftyp" and brand not in PICTURE_BRANDS:
        return "video/quicktime" if brand == b"qt  " else "video/mp4"
    if box in QUICKTIME_BOXES:
        return "video/quicktime"
    is_webm = data.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in data[:64]  # an EBML header, and its DocType
    return "video/webm" if is_webm else None


def playlist(frames: int, wanted: int, extend: Extend) -> NDArray[np.int64]:
    """Return which of a clip's `frames` each of `wanted` video frames shows: (wanted,) int64.

    `loop` starts again, `bounce` goes back and forth without showing its ends twice, `hold` stays on the last.
    """
    order, last = np.arange(wanted, dtype=np.int64), frames - 1
    if extend == "loop":
        return order % frames
    if extend == "hold":
        return np.minimum(order, last)
    return last - np.abs(last - order % max(1, 2 * last))


def shaped(rgb: Pixels, options: SourceOptions) -> Pixels:
    """Return a photo or a frame as `options` want it: divided in size, turned, cut; in the published code's order.

    Raises `InvalidRequest` where the crop is empty or does not lie within it.
    """
    height, width = rgb.shape[:2]
    small = _resized(rgb, width // options.resize_factor, height // options.resize_factor)
    return _cropped(np.rot90(small, -1) if options.rotate else small, options)


def shrunk(rgb: Pixels, max_side_px: int) -> Pixels:
    """Return `rgb` with its longer side at most `max_side_px`, by area averaging; never enlarged."""
    height, width = rgb.shape[:2]
    scale = min(1.0, max_side_px / max(height, width))
    return _resized(rgb, round(width * scale), round(height * scale))


def _resized(rgb: Pixels, width: int, height: int) -> Pixels:
    size = max(1, width), max(1, height)
    if size == (rgb.shape[1], rgb.shape[0]):
        return rgb
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _cropped(rgb: Pixels, options: SourceOptions) -> Pixels:
    height, width = rgb.shape[:2]
    edges = zip(options.crop, (0, height, 0, width), strict=True)
    top, bottom, left, right = (edge if given == -1 else given for given, edge in edges)
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise InvalidRequest(
            f"The crop {list(options.crop)} (top, bottom, left, right) is empty or not within the picture, which is"
            f" {width} pixels wide and {height} high after resize_factor and rotate: send another, or -1 for an edge.",
            {"crop": list(options.crop), "width": width, "height": height},
        )
    return rgb[top:bottom, left:right]


class Footage:
    """A clip's frames; not thread-safe, and closed by leaving its `with` block.

    Frame i is what is seen i / `fps` seconds after the first: the latest picture whose time has come, or comes
    within 0.3 of a picture's time. `fps` is the options', or else the clip's own, at least 10 and at most 60: its
    rate tag, where the pictures are as many as that says; where not (variable rates, absurd tags), the number of
    pictures by the time they are shown. `width` and `height` are those of a frame, `count` is their number.

    A frame is upright (the container's display matrix) and has square pixels (its width is stretched by the sample
    aspect ratio); then it is `shaped` and `shrunk`. Colours follow the stream's tags; without one they are BT.709
    from 720 rows on, and BT.601 below. HDR is not tone-mapped, interlaced fields stay woven, transparency is dropped.
    A frame is a read-only array, and may come several times.

    Raises `UnreadableClip`, `ClipTooLarge` and, where the crop does not fit, `InvalidRequest`.
    """

    def __init__(
        self, data: bytes, options: SourceOptions, max_side_px: int, limits: ClipLimits = ClipLimits()
    ) -> None:
        _check_data(data, limits)
        self._options, self._max_side_px = options, max_side_px
        self._reformatter = VideoReformatter()
        with _reading():
            self._reel = _Reel(data, limits.max_pixels)
            _check_length(self._reel.duration_s, limits.max_s)
            first = self._reel.at(self._reel.origin)
            self._size = _square(first, self._reel.stream, limits.max_pixels)
            self._matrix = _display_matrix(first)
            self._developed = first, self._develop(first)
        self.height, self.width = self._developed[1].shape[:2]
        self.fps = options.fps or min(MAX_FPS, max(MIN_FPS, self._reel.own_fps))
        self.count = max(1, round(self._reel.duration_s * self.fps))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._reel.close()

    def frames(self) -> Iterator[Pixels]:
        """Yield every frame once, (height, width, 3) uint8 RGB. Raises `UnreadableClip` where it is damaged."""
        return self.play(range(self.count))

    def play(self, indices: Iterable[int]) -> Iterator[Pixels]:
        """Yield the frames of these numbers, in any order, as `frames` does: the same pixels, the same errors."""
        for run in _runs(indices):
            if len(run) == 1:
                yield self._frame(run[0])
            else:
                yield from reversed([self._frame(index) for index in reversed(run)])

    def _frame(self, index: int) -> Pixels:
        if not 0 <= index < self.count:
            raise IndexError(f"frame {index} of {self.count}")
        ticks = (index / self.fps) / self._reel.tick_s
        with _reading():
            picture = self._reel.at(self._reel.origin + ticks + self._reel.early)
            if picture is not self._developed[0]:
                self._developed = picture, self._develop(picture)
        return self._developed[1]

    def _develop(self, picture: av.VideoFrame) -> Pixels:
        """Return a decoded picture as it is shown."""
        untagged = Colorspace.ITU709 if picture.height >= 720 else Colorspace.ITU601
        rgb = self._reformatter.reformat(
            picture,
            *self._size,
            "rgb24",
            src_colorspace=None if picture.colorspace in MATRICES else untagged,
            interpolation=CONVERSION,
            threads=1,
        )
        upright = _upright(np.asarray(rgb.to_ndarray(), np.uint8), self._matrix)
        frame = np.ascontiguousarray(shrunk(shaped(upright, self._options), self._max_side_px))
        frame.flags.writeable = False
        return frame


class _Reel:
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
    _check_pixels(stream.codec_context.width, stream.codec_context.height, max_pixels)
    return stream


def _time(part: av.Packet[Any] | av.VideoFrame) -> int:
    """Return when a picture is shown, in ticks of its stream: MP4 and WebM always say it."""
    return part.pts if part.pts is not None else part.dts or 0


def _square(picture: av.VideoFrame, stream: av.VideoStream, max_pixels: int) -> tuple[int, int]:
    """Return the width and height that give a picture square pixels."""
    width = max(1, round(picture.width * (stream.sample_aspect_ratio or 1)))
    _check_pixels(width, picture.height, max_pixels)
    return width, picture.height


def _display_matrix(picture: av.VideoFrame) -> Sequence[int]:
    """Return the first four of the factors that turn a stored position into a shown one: x' = ax + cy, y' = bx + dy."""
    stored: Any = picture.side_data.get("DISPLAYMATRIX")
    if stored is None:
        return 1, 0, 0, 1
    a, b, _, c, d, *_ = np.frombuffer(stored, np.int32).tolist()
    return a, b, c, d


def _upright(rgb: Pixels, matrix: Sequence[int]) -> Pixels:
    """Return a picture as its display matrix shows it: quarter turns and mirrors, which is what cameras write."""
    a, b, c, d = matrix
    swapped = abs(b) > abs(a)
    across, down = (c, b) if swapped else (a, d)
    picture = rgb.transpose(1, 0, 2) if swapped else rgb
    return picture[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]


def _runs(indices: Iterable[int]) -> Iterator[list[int]]:
    """Split `indices` where they do not count down by one, and at `BLOCK`: each run can be read forwards at once."""
    run: list[int] = []
    for index in indices:
        if run and not (index == run[-1] - 1 and len(run) < BLOCK):
            yield run
            run = []
        run.append(index)
    if run:
        yield run


@contextmanager
def _reading() -> Iterator[None]:
    """Turn what PyAV raises into `UnreadableClip`; its own checks raise ValueError."""
    try:
        yield
    except (av.FFmpegError, ValueError) as error:
        raise UnreadableClip(f"The clip cannot be read, or not all of it: {HELP}") from error


def _check_data(data: bytes, limits: ClipLimits) -> None:
    if len(data) > limits.max_bytes:
        raise ClipTooLarge(
            f"The clip has {len(data)} bytes and the limit is {limits.max_bytes}: send a shorter or smaller one.",
            {"bytes": len(data), "max_bytes": limits.max_bytes},
        )
    kind = clip_type(data)
    if kind is None:
        raise UnreadableClip(f"This is no clip that can be read: {HELP}")
    if kind != "video/webm":
        _check_tables(data)


def _check_tables(data: bytes) -> None:
    """Refuse an MP4 that names more samples than it can have: FFmpeg makes room for each, gigabytes for a kilobyte."""
    samples, edits = 0, 1
    for box in _boxes(data):
        for table in TABLES.finditer(box):
            samples += int.from_bytes(table["samples"] or b"")
            edits = max(edits, int.from_bytes(table["edits"] or b""))
    if samples * edits > 2 * len(data):  # a sample takes two bytes, in PCM, and an edit rarely shows one again
        raise UnreadableClip(f"The clip is cut off or damaged: {HELP}")


def _boxes(data: bytes) -> Iterator[bytes]:
    """Yield the outer boxes of an MP4 but for those of its media."""
    start = 0
    while header := data[start : start + 16]:
        size = int.from_bytes(header[:4])
        size = int.from_bytes(header[8:]) if size == 1 else size or len(data)  # 0 is up to the end
        if header[4:8] != b"mdat":
            yield data[start : start + size]
        start += max(size, 8)


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    """FFmpeg forgets some sizes that are over the limit it was given, and then says 0."""
    if not 0 < width * height <= max_pixels:
        size = f"{width} by {height} pixels" if width else "too large"
        raise ClipTooLarge(
            f"The clip is {size} and the limit is {max_pixels} pixels in all: send a smaller one.",
            {"width": width, "height": height, "max_pixels": max_pixels},
        )


def _check_length(duration_s: float, max_s: float) -> None:
    if duration_s > max_s:
        raise ClipTooLarge(
            f"The clip lasts {duration_s:.1f} seconds and the limit is {max_s:g}: send a shorter one.",
            {"duration_s": duration_s, "max_s": max_s},
        )
