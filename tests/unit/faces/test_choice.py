import numpy as np
import pytest

from deployments.errors import InvalidRequest, NoFace
from deployments.faces.choice import Choice
from deployments.footage import shaped
from deployments.media import Face, FaceBox, SourceOptions

LARGE, SMALL = Face(FaceBox(50, 50, 90, 90), None, 1.0), Face(FaceBox(84, 20, 104, 40), None, 1.0)


def at(x, y):
    return Choice.of(SourceOptions(face_point=(x, y)), 200, 100).among([LARGE, SMALL], 200, 100)


def test_the_largest_face_is_taken_unless_another_is_chosen():
    assert Choice.of(SourceOptions(), 200, 100).among([LARGE, SMALL], 200, 100) is LARGE
    assert Choice.of(SourceOptions(face_index=1), 200, 100).among([LARGE, SMALL], 200, 100) is SMALL


def test_a_point_takes_the_face_whose_box_holds_it_though_anothers_middle_is_nearer():
    assert at(88, 52) is LARGE  # 25 px from its own middle, 23 px from the other's
    assert at(88, 39) is SMALL


def test_a_point_beside_all_boxes_takes_the_nearest_middle():
    assert at(190, 10) is SMALL
    assert at(0, 99) is LARGE
    assert at(199, 0) is SMALL


@pytest.mark.parametrize("point", [(200, 50), (50, 100), (-1, 50), (50, -1)])
def test_a_point_beyond_the_picture_is_refused(point):
    with pytest.raises(InvalidRequest, match="200 pixels wide and 100 high") as caught:
        at(*point)
    assert caught.value.data["face_point"] == list(point)


def test_an_index_and_a_point_at_once_are_refused():
    with pytest.raises(InvalidRequest, match="not by both"):
        SourceOptions(face_index=0, face_point=(1, 1))


@pytest.mark.parametrize("index", [2, -1])
def test_an_index_without_a_face_is_refused(index):
    with pytest.raises(NoFace, match=r"has 2 face\(s\).*ask for 0 to 1"):
        Choice(index).among([LARGE, SMALL], 200, 100)


@pytest.mark.parametrize(
    "options",
    [
        SourceOptions(),
        SourceOptions(resize_factor=2),
        SourceOptions(rotate=True),
        SourceOptions(crop=(10, 90, 20, -1)),
        SourceOptions(resize_factor=2, rotate=True, crop=(4, -1, 3, 45)),
    ],
)
@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_the_point_stays_on_its_pixel_whatever_is_done_to_the_picture(options, quarters):
    x, y = 90, 36
    rgb = np.zeros((100, 200, 3), np.uint8)
    rgb[y - 1 : y + 2, x - 1 : x + 2] = 255

    choice = Choice.of(SourceOptions(**{**vars(options), "face_point": (x, y)}), 200, 100).turned(quarters)

    shown = np.rot90(shaped(rgb, options), quarters)
    height, width = shown.shape[:2]
    across, down = choice.point
    assert shown[int(down * height), int(across * width)].min() > 100
