"""The preview's pictures: lips that follow the drive, measured with the face mesh, and nothing else that moves."""

import dataclasses
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import serve_app
from deployments.faces.finder import FaceFinder
from deployments.faces.landmarks import FaceMesh
from deployments.lipsync.preview import engine as engine_module
from deployments.lipsync.preview.channels import CHANNELS
from deployments.lipsync.preview.engine import PreviewEngine
from deployments.lipsync.preview.portrait import Portrait
from deployments.media import FaceBox, FaceCrop, MouthDrive, Passage
from deployments.speech.hibari import HibariEngine

FPS = 25
PICTURES = {
    "poster": Path(__file__).parents[2] / "assets" / "poster.png",
    "illustration": Path(serve_app.__file__).parent / "samples" / "illustration.png",
}
OPEN = (0.25, -0.03, 0.0, 0.0, 0.0, 0.0)
REST = (0.0,) * len(CHANNELS)


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


@pytest.fixture(scope="module")
def tracks(finder):
    return {name: finder.track(path.read_bytes()) for name, path in PICTURES.items()}


@pytest.fixture(scope="module")
def engine():
    return PreviewEngine()


@pytest.fixture(scope="module")
def spoken():
    text = "Maybe Papa saw a big blue umbrella on the map."
    return HibariEngine().speak(Passage(text, text))


@pytest.fixture(scope="module")
def drive(engine, spoken):
    return engine.drive(spoken, FPS)


@pytest.fixture(scope="module", params=list(PICTURES))
def talking(request, tracks, engine, drive):
    track = tracks[request.param]
    return track, engine.animate(track.crop, drive)


def still(*shapes):
    features = np.array(shapes, np.float32).T
    return MouthDrive("preview", FPS, features, np.arange(len(shapes), dtype=np.int32), 1)


def pasted(photo, frames, index):
    picture = photo.rgb.copy()
    under = frames.boxes[0].cut(picture)
    share = frames.masks[0][..., None] / 255
    under[:] = np.rint(under * (1 - share) + frames.rgb[index] * share)
    return picture


def cropped(rgb, landmarks):
    """What the engine would see of a face with these landmarks in this picture."""
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    reach = 0.3 * (high - low)
    edges = [*np.floor(low - reach).astype(int).tolist(), *np.ceil(high + reach).astype(int).tolist()]
    area = FaceBox(*edges).within(rgb.shape[1], rgb.shape[0])
    return FaceCrop(np.ascontiguousarray(area.cut(rgb)), area, area, landmarks.astype(np.float32), "face")


def test_the_lips_part_as_the_drive_says_and_close_at_p_b_and_m(talking, drive, spoken):
    track, frames = talking
    mesh = FaceMesh()
    points = [mesh.refit(pasted(track.photo, frames, i), track.face.landmarks)[0] for i in range(drive.frames)]
    gaps = [np.linalg.norm(p[13, :2] - p[14, :2]) / np.linalg.norm(p[78, :2] - p[308, :2]) for p in points]
    wanted = drive.features[0]
    opening = np.array(gaps) - np.mean(np.array(gaps)[wanted == 0])
    inner = slice(2, drive.frames - 2)
    r = {lag: np.corrcoef(np.roll(opening, lag)[inner], wanted[inner])[0, 1] for lag in range(-2, 3)}
    assert max(r, key=r.get) == 0
    assert r[0] > 0.9
    middles_s = [(p.start_s + p.end_s) / 2 for p in spoken.phonemes if p.symbol in "pbm"]
    assert np.all(opening[[int(middle * FPS) for middle in middles_s]] < 0.15 * opening.max())


def test_at_rest_every_frame_is_the_same(talking, drive):
    _, frames = talking
    resting = frames.rgb[~drive.features.any(axis=0)]
    assert len(resting) >= 4
    assert np.all(resting == resting[0])


def test_a_closed_mouth_at_rest_is_the_photo_itself(tracks, engine):
    track = tracks["illustration"]
    frames = engine.animate(track.crop, still(REST))
    assert np.array_equal(frames.rgb[0], frames.boxes[0].cut(track.photo.rgb))


def test_a_smile_with_teeth_rests_with_its_lips_shut(tracks, engine):
    track = tracks["poster"]
    frames = engine.animate(track.crop, still(REST))
    points, _ = FaceMesh().refit(pasted(track.photo, frames, 0), track.face.landmarks)
    before, after = (np.linalg.norm(p[13, :2] - p[14, :2]) for p in (track.face.landmarks, points))
    assert after < 0.5 * before


def test_frames_and_mask_cover_the_box_and_leave_the_eyes_alone(talking):
    track, frames = talking
    size = frames.boxes[0].height, frames.boxes[0].width
    assert frames.rgb.shape[1:] == (*size, 3)
    assert frames.masks[0].shape == size
    assert (frames.rgb.dtype, frames.masks[0].dtype) == (np.uint8, np.uint8)
    eyes = int(track.face.landmarks[[145, 153, 154, 374, 380, 381], 1].max()) + 1 - frames.boxes[0].top
    photo = frames.boxes[0].cut(track.photo.rgb)
    assert np.array_equal(frames.rgb[:, :eyes], np.broadcast_to(photo[:eyes], frames.rgb[:, :eyes].shape))


def test_frames_replace_all_of_the_box_and_meet_the_photo_at_its_rim(talking):
    track, frames = talking
    photo = frames.boxes[0].cut(track.photo.rgb)
    assert frames.masks.min() == 255
    for rim in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        assert all(np.array_equal(rgb[rim], photo[rim]) for rgb in frames.rgb)


