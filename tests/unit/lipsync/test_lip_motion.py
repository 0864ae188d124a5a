"""The instrument that measures talking posters: it must see lips part by what they are moved, and nothing else."""

import cv2
import numpy as np
import pytest
from lip_motion import UNIT_SHARE, LipMotion, edge_at
from test_preview_looks import POSTERS

from deployments.faces.finder import FaceFinder
from deployments.faces.landmarks import LEFT_EYE, RIGHT_EYE
from deployments.lipsync.preview.lips import INNER_LOWER, INNER_UPPER

OPENINGS = np.array([0, 0.02, 0.04, 0.06, 0.1, 0.15, 0.2])
GROWTH = np.array([0.05, 0.1, 0.15])
"""In W."""
CHIN = 1.2
"""What is this far below the lips, in W, stays."""
LIP = 0.25
"""How thick the lower lip is, about, in W."""
DARK = 40


class Face:
    """A photo with a closed mouth, and how to move what is below its lips."""

    def __init__(self, poster):
        track = FaceFinder().track(POSTERS[poster].read_bytes())
        self.rgb, self.points = track.photo.rgb, track.face.landmarks
        self.unit = UNIT_SHARE * np.hypot(*(self.points[RIGHT_EYE] - self.points[LEFT_EYE])[:2])
        self.x, y = np.arange(self.rgb.shape[1]), np.arange(self.rgb.shape[0])[:, None]
        self.line = sum(edge_at(self.points[list(ids), :2], self.x) for ids in (INNER_UPPER, INNER_LOWER)) / 2
        self.below = (y - self.line) / self.unit
        left, right = self.points[[78, 308], 0]
        self.share = np.clip((1 - np.abs(2 * self.x - left - right) / (right - left)) / 0.5, 0, 1)

    def seen(self, pictures):
        """The openings that are seen in pictures of this face, and the least likeness."""
        motion = LipMotion(self.rgb, self.points)
        seen, likeness = np.transpose([motion.apart(picture) for picture in pictures])
        return seen, likeness.min()

    def moved(self, source):
        """The photo where each pixel is what was `source` (h, w) W below the line of the lips."""
        y = (self.line + self.unit * source).astype(np.float32)
        x = np.broadcast_to(self.x, y.shape).astype(np.float32)
        return cv2.remap(self.rgb, x, y, cv2.INTER_CUBIC)

    def parted(self, opening):
        """The lower lip moved down by so much in the middle, over the dark."""
        gap = opening * self.share
        lower = np.where(self.below < CHIN, (self.below - gap) * CHIN / (CHIN - gap), self.below)
        picture = self.moved(np.where(self.below > gap / 2, np.maximum(lower, 0), self.below))
        inside = np.clip(self.unit * np.minimum(self.below, gap - self.below) + 0.5, 0, 1) * (gap > 0)
        return (picture + (DARK - picture.astype(float)) * inside[..., None]).astype(np.uint8)

    def stretched(self, begin, end, growth):
        """What is from `begin` to `end` below the line made longer by `growth`, the lips shut."""
        source = np.interp(self.below, [begin, end + growth, CHIN], [begin, end, CHIN])
        inside = (self.below > begin) & (self.below < CHIN)
        return self.moved(np.where(inside, self.below + self.share * (source - self.below), self.below))


@pytest.fixture(scope="module", params=["photo", "painting", "drawing"])
def face(request):
    return Face(request.param)


def test_lips_are_seen_to_part_by_what_they_were_moved(face):
    seen, likeness = face.seen([face.parted(opening) for opening in OPENINGS])
    assert np.abs(seen - OPENINGS).max() <= 0.015
    assert np.corrcoef(seen, OPENINGS)[0, 1] >= 0.99
    assert likeness >= 0.7


def test_a_lip_that_only_grows_is_hardly_seen_to_open(face):
    seen, _ = face.seen([face.stretched(0, LIP, growth) for growth in GROWTH])
    assert np.abs(seen).max() <= 0.04


def test_a_chin_that_drops_under_shut_lips_is_not_seen_to_open(face):
    seen, _ = face.seen([face.stretched(LIP, 2 * LIP, growth) for growth in GROWTH])
    assert np.abs(seen).max() <= 0.01
