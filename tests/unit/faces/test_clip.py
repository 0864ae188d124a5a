import numpy as np
import pytest
from clips import make_clip

from deployments.errors import InvalidRequest, NoFace
from deployments.faces.clip import smoothed
from deployments.faces.crop import face_box
from deployments.faces.finder import FaceFinder
from deployments.media import FaceBox, SourceOptions

MOVING = [(100 + 3 * i, 120 - i / 2, 70) for i in range(30)]
STILL = (160, 120, 70)
GAP = range(10, 22)


@pytest.fixture(scope="module")
def moving(draw):
    """A head that moves to the right by 3 pixels a frame."""
    return make_clip(None, [draw(head, grain=i) for i, head in enumerate(MOVING)], fps=25)


@pytest.fixture(scope="module")
def tracked(finder, moving):
    return finder.track(moving)


@pytest.fixture(scope="module")
def still(draw):
    """A head that does not move, in grainy pictures."""
    return make_clip(None, [draw(STILL, grain=i) for i in range(20)], fps=25)


@pytest.fixture(scope="module")
def with_gap(draw):
    return make_clip(None, [draw(*[] if i in GAP else [STILL]) for i in range(30)], fps=25)


def middles(boxes):
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def apart(landmarks, others):
    return np.linalg.norm((landmarks - others)[..., :2], axis=-1).mean()


def test_every_frame_has_its_box_and_its_landmarks(tracked):
    assert (tracked.frames, tracked.width, tracked.height, tracked.fps) == (30, 320, 240, 25)
    assert (tracked.boxes.shape, tracked.boxes.dtype) == ((30, 4), np.int32)
    assert (tracked.landmarks.shape, tracked.landmarks.dtype) == ((30, 468, 3), np.float32)
    assert (tracked.found.dtype, tracked.found.all()) == (np.bool_, True)
    assert tracked.options == SourceOptions()
    x, y = tracked.landmarks[..., 0], tracked.landmarks[..., 1]
    left, top, right, bottom = tracked.boxes.T[:, :, None]
    assert ((left < x) & (x < right) & (top < y) & (y < bottom)).all()


def test_the_smoothed_box_of_a_moving_head_lies_on_it_without_lag(finder, moving):
    track = finder.track(moving, SourceOptions(pads=(0, 0, 0, 0)))

    off = middles(track.boxes) - [(x, y) for x, y, _ in MOVING]
    assert np.abs(off).max() <= 1
    assert np.abs(off.mean(axis=0)).max() < 0.5


def test_smoothing_calms_landmarks_and_nosmooth_leaves_them_as_found(finder, still):
    calm, found = finder.track(still), finder.track(still, SourceOptions(nosmooth=True))

    assert np.array_equal(smoothed(found.landmarks), calm.landmarks)
    inner = slice(2, -2)
    assert calm.landmarks[inner].std(axis=0).mean() < 0.6 * found.landmarks[inner].std(axis=0).mean()
    assert np.abs(np.diff(calm.boxes, axis=0)).sum() < np.abs(np.diff(found.boxes, axis=0)).sum()


def test_where_no_face_is_seen_the_frame_says_so_and_has_neither_box_nor_landmarks(finder, with_gap):
    track = finder.track(with_gap)

    gap = np.isin(np.arange(30), GAP)
    assert not track.found[gap].any()
    assert np.flatnonzero(track.found != ~gap).tolist() in [[], *[list(range(22, 22 + late)) for late in range(1, 5)]]
    assert not track.boxes[~track.found].any()
    assert np.isnan(track.landmarks[~track.found]).all()
    assert not np.isnan(track.landmarks[track.found]).any()
    assert np.abs(middles(track.boxes[track.found]) - (160, 125)).max() <= 2  # pads move it down


def test_a_clip_without_any_face_is_refused(finder, draw):
    with pytest.raises(NoFace, match="in the clip"):
        finder.track(make_clip(None, [draw()] * 10))


def test_the_face_that_was_asked_for_speaks(finder, draw):
    data = make_clip(None, [draw((80 + i, 130, 55), (240, 110, 80)) for i in range(10)], fps=25)

    def speaks_at(index):
        return middles(finder.track(data, SourceOptions(face_index=index)).boxes)[:, 0]

    assert np.abs(speaks_at(None) - 240).max() <= 2
    assert np.abs(speaks_at(1) - np.arange(80, 90)).max() <= 2
    with pytest.raises(NoFace, match=r"has 2 face\(s\)"):
        speaks_at(2)


def test_pads_come_after_smoothing_and_the_box_is_cut_to_the_picture(finder, moving):
    bare = finder.track(moving, SourceOptions(pads=(0, 0, 0, 0))).boxes
    top, bottom, left, right = -5, 100, 3, 200

    boxes = finder.track(moving, SourceOptions(pads=(top, bottom, left, right))).boxes

    assert np.array_equal(boxes[:, :2], bare[:, :2] - (left, top))
    assert (boxes[:, 2] == np.minimum(bare[:, 2] + right, 320)).all()
    assert (boxes[:, 3] == 240).all()


def test_pads_that_leave_nothing_of_a_box_are_refused(finder, still):
    with pytest.raises(InvalidRequest, match="give pads or a box"):
        finder.track(still, SourceOptions(pads=(0, 0, -40, -40)))


