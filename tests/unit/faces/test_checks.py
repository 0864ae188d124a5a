import cv2
import numpy as np
import pytest
from clips import make_clip

from deployments.errors import UnreadableClip, UnreadableImage
from deployments.faces.finder import FaceFinder
from deployments.media import FaceBox, SourceOptions


@pytest.fixture(scope="module")
def large_rgb(poster_rgb):
    """The poster's head and shoulders, 800 pixels high and 400 wide, the face 210 of them."""
    return cv2.resize(poster_rgb[:400, 125:325], (400, 800), interpolation=cv2.INTER_CUBIC)


def blurred(rgb, part_of_face):
    return cv2.GaussianBlur(rgb, (0, 0), part_of_face * 210)


def leaning(rgb, degrees):
    height, width = rgb.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    return cv2.warpAffine(rgb, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)


def told(inspection):
    return {problem.code: problem.severity for problem in inspection.problems if problem.code != "mouth_open"}


def test_a_good_photo_is_usable_and_its_smile_is_told(finder, large_rgb, encode):
    seen = finder.check(encode(large_rgb))

    assert (seen.content_type, seen.width, seen.height, seen.usable) == ("image/png", 400, 800, True)
    (face,) = seen.faces
    assert face.mouth_open
    assert [problem.code for problem in seen.problems] == ["mouth_open"]
    assert 200 <= face.size_px <= 215
    assert (face.confidence > 0.99, face.brightness > 0.7, face.contrast > 0.6) == (True, True, True)


@pytest.mark.parametrize(
    ("make", "problems"),
    [
        (lambda rgb: np.full_like(rgb, 128), {"no_face": "error"}),
        (lambda rgb: rgb[400:], {"no_face": "error"}),
        (lambda rgb: cv2.resize(rgb, None, fx=0.35, fy=0.35), {"face_too_small": "warning"}),
        (lambda rgb: cv2.resize(rgb, None, fx=0.15, fy=0.15), {"face_too_small": "error"}),
        (lambda rgb: blurred(rgb, 0.015), {"blurred": "warning"}),
        (lambda rgb: blurred(rgb, 0.035), {"blurred": "error"}),
        (lambda rgb: (rgb * 0.25).astype(np.uint8), {"too_dark": "warning"}),
        (lambda rgb: (rgb * 0.15 + 180).astype(np.uint8), {"low_contrast": "warning"}),
        (lambda rgb: rgb[180:], {"face_cut_off": "warning"}),
        (lambda rgb: rgb[:278], {"face_cut_off": "error"}),
        (lambda rgb: leaning(rgb, 35), {"face_rolled": "warning"}),
        (np.rot90, {"face_rolled": "warning"}),
        (lambda rgb: np.rot90(rgb, 2), {"face_upside_down": "warning"}),
    ],
)
def test_what_is_wrong_with_a_photo_is_told_with_a_hint(finder, large_rgb, encode, make, problems):
    seen = finder.check(encode(np.ascontiguousarray(make(large_rgb))))

    assert told(seen) == problems
    assert seen.usable == ("error" not in problems.values())
    assert all(problem.detail.endswith(".") and problem.hint.endswith(".") for problem in seen.problems)


def test_what_is_only_a_little_worse_is_not_complained_of(finder, large_rgb, encode):
    for make in (lambda rgb: blurred(rgb, 0.005), lambda rgb: (rgb * 0.6).astype(np.uint8), lambda rgb: rgb[20:]):
        assert told(finder.check(encode(np.ascontiguousarray(make(large_rgb))))) == {}


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_faces_are_told_in_the_pixels_of_the_picture_as_it_was_sent(finder, large_rgb, encode, quarters):
    upright = finder.check(encode(large_rgb)).faces[0]
    mark = np.zeros((800, 400), np.uint8)
    upright.box.cut(mark)[:] = 1

    seen = finder.check(encode(np.ascontiguousarray(np.rot90(large_rgb, quarters))))

    (face,) = seen.faces
    y, x = np.nonzero(np.rot90(mark, quarters))
    assert (seen.height, seen.width) == np.rot90(mark, quarters).shape
    edges = np.array([face.box.left, face.box.top, face.box.right, face.box.bottom])
    assert np.abs(edges - (x.min(), y.min(), x.max() + 1, y.max() + 1)).max() <= 8  # of 240
    turn = (face.pose.roll_deg - upright.pose.roll_deg + 90 * quarters) % 360
    assert min(turn, 360 - turn) < 3


def test_the_middle_of_each_box_told_chooses_its_face(finder, paste_head, encode):
    poster = np.full((1500, 2600, 3), 180, np.uint8)
    for left, top, width in ((100, 100, 400), (1500, 200, 500), (1000, 1100, 120)):
        paste_head(poster, left, top, width)
    data = encode(poster)

    seen = finder.check(data)

    assert told(seen) == {"several_faces": "warning"}
    assert len(seen.faces) == 3
    for face in seen.faces:
        point = (face.box.left + face.box.right) // 2, (face.box.top + face.box.bottom) // 2
        track = finder.track(data, SourceOptions(face_point=point))
        scale = 2600 / track.photo.width
        assert abs((track.face.box.left + track.face.box.right) / 2 * scale - point[0]) <= 6


def test_a_face_is_small_by_what_the_video_shows_of_it(paste_head, encode):
    poster = np.full((900, 1200, 3), 180, np.uint8)
    paste_head(poster, 400, 300, face_width_px=150)

    assert told(FaceFinder(max_side_px=1280).check(encode(poster))) == {}
    assert told(FaceFinder(max_side_px=640).check(encode(poster))) == {"face_too_small": "warning"}
    assert told(FaceFinder(max_side_px=320).check(encode(poster))) == {"face_too_small": "error"}


def test_a_picture_or_clip_that_is_too_large_is_a_problem_and_unreadable_bytes_are_an_error(poster_png, poster_rgb):
    clip = make_clip(None, [poster_rgb] * 30)
    picture, long_clip = FaceFinder(max_pixels=1000).check(poster_png), FaceFinder(max_bytes=1000).check(poster_png)

    assert (picture.width, picture.faces, picture.usable) == (None, (), False)
    assert told(picture) == told(long_clip) == {"image_too_large": "error"}
    with pytest.raises(UnreadableClip):
        FaceFinder().check(clip[:1000])
    with pytest.raises(UnreadableImage):
        FaceFinder().check(b"%PDF-1.7")


def test_a_clip_is_told_of_as_a_photo_is_by_its_first_frame_with_a_face(finder, draw):
    seen = finder.check(make_clip(None, [draw()] * 8 + [draw((160, 120, 110))] * 10, fps=25))

    assert (seen.content_type, seen.width, seen.height, seen.usable) == ("video/mp4", 320, 240, True)
    assert len(seen.faces) == 1
    assert seen.faces[0].box.within(320, 240) == seen.faces[0].box != FaceBox(0, 0, 320, 240)
    assert told(finder.check(make_clip(None, [draw()] * 12, fps=25))) == {"no_face": "error"}
