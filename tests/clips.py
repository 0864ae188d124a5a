"""Clips for tests: pictures as the bytes of a file of any codec, timing and rotation, and a face that moves about."""

import math
import tempfile
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, count
from pathlib import Path
from typing import IO

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from deployments.media import Pixels

POSTER = Path(__file__).parent / "assets" / "poster.png"
HEAD = slice(4, 204), slice(128, 328)
"""Rows and columns of the poster with its face in the middle."""

LOSSLESS = {
    "libx264": {"preset": "ultrafast", "qp": "0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "lossless": "1"},
}
FAST = {
    "libx264": {"preset": "ultrafast", "crf": "18"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "b": "2M"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "20"},
}


def make_clip(
    target: str | Path | IO[bytes] | None,
    frames: Iterable[Pixels],
    fps: float | Fraction = 30,
    codec: str = "libx264",
    container: str = "mp4",
    pts: Iterable[int] | None = None,
    tick: Fraction | None = None,
    rotation: int = 0,
    gop: int | None = None,
    bframes: int = 0,
    lossless: bool = False,
    sound: np.ndarray | None = None,
    options: dict[str, str] | None = None,
    muxer: dict[str, str] | None = None,
    pix_fmt: str = "yuv420p",
    colorspace: Colorspace = Colorspace.ITU709,
    color_range: ColorRange = ColorRange.MPEG,
    tagged: bool = True,
    aspect: Fraction | None = None,
) -> bytes:
    """Return `frames`, (h, w, 3) RGB, as the bytes of a clip, also written to the path or file `target` if not None.

    `pts` are the frames' times in ticks of `tick` seconds (of 1/fps without one). `rotation` says how far clockwise,
    in degrees, the frames are to be turned for display. `sound` is int16 at 16 kHz. `options` go to the encoder,
    `muxer` to the container; `tagged` False leaves out what the colours are, `aspect` is that of a pixel.
    """
    rate, frames = Fraction(fps).limit_denominator(1001), iter(frames)
    first = next(frames)
    with tempfile.NamedTemporaryFile(suffix=f".{container}") as file:  # a path: `faststart` needs one
        with av.open(file.name, "w", format=container, options=muxer or {}) as output:
            stream = output.add_stream(codec, rate)
            stream.height, stream.width = first.shape[:2]
            stream.pix_fmt = pix_fmt
            context = stream.codec_context
            context.options = (LOSSLESS if lossless else FAST).get(codec, {}) | {"bf": str(bframes)} | (options or {})
            context.thread_count, context.time_base = 1, tick or 1 / rate
            if gop:
                context.gop_size = gop
            if tagged:
                context.colorspace, context.color_range = colorspace, color_range
            if aspect:
                context.sample_aspect_ratio = aspect
            if rotation:
                stream.set_display_rotation(-rotation)
            voice = None
            if sound is not None:
                voice = output.add_stream("libopus" if container == "webm" else "aac", 48_000, layout="mono")
            reformatter = VideoReformatter()
            for rgb, time in zip(chain([first], frames), count() if pts is None else pts, strict=False):
                frame = reformatter.reformat(
                    av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb)),
                    format=pix_fmt,
                    dst_colorspace=colorspace,
                    dst_color_range=color_range,
                    threads=1,
                )
                frame.pts, frame.time_base = time, context.time_base
                output.mux(stream.encode(frame))
            output.mux(stream.encode())
            if voice is not None:
                _write_sound(output, voice, sound)
        data = Path(file.name).read_bytes()
    if isinstance(target, str | Path):
        Path(target).write_bytes(data)
    elif target is not None:
        target.write(data)
    return data


def _write_sound(output, voice, sound):
    resampler = av.AudioResampler("s16" if voice.name == "libopus" else "fltp", "mono", 48_000, 960)
    frame = av.AudioFrame.from_ndarray(sound[None], "s16", "mono")
    frame.sample_rate, frame.pts = 16_000, 0
    for piece in chain(resampler.resample(frame), resampler.resample(None)):
        output.mux(voice.encode(piece))
    output.mux(voice.encode())


def moving_poster(
    seconds: float = 20,
    fps: float = 30,
    size: tuple[int, int] = (640, 480),
    no_face_s: tuple[float, float] = (9, 11),
) -> Iterator[Pixels]:
    """Yield frames of (width, height) `size` with the poster's head moving about; away from and to `no_face_s`."""
    head = cv2.cvtColor(cv2.imread(str(POSTER)), cv2.COLOR_BGR2RGB)
    mask = np.zeros(head.shape[:2], np.uint8)
    mask[HEAD] = 255
    ground = _ground(size)
    for i in range(round(seconds * fps)):
        frame = ground.copy()
        if not no_face_s[0] <= i / fps < no_face_s[1]:
            matrix = moving_poster_matrix(i, fps, size)
            seen = cv2.warpAffine(mask, matrix, size) > 127
            frame[seen] = cv2.warpAffine(head, matrix, size)[seen]
        yield frame


def moving_poster_matrix(i: int, fps: float = 30, size: tuple[int, int] = (640, 480)) -> np.ndarray:
    """Return the (2, 3) affine from the poster's pixels to those of frame `i` of `moving_poster`."""
    width, height = size
    swing = [math.sin(2 * math.pi * (i / fps) / period_s) for period_s in (5.0, 3.7, 6.1, 4.3)]
    scale = (1 + 0.1 * swing[3]) * 0.7 * min(size) / 200
    matrix = cv2.getRotationMatrix2D((228.0, 104.0), 12 * swing[2], scale)
    matrix[:, 2] += width * (0.5 + 0.1 * swing[0]) - 228, height * (0.5 + 0.06 * swing[1]) - 104
    return matrix


def _ground(size):
    """A plain wall: a gray gradient with a grain as a camera would see it."""
    width, height = size
    grain = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 40, (height, width)), (0, 0), 2)
    gray = np.linspace(150, 110, width)[None] + grain
    return np.clip(gray[:, :, None] + np.array([6, 0, -8]), 0, 255).astype(np.uint8)