def test_what_does_not_move_keeps_the_photos_pixels(talking):
    track, frames = talking
    changed = np.any(frames.rgb != frames.boxes[0].cut(track.photo.rgb), axis=(0, 3))
    corners = [changed[:6, :6], changed[:6, -6:], changed[-6:, :6], changed[-6:, -6:]]
    assert not any(corner.any() for corner in corners)
    assert changed.mean() > 0.2


def test_chunks_give_the_same_pictures_as_the_whole(talking, drive):
    track, frames = talking
    fresh = PreviewEngine()
    cuts = [0, 1, 17, 33, drive.frames]
    chunks = [fresh.animate(track.crop, drive.chunk(a, b)) for a, b in pairwise(cuts)]
    assert np.array_equal(np.concatenate([chunk.rgb for chunk in chunks]), frames.rgb)
    assert all(
        np.array_equal(chunk.masks[0], frames.masks[0]) and chunk.boxes[0] == frames.boxes[0] for chunk in chunks
    )


@pytest.fixture
def built(monkeypatch):
    """The digests of the faces that were set up, in order."""
    digests = []

    class Counted(Portrait):
        def __init__(self, crop):
            digests.append(crop.digest)
            super().__init__(crop)

    monkeypatch.setattr(engine_module, "Portrait", Counted)
    return digests


def test_threads_share_an_engine_and_a_face_is_set_up_once(tracks, drive, built):
    engine, crop, part = PreviewEngine(), tracks["poster"].crop, drive.chunk(8, 16)
    results = [None] * 4
    threads = [
        threading.Thread(target=lambda i=i: results.__setitem__(i, engine.animate(crop, part).rgb)) for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(result, results[0]) for result in results)
    assert built == [crop.digest]


def test_the_face_used_longest_ago_is_forgotten_first(tracks, built):
    engine, crop = PreviewEngine(cache_size=2), tracks["poster"].crop
    for digest in "abacab":
        engine.animate(dataclasses.replace(crop, digest=digest), still(REST))
    assert built == ["a", "b", "c", "b"]


def test_a_face_that_cannot_be_set_up_is_not_remembered(tracks):
    engine, crop = PreviewEngine(), tracks["poster"].crop
    broken = dataclasses.replace(crop, landmarks=np.full((468, 3), np.nan, np.float32))
    with pytest.raises(ValueError, match="NaN"):
        engine.animate(broken, still(OPEN))
    assert engine.animate(crop, still(OPEN)).rgb.any()


@pytest.mark.parametrize("shift", [(-225, 0), (-205, -130), (0, -140), (30, 370), (287, 0)])
def test_a_mouth_at_the_border_of_the_photo_is_cut_there(tracks, engine, shift):
    track = tracks["poster"]
    height, width = track.photo.rgb.shape[:2]
    rgb = np.zeros((height, width, 3), np.uint8)
    x, y = shift
    target = FaceBox(x, y, x + width, y + height).within(width, height)
    rgb[target.top : target.bottom, target.left : target.right] = track.photo.rgb[
        target.top - y : target.bottom - y, target.left - x : target.right - x
    ]
    crop = cropped(rgb, track.face.landmarks + np.array([x, y, 0], np.float32))
    frames = PreviewEngine().animate(crop, still(REST, OPEN))
    assert frames.boxes[0] == frames.boxes[0].within(width, height)
    assert frames.masks[0].any()
    assert frames.rgb.shape[1:3] == frames.masks[0].shape == (frames.boxes[0].height, frames.boxes[0].width)


@pytest.mark.parametrize("size", [0.4, 0.1, 0.03])
def test_a_tiny_mouth_still_moves_and_a_minute_one_does_no_harm(tracks, size):
    track = tracks["poster"]
    step = round(1 / size)
    rgb = np.ascontiguousarray(track.photo.rgb[::step, ::step])
    frames = PreviewEngine().animate(cropped(rgb, track.face.landmarks / step), still(REST, OPEN))
    assert frames.rgb.shape[0] == 2
    if size >= 0.1:
        assert np.any(frames.rgb[1] != frames.rgb[0])


@pytest.mark.parametrize("squash", [0.5, 0.1, 0.0, -0.5])
def test_a_face_from_the_side_is_no_reason_to_fail(tracks, squash):
    track = tracks["poster"]
    landmarks = track.face.landmarks.copy()
    landmarks[:, 0] = 225 + squash * (landmarks[:, 0] - 225)
    rgb = np.ascontiguousarray(track.photo.rgb)
    crop = dataclasses.replace(track.crop, landmarks=landmarks, rgb=track.crop.area.cut(rgb), digest=str(squash))
    frames = PreviewEngine().animate(crop, still(REST, OPEN))
    assert frames.rgb.shape[1:3] == frames.masks[0].shape


def test_a_tilted_face_opens_its_mouth_along_its_own_axis(tracks):
    track = tracks["poster"]
    turned = np.ascontiguousarray(np.rot90(track.photo.rgb, -1))
    height = track.photo.rgb.shape[0]
    landmarks = track.face.landmarks.copy()
    landmarks[:, 0], landmarks[:, 1] = height - 1 - track.face.landmarks[:, 1], track.face.landmarks[:, 0]
    upright = PreviewEngine().animate(cropped(track.photo.rgb, track.face.landmarks), still(OPEN))
    tilted = PreviewEngine().animate(cropped(turned, landmarks), still(OPEN))
    a = pasted(track.photo, upright, 0)
    b = np.rot90(pasted(dataclasses.replace(track.photo, rgb=turned), tilted, 0), 1)
    mouth = FaceBox(190, 130, 260, 185)
    moved = np.abs(mouth.cut(a).astype(int) - mouth.cut(track.photo.rgb)).mean()
    assert np.abs(mouth.cut(a).astype(int) - mouth.cut(b)).mean() < 0.35 * moved
