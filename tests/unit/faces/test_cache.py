import hashlib
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
from clips import make_clip

from deployments.errors import NoFace
from deployments.faces.cache import TrackCache
from deployments.faces.finder import FaceFinder
from deployments.media import FaceTrack, SourceOptions


class CountingFinder(FaceFinder):
    """A finder that counts what it was asked for."""

    tracked = 0

    def track(self, *args):
        self.tracked += 1
        return super().track(*args)


@pytest.fixture(scope="module")
def one_finder():
    return CountingFinder()


@pytest.fixture
def finder(one_finder):
    one_finder.tracked = 0
    return one_finder


@pytest.fixture(scope="module")
def clip(draw):
    return make_clip(None, [draw(*[] if i == 4 else [(100 + i, 120, 70)]) for i in range(8)], fps=25)


@pytest.fixture
def cache(tmp_path):
    return TrackCache(tmp_path / "tracks", 60)


def same(track, other):
    return (
        (track.options, track.width, track.height, track.fps) == (other.options, other.width, other.height, other.fps)
        and np.array_equal(track.boxes, other.boxes)
        and np.array_equal(track.landmarks, other.landmarks, equal_nan=True)
        and np.array_equal(track.found, other.found)
        and [track.boxes.dtype, track.landmarks.dtype, track.found.dtype] == [np.int32, np.float32, np.bool_]
    )


def test_a_clip_is_tracked_once_and_remembered_as_it_was(cache, finder, clip):
    first = cache.track(finder, clip, SourceOptions())

    again = cache.track(finder, clip, SourceOptions())

    assert finder.tracked == 1
    assert same(again, first)
    assert same(first, finder.track(clip, SourceOptions()))


def test_another_process_with_the_same_folder_remembers_it_too(cache, finder, clip, tmp_path):
    first = cache.track(finder, clip, SourceOptions())

    assert same(TrackCache(tmp_path / "tracks", 60).track(finder, clip, SourceOptions()), first)
    assert finder.tracked == 1


def test_what_follows_the_clips_end_needs_no_new_track_but_comes_back_as_asked(cache, finder, clip):
    first = cache.track(finder, clip, SourceOptions())

    bounced = cache.track(finder, clip, SourceOptions(extend="bounce"))

    assert finder.tracked == 1
    assert same(bounced, replace(first, options=SourceOptions(extend="bounce")))


@pytest.mark.parametrize(
    "changed",
    [
        {"pads": (0, 0, 0, 0)},
        {"box": (80, 160, 60, 140)},
        {"crop": (0, 230, 0, -1)},
        {"rotate": False, "resize_factor": 2},
        {"fps": 20.0},
        {"nosmooth": True},
        {"face_index": 0},
    ],
    ids=str,
)
def test_options_that_show_another_face_are_another_track(cache, finder, clip, changed):
    first = cache.track(finder, clip, SourceOptions())

    other = cache.track(finder, clip, SourceOptions(**changed))

    assert finder.tracked == 2
    assert other.options == SourceOptions(**changed)
    assert cache.track(finder, clip, SourceOptions()).options == first.options


def test_another_clip_and_another_size_are_other_tracks(cache, finder, clip, draw):
    cache.track(finder, clip, SourceOptions())

    other = make_clip(None, [draw((200, 120, 70)) for _ in range(5)], fps=25)
    assert cache.track(finder, other, SourceOptions()).frames == 5
    assert cache.track(CountingFinder(max_side_px=160), clip, SourceOptions()).width == 160


def test_a_photo_is_found_once_and_so_is_a_clips_first_frame(cache, finder, clip, poster_png):
    for data, options in ((poster_png, SourceOptions()), (clip, SourceOptions(static=True))):
        first = cache.track(finder, data, options)
        assert isinstance(first, FaceTrack)
        assert cache.track(finder, data, options) is first

    assert finder.tracked == 2


def test_options_that_show_another_part_of_a_photo_are_another_track(cache, finder, poster_png):
    whole = cache.track(finder, poster_png, SourceOptions())
    assert cache.track(finder, poster_png, SourceOptions(crop=(0, 300, 0, 400))).photo.height == 300
    assert cache.track(finder, poster_png, SourceOptions(fps=30.0)).fps == 30
    assert cache.track(finder, poster_png, SourceOptions()) is whole
    assert cache.track(CountingFinder(max_side_px=256), poster_png, SourceOptions()).photo.width == 256


def test_a_photo_can_be_forgotten_whatever_its_options(cache, finder, poster_png):
    shown = [SourceOptions(), SourceOptions(fps=30.0)]
    for options in shown:
        cache.track(finder, poster_png, options)

    cache.forget(hashlib.sha256(poster_png).hexdigest())
    for options in shown:
        cache.track(finder, poster_png, options)

    assert finder.tracked == 4


def test_a_clip_without_a_face_is_refused_each_time(cache, finder, draw):
    data = make_clip(None, [draw()] * 3)

    for _ in range(2):
        with pytest.raises(NoFace):
            cache.track(finder, data, SourceOptions())


def test_a_track_is_forgotten_after_its_time(tmp_path, finder, clip):
    cache = TrackCache(tmp_path, 0.2)
    cache.track(finder, clip, SourceOptions())
    time.sleep(0.3)

    cache.track(finder, clip, SourceOptions())

    assert finder.tracked == 2


def test_a_clip_can_be_forgotten_whatever_its_options(cache, finder, clip):
    for options in (SourceOptions(), SourceOptions(nosmooth=True)):
        cache.track(finder, clip, options)
    cache.forget(hashlib.sha256(clip).hexdigest())

    cache.track(finder, clip, SourceOptions())

    assert finder.tracked == 3


def test_a_folder_deleted_under_way_costs_only_a_new_track(cache, finder, clip, tmp_path):
    first = cache.track(finder, clip, SourceOptions())
    shutil.rmtree(tmp_path / "tracks")

    again = [cache.track(finder, clip, SourceOptions()) for _ in range(3)]

    assert all(same(track, first) for track in again)
    assert finder.tracked == 2


def test_a_folder_that_cannot_be_used_costs_only_time(cache, finder, clip, tmp_path):
    first = cache.track(finder, clip, SourceOptions())
    shutil.rmtree(tmp_path / "tracks")
    (tmp_path / "tracks").write_text("not a folder")

    assert same(cache.track(finder, clip, SourceOptions()), first)
    assert finder.tracked == 2


@pytest.mark.parametrize("damage", ["cut short", "changed", "emptied", "another archive"])
def test_a_damaged_track_is_made_again(cache, finder, clip, tmp_path, damage):
    first = cache.track(finder, clip, SourceOptions())
    (file,) = (tmp_path / "tracks").rglob("*.val")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    damaged = {"cut short": data[:-1000], "changed": data, "emptied": b"", "another archive": b"PK\x05\x06" + bytes(18)}
    file.write_bytes(damaged[damage])

    again = [cache.track(finder, clip, SourceOptions()) for _ in range(2)]

    assert all(same(track, first) for track in again)
    assert finder.tracked == 2
