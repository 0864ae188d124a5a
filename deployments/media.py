"""The values that travel between stages: frozen, typed, with their units in their names.

Pixels are RGB unless a name says otherwise. Coordinates are photo pixels, x to the right and y down,
with the origin at the top left corner of the upright photo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Waveform:
    """Mono sound as 16-bit PCM: `samples` is (n,) int16, `rate_hz` samples a second."""

    samples: NDArray[np.int16]
    rate_hz: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate_hz


@dataclass(frozen=True)
class Phoneme:
    """One speech sound: its IPA symbol without stress marks, and when it is heard in the waveform."""

    symbol: str
    start_s: float
    end_s: float


@dataclass(frozen=True, eq=False)
class Speech:
    """A waveform and, where the voice knows them, the phonemes in it (empty for uploaded sound)."""

    waveform: Waveform
    phonemes: tuple[Phoneme, ...] = ()


@dataclass(frozen=True, eq=False)
class Photo:
    """An upright picture: `rgb` is (height, width, 3) uint8."""

    rgb: Pixels

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.rgb.shape[0])


@dataclass(frozen=True)
class FaceBox:
    """A rectangle of photo pixels: `left` and `top` inside it, `right` and `bottom` just outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Width in pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Height in pixels."""
        return self.bottom - self.top

    def padded(self, top: int, bottom: int, left: int, right: int) -> FaceBox:
        """This box with that many pixels more on each side (Wav2Lip's order of `pads`)."""
        return FaceBox(self.left - left, self.top - top, self.right + right, self.bottom + bottom)

    def within(self, width: int, height: int) -> FaceBox:
        """This box cut to a photo of that size."""
        return FaceBox(max(0, self.left), max(0, self.top), min(width, self.right), min(height, self.bottom))

    def cut(self, rgb: Pixels) -> Pixels:
        """The pixels under this box, as a view of `rgb` (height, width, 3)."""
        return rgb[self.top : self.bottom, self.left : self.right]


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a photo.

    `box` follows the WIDER FACE convention (forehead to chin, no pads); `landmarks` is (468, 3) float32,
    MediaPipe FaceMesh points as x, y in photo pixels and z in the same scale; `confidence` is in [0, 1].
    """

    box: FaceBox
    landmarks: NDArray[np.float32]
    confidence: float


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """What a lip-sync engine sees of a photo.

    `rgb` holds the photo's own pixels under `area` (the face and its surroundings); `box` is the face box
    with pads; `landmarks` is (468, 3) float32. All are in photo coordinates. `digest` names the content,
    so that an engine can keep what it computed once for a face.
    """

    rgb: Pixels
    area: FaceBox
    box: FaceBox
    landmarks: NDArray[np.float32]
    digest: str


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """A photo as the video will show it, the face in it that speaks, and the crop for the engine."""

    photo: Photo
    face: Face
    crop: FaceCrop


@dataclass(frozen=True, eq=False)
class MouthDrive:
    """What moves the mouth, frame by frame.

    `features` is (channels, columns) float32 in the engine's own terms (mel bands, viseme weights);
    video frame i, at `fps` frames a second, sees the `width` columns from `starts[i]` on.
    `engine` is the name of the engine that made it.
    """

    engine: str
    fps: float
    features: NDArray[np.float32]
    starts: NDArray[np.int32]
    width: int

    @property
    def frames(self) -> int:
        """Number of video frames."""
        return len(self.starts)

    def chunk(self, first: int, stop: int) -> MouthDrive:
        """The drive of frames [first, stop), with no more columns than they see, copied."""
        starts = self.starts[first:stop]
        low, high = int(starts.min()), int(starts.max()) + self.width
        return replace(self, features=self.features[:, low:high].copy(), starts=starts - np.int32(low))


@dataclass(frozen=True, eq=False)
class MouthFrames:
    """New mouths for a run of frames.

    `rgb` is (frames, h, w, 3) uint8 and covers the photo pixels under `box` (to be resized to it if h, w
    differ). `mask` is (box.height, box.width) uint8: 255 where the mouth replaces the photo, 0 where the
    photo stays as it is.
    """

    rgb: Pixels
    box: FaceBox
    mask: NDArray[np.uint8]


@dataclass(frozen=True)
class Clip:
    """The measures of a finished MP4, which itself is too large to travel."""

    width: int
    height: int
    frames: int
    fps: float
    size_bytes: int

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.fps
