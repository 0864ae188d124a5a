"""Clips: the bytes of an MP4, MOV or WebM as upright RGB frames at a constant rate, decoded as they are asked for.

Two stages look at the same clip, each in a replica of its own: one for its faces, one for its pictures. So a frame
is a number here, and means the same pixels however it is reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, cycle, repeat
from typing import Any, Self

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

from deployments.boxes import clip_type, overstated
from deployments.errors import ClipTooLarge, InvalidRequest, UnreadableClip
from deployments.media import Edges, Extend, Pixels, SourceOptions
from deployments.reel import HELP, Reel, check_pixels

# Below, a mouth does not move smoothly; above, nobody sees more, and each frame costs a mouth.
MIN_FPS, MAX_FPS = 10.0, 60.0

# Frames kept at a time where a clip is played backwards: 44 MB at 720x1280.
BLOCK = 16

# What cv2.VideoCapture gives the published code, bit for bit: 1.2 of 255 too dark on average, in a tenth of the time
# of swscale's exact arithmetic (0.9 instead of 8 ms at 1280x720).
CONVERSION = Interpolation.BILINEAR

# The tags of ways from YUV to RGB that swscale knows (ISO/IEC 23091-2): BT.709, FCC, BT.601 twice, SMPTE 240M, BT.2020.
MATRICES = (1, 4, 5, 6, 7, 9)


@dataclass(frozen=True)
class ClipLimits:
    """How much of a clip is taken."""

    max_bytes: int = 60_000_000  # two minutes at 4 Mbit/s, which is what phones share
    max_pixels: int = 4096 * 2304  # a frame's: the 4K of cameras, 28 MB as RGB
    max_s: float = 120.0  # each second is decoded twice and costs up to 60 faces and mouths


def playlist(frames: int, extend: Extend) -> Iterator[int]:
    """Return which of a clip's `frames` each frame of a video shows, without an end.

    `loop` starts again, `bounce` goes back and forth without showing its ends twice, `hold` stays on the last.
    """
    if extend == "hold":
        return chain(range(frames), repeat(frames - 1))
    return cycle([*range(frames), *(range(frames - 2, 0, -1) if extend == "bounce" else ())])


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


def crop_edges(width: int, height: int, options: SourceOptions) -> Edges:
    """Return what `options` crop of a picture of that size, its edges in place of -1. Raises as `shaped` does."""
    edges = zip(options.crop, (0, height, 0, width), strict=True)
    top, bottom, left, right = (edge if given == -1 else given for given, edge in edges)
    if not (0 <= top < bottom <= height and 0 <= left < right <= width):
        raise InvalidRequest(
            f"The crop {list(options.crop)} (top, bottom, left, right) is empty or not within the picture, which is"
            f" {width} pixels wide and {height} high after resize_factor and rotate: send another, or -1 for an edge.",
            {"crop": list(options.crop), "width": width, "height": height},
        )
    return top, bottom, left, right


def _cropped(rgb: Pixels, options: SourceOptions) -> Pixels:
    height, width = rgb.shape[:2]
    top, bottom, left, right = crop_edges(width, height, options)
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
            self._reel = Reel(data, limits.max_pixels)
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


def _square(picture: av.VideoFrame, stream: av.VideoStream, max_pixels: int) -> tuple[int, int]:
    """Return the width and height that give a picture square pixels."""
    width = max(1, round(picture.width * (stream.sample_aspect_ratio or 1)))
    check_pixels(width, picture.height, max_pixels)
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
    if kind != "video/webm" and overstated(data):
        raise UnreadableClip(f"The clip is cut off or damaged: {HELP}")


def _check_length(duration_s: float, max_s: float) -> None:
    if duration_s > max_s:
        raise ClipTooLarge(
            f"The clip lasts {duration_s:.1f} seconds and the limit is {max_s:g}: send a shorter one.",
            {"duration_s": duration_s, "max_s": max_s},
        )
