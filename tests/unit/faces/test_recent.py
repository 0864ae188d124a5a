import weakref

import numpy as np
import pytest

from deployments.errors import NoFace
from deployments.faces.recent import RecentPhotos
from deployments.media import Face, FaceBox, FaceCrop, FaceTrack, Photo

BOX = FaceBox(0, 0, 10, 10)


def made(side=10):
    """A photo of that side, all of it a face: two times three bytes a pixel."""
    rgb = np.zeros((side, side, 3), np.uint8)
    return FaceTrack(Photo(rgb), Face(BOX, None, 1.0), FaceCrop(rgb, BOX, BOX, None, "digest"), 25.0)


class Clock:
    """The memory's clock, and a count of the searches that it asks for."""

    def __init__(self):
        self.now_s = 0.0
        self.searches = 0

    def __call__(self):
        return self.now_s

    def search(self):
        self.searches += 1
        return made()

    def known(self, photos, *names):
        """Which of them are found without a search."""
        found = []
        for name in names:
            before = self.searches
            photos.track(name, "", self.search)
            found.append(self.searches == before)
        return found


@pytest.fixture
def clock():
    return Clock()


def test_what_was_not_asked_for_the_longest_goes_first(clock):
    photos = RecentPhotos(max_bytes=1300)
    assert clock.known(photos, "a", "b", "a", "c") == [False, False, True, False]
    assert clock.known(photos, "a", "c", "b") == [True, True, False]


def test_a_photo_that_is_larger_than_all_that_may_be_kept_is_not(clock):
    photos = RecentPhotos(max_bytes=1300)
    clock.known(photos, "small")

    assert photos.track("large", "", lambda: made(30)).photo.width == 30

    assert clock.known(photos, "small", "large") == [True, False]


def test_a_photo_is_kept_for_its_time_and_then_its_pixels_are_freed(clock):
    photos = RecentPhotos(keep_s=600, timer=clock)
    freed = weakref.ref(photos.track("a", "", clock.search))
    clock.now_s = 599.0
    photos.expire()
    assert freed() is photos.track("a", "", clock.search)

    clock.now_s = 601.0
    photos.expire()

    assert freed() is None
    assert clock.known(photos, "a") == [False]


def test_one_photo_is_forgotten_with_all_its_keys_and_no_other(clock):
    photos = RecentPhotos()
    for sha256, key in (("a", ""), ("a", "smaller"), ("b", "")):
        photos.track(sha256, key, clock.search)

    photos.forget("a")
    photos.forget("unknown")

    photos.track("a", "smaller", clock.search)
    assert clock.searches == 4
    assert clock.known(photos, "a", "b") == [False, True]


def test_a_photo_that_is_forgotten_while_it_is_searched_is_not_kept(clock):
    photos = RecentPhotos()

    def search():
        photos.forget("a")
        return made()

    photos.track("a", "", search)

    assert clock.known(photos, "a") == [False]


def test_a_search_that_fails_is_made_again(clock):
    photos = RecentPhotos()

    def fails():
        raise NoFace("There is none.")

    with pytest.raises(NoFace):
        photos.track("a", "", fails)

    assert clock.known(photos, "a", "a") == [False, True]
