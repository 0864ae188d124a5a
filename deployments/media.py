"""The values that travel between stages: frozen, typed, with their units in their names.

Pixels are RGB unless a name says otherwise. Coordinates are photo pixels, x to the right and y down,
with the origin at the top left corner of the upright photo.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from deployments.errors import InvalidRequest

Pixels = NDArray[np.uint8]

Edges = tuple[int, int, int, int]
"""Top, bottom, left, right: the published code's order."""

Extend = Literal["loop", "bounce", "hold"]
"""What a clip does when the sound is longer: start again, play back and forth, or stay on its last frame."""

Paste = Literal["feathered", "published"]
"""How Wav2Lip's mouth goes into the picture: softly into the lower face, or the whole box with its visible edge."""

Motion = Literal["natural", "still"]
"""Whether a photo's head lives (it blinks, breathes and sways a little) or only its mouth moves."""

CLIP_FACE_PX = 96
"""Side of a clip's faces on their way to the lip-sync stage: what Wav2Lip looks at."""


@dataclass(frozen=True)
class SourceOptions:
    """How the face is taken from a photo or a clip: the published code's options, by its names.

    A frame is first divided in size by `resize_factor`, then turned clockwise by a quarter if `rotate`, then cut to
    `crop` (-1 is the frame's own edge). `box` is a face box in what that leaves, given instead of searched for.
    `pads` are pixels added around a box that was found. `fps` None is the service's for a photo, the clip's own for
    a clip. `nosmooth` takes each frame's box as it was found; `static` takes a clip's first frame as a photo.
    `extend` is for clips.

    Of several faces the largest speaks, unless `face_index` (from 0, the largest) or `face_point` chooses another: the
    face whose box holds that point or, where none does, whose box has its centre nearest to it. The point is x, y, a
    pixel of the picture as its sender sees it: upright by its EXIF orientation or its clip's display matrix, before
    `resize_factor`, `rotate` and `crop`, from 0, 0 at the left top. Raises `InvalidRequest` where both are given.
    """

    pads: Edges = (0, 10, 0, 0)
    box: Edges | None = None
    crop: Edges = (0, -1, 0, -1)
    rotate: bool = False
    resize_factor: int = 1
    fps: float | None = None
    nosmooth: bool = False
    static: bool = False
    extend: Extend = "loop"
    face_index: int | None = None
    face_point: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.face_index is not None and self.face_point is not None:
            raise InvalidRequest(
                "Choose a face by 'face_index' or by 'face_point', not by both.", {"param": "face_point"}
            )


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


@dataclass(frozen=True)
class Word:
    """A written word, with the signs that touch it, and when it is heard in the waveform."""

    text: str
    start_s: float
    end_s: float


Timed = TypeVar("Timed", Phoneme, Word)


def later(heard: Timed, by_s: float) -> Timed:
    """The same, heard so much later."""
    return replace(heard, start_s=heard.start_s + by_s, end_s=heard.end_s + by_s)


