"""Six posters of every kind, measured on the decoded MP4: lips in time with what is said, round and spread."""

import asyncio
import io
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from lip_motion import LipMotion

import serve_app
from deployments.faces.finder import FaceFinder
from deployments.faces.landmarks import LEFT_EYE, RIGHT_EYE, FaceMesh
from deployments.lipsync.preview.area import FACE_OVAL
from deployments.lipsync.preview.engine import PreviewEngine
from deployments.media import MouthDrive, Passage, Phoneme, Speech, Waveform
from deployments.speech.hibari import HibariEngine
from deployments.video.encode import Encoding
from deployments.video.paste import paste
from deployments.video.render import Renderer, finished
from deployments.video.shots import PhotoShots

FPS = 25
SENTENCES = (
    "My father sees five bees above the blue moon.",
    "My father is very old, so he sees the blue moon above.",
    "We keep a map of the moon, and Papa feeds two bees.",
)
"""Wide vowels with closures between them, wide and round ones in turn, and small openings with much OO."""
HELD_S = 0.6
BRIEF_S = 0.06
"""Sounds shorter than this, about a frame and a half, become like their neighbours."""
ASSETS = Path(__file__).parents[2] / "assets"
POSTERS = {
    "photo": ASSETS / "posters" / "photo.jpg",
    "smile with teeth": ASSETS / "poster.png",
    "painting": ASSETS / "posters" / "painting.jpg",
    "black and white": ASSETS / "posters" / "black-and-white.jpg",
    "drawing": Path(serve_app.__file__).parent / "samples" / "illustration.png",
    "three-quarter view": ASSETS / "posters" / "three-quarter.jpg",
}
EE, OO = "i", "u"


@dataclass(frozen=True)
class Script:
    """What is said, and the frames of each sentence, but for the first and the last few."""

    speech: Speech
    sentences: tuple[slice, ...]


def script_of(*texts, held=()):
    """Sentences one after the other, then vowels, each held for a while, and a pause."""
    spoken = [HibariEngine().speak(Passage(text, text)) for text in texts]
    rate_hz = spoken[0].waveform.rate_hz
    starts_s = np.cumsum([0.0, *(speech.waveform.duration_s for speech in spoken)])
    phonemes = [each for speech, start_s in zip(spoken, starts_s, strict=False) for each in later(speech, start_s)]
    vowels_s = starts_s[-1] + HELD_S * np.arange(len(held) + 1)
    phonemes += [Phoneme(symbol, *times) for symbol, times in zip(held, pairwise(vowels_s), strict=True)]
    samples = [speech.waveform.samples for speech in spoken]
    if held:
        samples.append(np.resize(samples[0], round((len(held) + 0.5) * HELD_S * rate_hz)))
    frames = (starts_s * FPS).astype(int)
    inner = tuple(slice(first + 3, last - 3) for first, last in pairwise(frames))
    return Script(Speech(Waveform(np.concatenate(samples), rate_hz), tuple(phonemes)), inner)


def later(speech, start_s):
    """The phonemes of speech that starts then."""
    return [Phoneme(each.symbol, each.start_s + start_s, each.end_s + start_s) for each in speech.phonemes]


class Talk:
    """One poster speaking: its frames before and after encoding, and what is seen in the decoded ones.

    `acted` makes of the drive's features those that the mouth is shown with: the same, unless it is to be wrong.
    """

    def __init__(self, poster, script, acted=lambda features: features):
        engine = PreviewEngine()
        self.script, self.drive = script, engine.drive(script.speech, FPS)
        shown = replace(self.drive, features=acted(self.drive.features))
        self.track = FaceFinder().track(poster.read_bytes())
        shots = PhotoShots(self.track)
        self.shot, self.mouths = shots.take(shown.frames), engine.animate(self.track.crop, shown)
        self._video = encoded(shots, script.speech, [(self.shot, self.mouths)])

    @cached_property
    def lips(self):
        """How far the lips are apart in each frame, in W, and how surely they were found."""
        rest = next(decoded(self._video))
        motion = LipMotion(rest, FaceMesh().refit(rest, self.track.face.landmarks)[0])
        return np.transpose([motion.apart(frame) for frame in decoded(self._video)])

    @cached_property
    def mesh(self):
        """The face mesh's points in each frame, (frames, 468, 2), and how sure it is of them."""
        mesh = FaceMesh()
        seen = [mesh.refit(frame, self.track.face.landmarks) for frame in decoded(self._video)]
        return np.array([points[:, :2] for points, _ in seen]), np.array([confidence for _, confidence in seen])

    def between(self, one, other):
        """The distance of two points of the mesh in each frame, as a share of that between the eyes' outer corners."""
        points, _ = self.mesh
        distance = np.linalg.norm(points[:, one] - points[:, other], axis=1)
        return distance / np.linalg.norm(points[:, LEFT_EYE] - points[:, RIGHT_EYE], axis=1)

    def width_at(self, symbol):
        """The mouth's width in the middle of each such sound that is not brief, as a share of its width at rest."""
        width, resting = self.between(61, 291), ~self.drive.features.any(axis=0)
        sounds = [each for each in self.script.speech.phonemes if each.symbol == symbol]
        middles = [int((p.start_s + p.end_s) / 2 * FPS) for p in sounds if p.end_s - p.start_s > BRIEF_S]
        return width[middles] / width[resting].mean()

    def agreement(self, opening, sentence):
        """How an opening correlates with the drive of a sentence, by how many frames it comes later."""
        inner = self.script.sentences[sentence]
        gap = self.drive.features[0, inner]
        return {lag: np.corrcoef(np.roll(opening, -lag)[inner], gap)[0, 1] for lag in range(-5, 6)}


