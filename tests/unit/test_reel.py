from fractions import Fraction

import numpy as np
import pytest
from clips import make_clip

from deployments.errors import ClipTooLarge, UnreadableClip
from deployments.reel import Reel

MAX_PIXELS = 64 * 64
CASES = [("mp4", "libx264", {"bframes": 2}), ("webm", "libvpx", {})]


def grays(n):
    """Pictures that carry their number: as their brightness."""
    return [np.full((64, 64, 3), 20 + 5 * i, np.uint8) for i in range(n)]


def number(picture):
    return round((float(picture.to_ndarray(format="rgb24").mean()) - 20) / 5)


@pytest.fixture
def reel():
    reels = []

    def loaded(*args, **options):
        reels.append(Reel(make_clip(None, *args, **options), MAX_PIXELS))
        return reels[-1]

    yield loaded
    for each in reels:
        each.close()


@pytest.mark.parametrize(("container", "codec", "options"), CASES)
def test_a_picture_is_shown_from_its_time_to_that_of_the_next(reel, container, codec, options):
    pictures = reel(grays(40), container=container, codec=codec, gop=12, **options)
    step = 1 / 30 / pictures.tick_s
    for i in [*range(40), *reversed(range(40)), 5, 30, 6]:
        for part in (0.1, 0.9):
            assert number(pictures.at(pictures.origin + (i + part) * step)) == i
    assert number(pictures.at(pictures.origin + 1000 * step)) == 39


def test_what_is_shown_is_not_decoded_anew(reel):
    pictures = reel(grays(5))
    step = 1 / 30 / pictures.tick_s
    assert pictures.at(pictures.origin + 2.1 * step) is pictures.at(pictures.origin + 2.9 * step)


@pytest.mark.parametrize(("container", "codec", "options"), CASES)
def test_its_length_is_that_of_its_pictures(reel, container, codec, options):
    pictures = reel(grays(40), fps=25, container=container, codec=codec, **options)
    assert pictures.duration_s == pytest.approx(1.6, abs=2e-3)
    assert pictures.own_fps == pytest.approx(25, rel=1e-3)
    assert pictures.early * pictures.tick_s == pytest.approx(0.3 / 25, rel=1e-2)


def test_its_rate_is_counted_where_the_tag_does_not_count_the_pictures(reel):
    times = [*range(0, 30_000, 1_000), *range(30_000, 60_000, 3_000)]  # a second at 30, one at 10
    pictures = reel(grays(40), pts=times, tick=Fraction(1, 30_000))
    assert pictures.own_fps == pytest.approx(40 / pictures.duration_s)
    assert pictures.own_fps == pytest.approx(20, rel=0.05)


def test_a_picture_above_the_limit_and_a_cut_are_refused():
    data = make_clip(None, grays(40), container="webm", codec="libvpx")
    with pytest.raises(ClipTooLarge, match="64 by 64 pixels and the limit is 4095"):
        Reel(data, MAX_PIXELS - 1)
    with pytest.raises(UnreadableClip, match="cut off"):
        Reel(data[: len(data) // 3], MAX_PIXELS)
