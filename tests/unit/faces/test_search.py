import numpy as np
import pytest

from deployments.faces.crop import face_box
from deployments.faces.search import apart
from deployments.media import Face, FaceBox, Photo

POSTER_FACE = FaceBox(left=173, top=60, right=278, bottom=180)


def edges(box):
    return np.array([box.left, box.top, box.right, box.bottom])


@pytest.mark.parametrize(("left", "top"), [(1400, 300), (640, 650), (0, 1960), (1960, 1000)])
def test_a_small_face_on_a_large_poster_is_found(search, paste_head, left, top):
    poster = np.full((2048, 2048, 3), (205, 190, 150), np.uint8)
    paste_head(poster, left, top, face_width_px=50)

    (face,) = search.with_small(Photo(poster), [])

    at = np.array([left + 33 * 50 / 105, top + 45 * 50 / 105, left + 138 * 50 / 105, top + 165 * 50 / 105])
    assert np.abs(edges(face.box) - at).max() <= 5


def test_a_small_face_beside_a_large_one_is_counted_when_every_face_is_wanted(search, paste_head):
    poster = np.full((1600, 1600, 3), 180, np.uint8)
    paste_head(poster, 100, 100, face_width_px=500)
    paste_head(poster, 1300, 1300, face_width_px=45)

    large = search.large(Photo(poster))

    assert len(large) == 1
    assert [face.box.width // 100 for face in search.with_small(Photo(poster), large)] == [5, 0]


def test_a_face_is_followed_to_where_it_went(search, draw):
    (face,) = search.large(Photo(draw((150, 120, 70))))

    moved = search.follow(Photo(draw((162, 115, 72))), face)

    assert np.abs(edges(moved.box) - edges(face.box) - (11, -6, 13, -4)).max() <= 2
    assert moved.box == face_box(moved.landmarks)


@pytest.mark.parametrize(
    "heads", [[], [(215, 120, 70)], [(150, 120, 140)]], ids=["gone", "elsewhere", "twice as large"]
)
def test_a_face_that_is_not_there_any_more_is_not_followed(search, draw, heads):
    (face,) = search.large(Photo(draw((150, 120, 70))))

    assert search.follow(Photo(draw(*heads)), face) is None


def test_a_face_whose_landmarks_are_not_known_is_not_followed(search, poster_rgb):
    assert search.follow(Photo(poster_rgb), Face(POSTER_FACE, None, 0.0)) is None


def test_the_mesh_is_fitted_in_a_given_box_without_detection(search, poster_rgb):
    (found,) = search.large(Photo(poster_rgb))

    for box in (POSTER_FACE, POSTER_FACE.padded(0, 15, 5, -5)):
        face = search.fit_in(Photo(poster_rgb), box)
        assert np.hypot(*(face.landmarks - found.landmarks)[:, :2].T).mean() < 1
    assert search.fit_in(Photo(poster_rgb), FaceBox(370, 150, 470, 260)) is None  # the shuttle
    assert search.fit_in(Photo(poster_rgb), FaceBox(100, 0, 400, 300)) is None  # the face is a small part of it


@pytest.mark.parametrize("away", range(45, 90, 3))
def test_a_face_beside_a_given_box_is_not_taken_for_one_in_it(search, draw, away):
    assert search.fit_in(Photo(draw((100 + away, 120, 70))), FaceBox(65, 80, 135, 160)) is None


def test_two_boxes_are_apart_by_place_in_faces_and_by_size():
    box = FaceBox(100, 100, 200, 200)

    assert apart(box, box) == 0
    assert apart(box, FaceBox(130, 140, 230, 240)) == pytest.approx(0.5)
    assert apart(box, FaceBox(50, 50, 250, 250)) == pytest.approx(np.log(2))
    assert apart(FaceBox(50, 50, 250, 250), box) == pytest.approx(np.log(2))
