"""What a look at a picture tells before it is used: its faces, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from deployments.media import FaceBox

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Pose:
    """Where a head faces, in degrees: all 0 where it stands upright and looks straight into the camera.

    `yaw_deg` is positive where it is turned to the picture's right, `pitch_deg` where it looks up, `roll_deg` where it
    leans clockwise.
    """

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


@dataclass(frozen=True)
class FaceLook:
    """A face, in pixels of the picture as it was sent (upright by its EXIF orientation).

    `box` is cut to the picture; `size_px` is the shorter side of the whole face's. `confidence`, `sharpness` (hardly
    above 0.5 in the best of photos), `brightness` and `contrast` are in [0, 1].
    """

    box: FaceBox
    size_px: int
    confidence: float
    pose: Pose
    mouth_open: bool
    sharpness: float
    brightness: float
    contrast: float


@dataclass(frozen=True)
class PictureProblem:
    """What is wrong: `detail` says it with its measures, `hint` how to mend it. With an error the picture is no use."""

    code: str
    severity: Severity
    detail: str
    hint: str


@dataclass(frozen=True)
class Inspection:
    """A picture or clip as a poster: its upright size (None where it is too large to be read) and faces, largest first.

    Of a clip, these are the faces of the first frame looked at that has some. `problems` are of the picture and of the
    first face, which speaks unless another is chosen.
    """

    content_type: str
    width: int | None
    height: int | None
    faces: tuple[FaceLook, ...]
    problems: tuple[PictureProblem, ...]

    @property
    def usable(self) -> bool:
        """Whether a video can be made of it that is worth it."""
        return not any(problem.severity == "error" for problem in self.problems)
