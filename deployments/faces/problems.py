"""Problems: what is wrong with a picture as a poster, and how to mend it.

The numbers were fitted on the two sample posters, blurred, darkened, scaled, turned and cut by degrees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deployments.errors import TalkingPhotoError
from deployments.faces.landmarks import Landmarks
from deployments.inspection import FaceLook, PictureProblem, Pose, Severity

SMALL_PX, TOO_SMALL_PX = 96, 48
"""Sides of a face in the video: what Wav2Lip looks at and makes; and half of it, where a mouth is 15 pixels wide."""

TURNED_DEG, PROFILE_DEG = 20.0, 35.0
"""Measured yaw of heads turned by 30 degrees, where half of the mouth is a third narrower than the other; and by 50,
where its far corner goes out of sight."""

TILTED_DEG = 25.0
"""Measured pitch from which chin or forehead hide the mouth's shape: 30 degrees in 3-D."""

LEANING_DEG = 25.0
"""Roll that the lip-sync engine, which is shown the picture as it is, was hardly trained on: heads on television."""

ON_ITS_SIDE_DEG, UPSIDE_DOWN_DEG = 60.0, 135.0
"""Roll from which the picture is turned: an upright face leans by less than 60 degrees, to `landmarks.upright`."""

CUT_OFF = 0.05
"""Part of the mesh's points beyond the picture's edge; a cut in the hairline has fewer."""

BLURRED, TOO_BLURRED = 0.02, 0.005
"""Sharpness: blurs by 1 % of the face's width measured 0.03 to 0.05, by 2 % 0.008, by 3 % 0.003 to 0.004."""

DARK, FLAT = 0.35, 0.2
"""Brightness and contrast: photos at half of their light measured 0.39 to 0.43, at a third 0.23 to 0.25; in fog 0.1
of contrast is left, in a normal photo 0.7."""

_MOUTH = [61, 291, 0, 17]
"""Corners and the middles of the lips' outer edges."""

Found = Iterator[PictureProblem]


def too_large(error: TalkingPhotoError) -> PictureProblem:
    """The problem of a picture or clip that is not read."""
    return PictureProblem(
        error.code, "error", error.detail, "Scale the picture down, or cut the clip, and send it again."
    )


def problems_of(
    faces: Sequence[FaceLook], landmarks: Sequence[Landmarks], width: int, height: int, max_side_px: int
) -> tuple[PictureProblem, ...]:
    """Return what is wrong with a picture of that size and with the first of its faces, errors first.

    `landmarks` are the faces', in the picture's pixels; its longer side will be `max_side_px` at most in the video.
    """
    if not faces:
        hint = "Send a picture with one face seen from the front, well lit, that fills a tenth of the picture or more."
        return (PictureProblem("no_face", "error", "No face was found.", hint),)
    face = faces[0]
    scale = min(1.0, max_side_px / max(width, height))
    found = [
        *_cut_off(landmarks[0], width, height),
        *_small(face, scale),
        *_turned(face.pose),
        *_leaning(face.pose),
        *_blurred(face, scale),
        *_light(face),
        *_mouth(face),
        *_several(faces),
    ]
    return tuple(sorted(found, key=lambda problem: problem.severity))


def _cut_off(landmarks: Landmarks, width: int, height: int) -> Found:
    x, y = landmarks[:, 0], landmarks[:, 1]
    outside = (x < 0) | (y < 0) | (x > width) | (y > height)
    mouth = outside[_MOUTH].any()
    if mouth or outside.mean() > CUT_OFF:
        yield PictureProblem(
            "face_cut_off",
            "error" if mouth else "warning",
            f"The picture's edge cuts {'the mouth' if mouth else 'the face'} off.",
            "Send a picture that shows the whole face, from the hair to below the chin.",
        )


def _small(face: FaceLook, scale: float) -> Found:
    shown_px = round(face.size_px * scale)
    if shown_px < SMALL_PX:
        yield PictureProblem(
            "face_too_small",
            "error" if shown_px < TOO_SMALL_PX else "warning",
            f"The face is {shown_px} pixels wide in the video; the mouth is drawn for {SMALL_PX} and more.",
            "Crop the picture to head and shoulders, or send one with more pixels or taken from nearer.",
        )


def _turned(pose: Pose) -> Found:
    side = "right" if pose.yaw_deg > 0 else "left"
    hint = "Send a picture in which the person looks into the camera."
    if abs(pose.yaw_deg) > PROFILE_DEG:
        yield PictureProblem("profile", "error", f"The face is seen from the side: it looks to the {side}.", hint)
    elif abs(pose.yaw_deg) > TURNED_DEG:
        detail = f"The face is turned to the {side}, by some {abs(pose.yaw_deg):.0f} degrees."
        yield PictureProblem("face_turned_away", "warning", detail, hint)
    elif abs(pose.pitch_deg) > TILTED_DEG:
        detail = f"The face looks {'up' if pose.pitch_deg > 0 else 'down'}, by some {abs(pose.pitch_deg):.0f} degrees."
        yield PictureProblem("face_turned_away", "warning", detail, hint)


def _leaning(pose: Pose) -> Found:
    roll_deg = round(abs(pose.roll_deg))
    way = "counter-clockwise" if pose.roll_deg > 0 else "clockwise"
    hint = f"Turn the picture {way} by {roll_deg} degrees, so that the eyes are level."
    if roll_deg > UPSIDE_DOWN_DEG:
        detail = "The face stands on its head; the video will show the picture turned by half."
        yield PictureProblem("face_upside_down", "warning", detail, hint)
    elif roll_deg > ON_ITS_SIDE_DEG:
        detail = "The face lies on its side; the video will show the picture turned by a quarter."
        yield PictureProblem("face_rolled", "warning", detail, hint)
    elif roll_deg > LEANING_DEG:
        yield PictureProblem("face_rolled", "warning", f"The face leans by {roll_deg} degrees.", hint)


def _blurred(face: FaceLook, scale: float) -> Found:
    if face.sharpness < BLURRED and face.size_px * scale >= TOO_SMALL_PX:
        severity: Severity = "error" if face.sharpness < TOO_BLURRED else "warning"
        hint = "Send a sharper picture: in focus, held still, not enlarged."
        yield PictureProblem("blurred", severity, "The face is blurred; a new mouth would not fit it.", hint)


def _light(face: FaceLook) -> Found:
    if face.brightness < DARK:
        hint = "Send a picture with more light on the face, or brighten it."
        yield PictureProblem("too_dark", "warning", "The face is dark.", hint)
    elif face.contrast < FLAT:
        hint = "Send a picture with neither haze nor glare, or raise its contrast."
        yield PictureProblem("low_contrast", "warning", "The face has hardly any contrast.", hint)


def _mouth(face: FaceLook) -> Found:
    if face.mouth_open:
        detail = "The lips are apart; teeth that show in the picture may be seen twice."
        yield PictureProblem("mouth_open", "warning", detail, "Send a picture with closed lips, if you have one.")


def _several(faces: Sequence[FaceLook]) -> Found:
    if len(faces) > 1:
        yield PictureProblem(
            "several_faces",
            "warning",
            f"There are {len(faces)} faces; the largest, the first here, speaks.",
            f"To choose another, order the video with face_index 1 to {len(faces) - 1}, or with face_point x, y on it.",
        )