def test_a_given_box_holds_for_every_frame_whether_a_face_is_in_it_or_not(finder, with_gap):
    options = SourceOptions(box=(80, 170, 120, 200), pads=(0, 50, 0, 0), nosmooth=True)

    track = finder.track(with_gap, options)

    assert track.found.all()
    assert (track.boxes == (120, 80, 200, 170)).all()
    known = ~np.isnan(track.landmarks).any(axis=(1, 2))
    assert known.tolist() == [i not in GAP for i in range(30)]
    searched = finder.track(with_gap, SourceOptions(nosmooth=True))
    both = known & searched.found
    assert apart(track.landmarks[both], searched.landmarks[both]) < 1


def test_the_landmarks_of_a_given_box_are_smoothed_too(finder, still):
    options = {"box": (80, 170, 120, 200)}

    found = finder.track(still, SourceOptions(nosmooth=True, **options)).landmarks

    assert np.array_equal(finder.track(still, SourceOptions(**options)).landmarks, smoothed(found))


def test_a_face_that_leaves_a_given_box_is_not_followed_out_of_it(finder, moving):
    track = finder.track(moving, SourceOptions(box=(80, 160, 65, 135)))

    known = ~np.isnan(track.landmarks).any(axis=(1, 2))
    assert known[:5].all()
    assert not known[20:].any()


def test_a_given_box_is_in_the_clips_own_pixels_and_shrinks_with_it(still):
    track = FaceFinder(max_side_px=160).track(still, SourceOptions(box=(80, 170, 120, 200)))

    assert (track.width, track.height) == (160, 120)
    assert (track.boxes == (60, 40, 100, 85)).all()
    assert np.abs(track.landmarks[:, 1, :2].mean(axis=0) - (80, 62)).max() < 4  # the nose


def test_a_given_box_outside_the_picture_is_refused(finder, still):
    with pytest.raises(InvalidRequest, match="give pads or a box"):
        finder.track(still, SourceOptions(box=(10, 100, 330, 400)))


def test_resize_factor_rotate_and_crop_shape_the_clip_before_faces_are_searched(finder, draw):
    upright = [draw((320, 240, 140), width=640, height=480) for _ in range(4)]
    data = make_clip(None, [np.rot90(rgb) for rgb in upright])
    options = SourceOptions(resize_factor=2, rotate=True, crop=(20, 220, 60, -1), pads=(0, 0, 0, 0))

    track = finder.track(data, options)

    assert (track.width, track.height) == (260, 200)
    assert np.abs(middles(track.boxes) - (100, 100)).max() <= 2
    with pytest.raises(InvalidRequest, match="crop"):
        finder.track(data, SourceOptions(crop=(0, 5000, 0, -1)))


def test_fps_is_the_clips_own_or_the_one_that_is_asked_for(finder, moving):
    twice = finder.track(moving, SourceOptions(fps=50, pads=(0, 0, 0, 0)))

    assert (twice.fps, twice.frames) == (50, 60)
    assert np.abs(middles(twice.boxes[:-4])[:, 0] - np.repeat([x for x, _, _ in MOVING], 2)[:-4]).max() <= 3


def test_what_follows_the_clips_end_changes_nothing_of_its_track(finder, moving, tracked):
    track = finder.track(moving, SourceOptions(extend="hold"))

    assert track.options.extend == "hold"
    assert np.array_equal(track.boxes, tracked.boxes)


def run_of(count, step=2.0, seed=4):
    face = np.random.default_rng(seed).uniform(50, 150, (1, 468, 3))
    return (face + step * np.arange(count)[:, None, None]).astype(np.float32)


def test_smoothing_moves_nothing_that_moves_evenly():
    landmarks = run_of(9)

    assert np.allclose(smoothed(landmarks), landmarks, atol=1e-3)


def test_smoothing_is_the_mean_of_five_frames_and_of_fewer_at_the_ends_but_always_centred():
    landmarks = run_of(7, step=0)
    landmarks[3] += 10

    raised = (smoothed(landmarks) - landmarks[0]).mean(axis=(1, 2))

    assert np.allclose(raised, [0, 0, 2, 2, 2, 0, 0], atol=1e-3)


def test_smoothing_stops_at_gaps_and_at_jumps():
    gap = np.full((2, 468, 3), np.nan, np.float32)
    landmarks = np.concatenate([run_of(5), gap, run_of(4), run_of(4) + 60])

    result = smoothed(landmarks)

    assert np.isnan(result[5:7]).all()
    assert np.allclose(np.delete(result, [5, 6], axis=0), np.delete(landmarks, [5, 6], axis=0), atol=1e-3)
    assert face_box(result[-1]).left == face_box(landmarks[-1]).left


@pytest.mark.parametrize("static", [False, True])
def test_the_face_at_a_point_of_the_upright_clip_speaks_however_it_is_shaped(draw, static):
    heads = draw((70, 130, 55), (240, 110, 80))
    stored = np.ascontiguousarray(np.rot90(np.kron(heads, np.ones((2, 2, 1), np.uint8))))
    data = make_clip(None, [stored] * 3, fps=25, rotation=90)
    options = SourceOptions(face_point=(140, 262), resize_factor=2, crop=(0, -1, 10, -1), static=static)

    track = FaceFinder(max_side_px=155).track(data, options)

    box = track.crop.box if static else FaceBox(*track.boxes[0].tolist())
    assert abs((box.left + box.right) / 2 - 30) <= 2


def test_a_point_beyond_the_clip_is_refused(finder, still):
    with pytest.raises(InvalidRequest, match="beyond the picture"):
        finder.track(still, SourceOptions(face_point=(320, 10)))
