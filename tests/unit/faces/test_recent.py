import numpy as np
import pytest

from deployments.faces.recent import RecentPhotos
from deployments.media import Face, FaceBox, FaceCrop, FaceTrack, Photo

BOX = FaceBox(0, 0, 10, 10)


@pytest.fixture
def track():
    """A photo of 300 bytes, and a face of 300 bytes in it."""
    rgb = np.zeros((10, 10, 3), np.uint8)
    return FaceTrack(Photo(rgb), Face(BOX, None, 1.0), FaceCrop(rgb, BOX, BOX, None, "digest"), 25.0)


def test_what_was_not_asked_for_the_longest_goes_first(track):
    photos = RecentPhotos(max_bytes=1300)
    photos.put("a", "", track)
    photos.put("b", "", track)
    assert photos.get("a", "") is track

    photos.put("c", "", track)

    assert [photos.get(name, "") for name in "abc"] == [track, None, track]


def test_a_photo_that_is_larger_than_all_that_may_be_kept_is_not(track):
    photos = RecentPhotos(max_bytes=1300)
    photos.put("small", "", track)
    large = np.zeros((30, 30, 3), np.uint8)

    photos.put("large", "", FaceTrack(Photo(large), track.face, track.crop, 25.0))

    assert (photos.get("small", ""), photos.get("large", "")) == (track, None)


def test_a_photo_is_kept_for_its_time(track):
    now_s = 0.0
    photos = RecentPhotos(keep_s=600, timer=lambda: now_s)
    photos.put("a", "", track)
    now_s = 599.0
    assert photos.get("a", "") is track

    now_s = 601.0

    assert photos.get("a", "") is None


def test_one_photo_is_forgotten_with_all_its_keys_and_no_other(track):
    photos = RecentPhotos()
    for sha256, key in (("a", "one"), ("a", "two"), ("b", "one")):
        photos.put(sha256, key, track)

    photos.forget("a")
    photos.forget("unknown")

    assert [photos.get(*known) for known in (("a", "one"), ("a", "two"), ("b", "one"))] == [None, None, track]