def encoded(shots, speech, talking):
    """The finished MP4."""

    async def stream():
        for step in talking:
            yield step

    kept = io.BytesIO()
    size = shots.width, shots.height
    rendered = Renderer(Encoding()).render(size, speech.waveform, FPS, stream(), lambda file: kept.write(file.read()))
    asyncio.run(finished(rendered))
    return kept.getvalue()


def decoded(video):
    """The frames of an MP4, one after the other."""
    with av.open(io.BytesIO(video)) as container:
        for frame in container.decode(video=0):
            yield frame.to_ndarray(format="rgb24")


@pytest.fixture(scope="module")
def script():
    return script_of(*SENTENCES, held=(EE, OO))


@pytest.fixture(scope="module", params=list(POSTERS))
def talk(request, script):
    return Talk(POSTERS[request.param], script)


@pytest.mark.parametrize("sentence", range(len(SENTENCES)), ids=SENTENCES)
def test_the_decoded_mouth_opens_as_the_drive_says_and_in_time(talk, sentence):
    opening, likeness = talk.lips
    agreement = talk.agreement(opening, sentence)
    assert abs(max(agreement, key=agreement.get)) <= 1
    assert agreement[0] >= 0.85
    assert likeness.min() >= 0.6


def test_the_mesh_sees_the_same_where_openings_are_wide(talk):
    agreement = talk.agreement(talk.between(13, 14), 0)
    assert abs(max(agreement, key=agreement.get)) <= 1
    assert agreement[0] >= 0.85


def test_oo_is_rounded_and_ee_is_spread(talk):
    *spread, held_spread = talk.width_at(EE)
    *rounded, held_rounded = talk.width_at(OO)
    assert held_spread / held_rounded >= 1.08
    assert max(spread) / min(rounded) >= 1.08
    assert min(spread) > 1 > max(rounded)


def test_the_mesh_is_sure_of_a_face_in_every_frame(talk):
    _, confidence = talk.mesh
    assert confidence.min() >= 0.8


def test_what_is_outside_the_head_keeps_the_photos_pixels(talk):
    photo = talk.track.photo.rgb
    oval = talk.track.face.landmarks[list(FACE_OVAL), :2]
    middle = oval.mean(axis=0)
    head = cv2.fillPoly(np.zeros(photo.shape[:2], np.uint8), [(middle + 1.3 * (oval - middle)).astype(np.int32)], 1)
    most = np.zeros_like(photo)
    for frame in paste(talk.shot, talk.mouths):
        cv2.max(most, cv2.absdiff(frame, photo), dst=most)
    changed = most.any(axis=-1)
    assert changed[head > 0].any()
    assert not changed[head == 0].any()


def shuffled(features):
    return np.random.default_rng(0).permutation(features, axis=1)


def late(features):
    return np.roll(features, 3, axis=1)


def backwards(features):
    return features[:, ::-1]


@pytest.fixture(scope="module")
def one_sentence():
    return script_of(SENTENCES[0])


@pytest.mark.parametrize("wrong", [shuffled, backwards])
def test_a_mouth_that_says_something_else_does_not_agree(one_sentence, wrong):
    talk = Talk(POSTERS["painting"], one_sentence, wrong)
    assert max(talk.agreement(talk.lips[0], 0).values()) < 0.5


def test_a_mouth_that_is_late_is_seen_to_be_late(one_sentence):
    talk = Talk(POSTERS["painting"], one_sentence, late)
    agreement = talk.agreement(talk.lips[0], 0)
    assert max(agreement, key=agreement.get) == 3
    assert agreement[0] < 0.5 < 0.85 <= agreement[3]


def test_a_picture_without_colours_gets_none():
    track = FaceFinder().track(POSTERS["black and white"].read_bytes())
    shapes = np.array([(0.3, 0, 0, 0, 0, 0), (0.1, 0, 0, 0, 1, 1), (0.08, 0, 0, 1, 0, 0)], np.float32).T
    mouths = PreviewEngine().animate(track.crop, MouthDrive("preview", FPS, shapes, np.arange(3, dtype=np.int32), 1))
    assert np.ptp(mouths.rgb, axis=-1).max() == 0