@dataclass(frozen=True, eq=False)
class Speech:
    """A waveform and, where the voice knows them, the phonemes and words in it (empty for uploaded sound)."""

    waveform: Waveform
    phonemes: tuple[Phoneme, ...] = ()
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Passage:
    """What a voice says at once, usually a sentence: plain text in words, as it shall be read.

    `written` is the same as a caption shows it. `speed` 2 is twice as fast; `pitch` is in semitones, 12 an octave
    higher; `pause_s` is the silence that follows.
    """

    text: str
    written: str
    speed: float = 1.0
    pitch: float = 0.0
    pause_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Spoken:
    """How a script begins: the speech of its first passage, and the passages to be spoken after it.

    They are of one voice and in one `language`, a BCP 47 tag.
    """

    speech: Speech
    rest: tuple[Passage, ...] = ()
    voice_id: str = ""
    language: str = "en"
    seed: int = 0


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
    MediaPipe FaceMesh points as x, y in photo pixels and z in the same scale, or None where the box was given and
    the mesh fits no face in it; `confidence` is in [0, 1].
    """

    box: FaceBox
    landmarks: NDArray[np.float32] | None
    confidence: float


@dataclass(frozen=True, eq=False)
class FaceCrop:
    """What a lip-sync engine sees of a photo.

    `rgb` holds the photo's own pixels under `area` (the face and its surroundings); `box` is the face box
    with pads; `landmarks` is (468, 3) float32, or None where they are not known. All are in photo coordinates.
    `digest` names the content, so that an engine can keep what it computed once for a face.
    """

    rgb: Pixels
    area: FaceBox
    box: FaceBox
    landmarks: NDArray[np.float32] | None
    digest: str


@dataclass(frozen=True, eq=False)
class ClipFaces:
    """What a lip-sync engine sees of a run of a clip's frames: one face each.

    `rgb` is (n, 96, 96, 3), the pixels under each of the `boxes`, resized bilinearly; `landmarks` is (n, 468, 3)
    float32 in the clip's pixels, NaN where they are not known.
    """

    rgb: Pixels
    boxes: tuple[FaceBox, ...]
    landmarks: NDArray[np.float32]

    def chunk(self, first: int, stop: int) -> ClipFaces:
        """The faces of frames [first, stop)."""
        return ClipFaces(self.rgb[first:stop], self.boxes[first:stop], self.landmarks[first:stop])


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """A photo as the video will show it, at `fps` frames a second; the face that speaks, and its crop."""

    photo: Photo
    face: Face
    crop: FaceCrop
    fps: float


@dataclass(frozen=True, eq=False)
class ClipTrack:
    """The face that speaks in each frame of a clip, which itself is decoded where it is needed.

    Frame i of the clip, upright and as `options` shape it, is what is seen at i / `fps` seconds. Row i of `boxes`,
    (frames, 4) int32, is left, top, right, bottom with pads; of `landmarks`, (frames, 468, 3) float32, NaN where
    they are not known; of `found`, (frames,) bool, False where there is no face and the picture stays as it is.
    """

    options: SourceOptions
    width: int
    height: int
    fps: float
    boxes: NDArray[np.int32]
    landmarks: NDArray[np.float32]
    found: NDArray[np.bool_]

    @property
    def frames(self) -> int:
        """Number of frames in the clip."""
        return len(self.found)


@dataclass(frozen=True)
class Life:
    """Blinks, breath and sway of a photo's head, drawn from `seed`; a drive begins `start_s` into the video."""

    seed: int = 0
    start_s: float = 0.0


@dataclass(frozen=True, eq=False)
class MouthDrive:
    """What moves the mouth, frame by frame.

    `features` is (channels, columns) float32 in the engine's own terms (mel bands, viseme weights);
    video frame i, at `fps` frames a second, sees the `width` columns from `starts[i]` on.
    `engine` is the name of the engine that made it, and `paste` how it shall paste what it makes.
    """

    engine: str
    fps: float
    features: NDArray[np.float32]
    starts: NDArray[np.int32]
    width: int
    paste: Paste = "feathered"

    @property
    def frames(self) -> int:
        """Number of video frames."""
        return len(self.starts)

    def chunk(self, first: int, stop: int) -> MouthDrive:
        """The drive of frames [first, stop), with no more columns than they see, copied."""
        return self.of(slice(first, stop))

    def of(self, frames: slice | NDArray[np.intp]) -> MouthDrive:
        """The drive of some frames, at least one, with no more columns than lie between them, copied."""
        starts = self.starts[frames]
        low, high = int(starts.min()), int(starts.max()) + self.width
        return replace(self, features=self.features[:, low:high].copy(), starts=starts - np.int32(low))


@dataclass(frozen=True)
class Acting:
    """How a face acts: by which engine, how its mouth is pasted, whether its head lives, by which seed."""

    engine: str
    paste: Paste = "feathered"
    motion: Motion = "natural"
    seed: int = 0


@dataclass(frozen=True, eq=False)
class MouthFrames:
    """New mouths for a run of frames.

    `rgb` is (frames, h, w, 3) uint8 and covers the pixels under `boxes` (to be resized to them if h, w differ).
    `masks` is uint8, resized in the same way: 255 where the mouth replaces the picture, 0 where the picture stays
    as it is. For a clip there are a box and a mask for each frame, for a photo one of each for all.
    """

    rgb: Pixels
    boxes: tuple[FaceBox, ...]
    masks: NDArray[np.uint8]


@dataclass(frozen=True)
class Progress:
    """How many frames of a video are done; of how many, once all of it is spoken."""

    frames_done: int
    frames: int | None


@dataclass(frozen=True)
class Clip:
    """The measures of a finished MP4, which itself is too large to travel.

    `frames_without_face` were shown as they are in the source clip. `timings_s` are the seconds during which mouths
    were generated, frames encoded and the file stored: the first two at the same time.
    """

    width: int
    height: int
    frames: int
    fps: float
    size_bytes: int
    frames_without_face: int = 0
    timings_s: dict[str, float] = field(default_factory=dict)

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.fps
