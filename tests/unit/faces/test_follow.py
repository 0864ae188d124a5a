import numpy as np
import pytest

from deployments.errors import NoFace
from deployments.faces.choice import Choice
from deployments.faces.follow import CHECK_S, SEARCH_S, Follower, frames_in
from deployments.media import Photo

FPS = 25.0
CHECK = frames_in(CHECK_S, FPS)
SEARCH = frames_in(SEARCH_S, FPS)


@pytest.fixture
def follow(search, draw):
    def follow(scenes, face_index=None, **size):
        """Return the middle of the face that was followed in each of these pictures, or None."""
        follower = Follower(search, FPS, Choice(face_index))
        faces = [follower.follow(Photo(draw(*heads, grain=i, **size))) for i, heads in enumerate(scenes)]
        return [face and ((face.box.left + face.box.right) / 2, (face.box.top + face.box.bottom) / 2) for face in faces]

    return follow


def all_at(middles, heads, px=3):
    return all(
        middle and np.hypot(middle[0] - x, middle[1] - y) <= px
        for middle, (x, y, _) in zip(middles, heads, strict=True)
    )


def test_a_head_that_swings_and_comes_nearer_is_followed_in_every_frame(follow):
    heads = [(160 + 80 * np.sin(i / 5), 120 + 10 * np.sin(i / 3), 60 + i / 2) for i in range(40)]

    assert all_at(follow([[head] for head in heads]), heads)


def test_of_two_heads_the_larger_is_followed_and_the_other_one_where_it_is_asked_for(follow):
    small, large = [(60 + i, 130, 55) for i in range(30)], [(255 - i, 110, 75) for i in range(30)]
    scenes = list(zip(small, large, strict=True))

    assert all_at(follow(scenes), large)
    assert all_at(follow(scenes, face_index=1), small)


def test_while_the_one_who_speaks_is_hidden_the_other_one_does_not_speak(follow):
    speaker, other = [(75 + i / 2, 130, 60) for i in range(60)], [(250 - i, 110, 75) for i in range(60)]
    hidden = range(20, 40)
    scenes = [[other[i]] if i in hidden else [other[i], speaker[i]] for i in range(60)]

    middles = follow(scenes, face_index=1)

    assert all_at(middles[:20], speaker[:20])
    assert middles[20:40] == [None] * 20
    back = next(i for i in range(40, 60) if middles[i])
    assert back < 40 + SEARCH
    assert all_at(middles[back:], speaker[back:])


def test_two_who_pass_in_front_of_each_other_are_not_mixed_up_before_they_meet(follow):
    speaker, other = [(70 + 3 * i, 130, 60) for i in range(40)], [(270 - 3 * i, 60, 60) for i in range(40)]

    middles = follow([[other[i], speaker[i]] for i in range(40)], face_index=None)

    assert all_at(middles, speaker) or all_at(middles, other)


def test_a_head_that_left_is_found_again_elsewhere_and_not_seen_meanwhile(follow):
    first, then = (90, 120, 70), (230, 110, 60)

    middles = follow([[first]] * 15 + [[]] * 20 + [[then]] * 10)

    assert all_at(middles[:15], [first] * 15)
    assert middles[15:35] == [None] * 20
    back = next(i for i in range(35, 45) if middles[i])
    assert back < 35 + SEARCH
    assert all_at(middles[back:], [then] * (45 - back))


def test_after_a_gap_the_face_nearest_in_place_and_size_speaks_not_the_largest(follow):
    gone, larger = (80, 130, 60), (240, 110, 85)

    middles = follow([[gone]] * 5 + [[]] * 12 + [[larger, gone]] * 10)

    assert all_at(middles[17 + SEARCH :], [gone] * (10 - SEARCH))


@pytest.mark.parametrize("after", [(230, 120, 60), (115, 130, 110)], ids=["elsewhere", "closer"])
def test_after_a_cut_the_face_of_the_new_scene_speaks_at_once(follow, after):
    before = (80, 120, 70)

    middles = follow([[before]] * 17 + [[after]] * 13)

    assert all_at(middles, [before] * 17 + [after] * 13)


def test_a_face_that_comes_later_is_found_within_a_search(follow):
    middles = follow([[]] * 12 + [[(150, 120, 70)]] * 8)

    assert middles[:12] == [None] * 12
    assert all_at(middles[12 + SEARCH :], [(150, 120, 70)] * (8 - SEARCH))


def test_a_small_face_that_only_tiles_show_is_followed_too(follow):
    heads = [(900 + i, 400, 26) for i in range(2 * CHECK)]

    assert all_at(follow([[head] for head in heads], width=1280, height=720), heads)


@pytest.mark.parametrize("beside", [[], [(255, 120, 55)]], ids=["alone", "beside another"])
def test_what_only_the_mesh_takes_for_a_face_is_let_go_when_the_detector_looks(search, draw, beside):
    clear = draw((120, 120, 80), *beside)
    snow = np.random.default_rng(0).normal(0, 45, clear.shape)
    snow[:, 200:] = 0
    drowned = Photo(np.clip(clear + snow, 0, 255).astype(np.uint8))
    follower = Follower(search, FPS, Choice())
    faces = [follower.follow(Photo(clear)) for _ in range(CHECK - 3)]
    assert search.follow(drowned, faces[-1]) is not None

    faces = [follower.follow(drowned) for _ in range(4)]

    assert [face is not None for face in faces] == [True, True, True, False]


def test_a_face_that_the_first_faces_do_not_hold_is_refused(follow):
    with pytest.raises(NoFace, match=r"has 1 face\(s\)"):
        follow([[], [(150, 120, 70)], [(150, 120, 70)]] * SEARCH, face_index=1)


def test_a_count_of_frames_is_never_zero():
    assert [frames_in(0.5, 25.0), frames_in(0.5, 30.0), frames_in(0.2, 1.0)] == [12, 15, 1]
