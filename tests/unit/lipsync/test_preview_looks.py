"""Six posters of every kind, measured with the face mesh on the decoded MP4: lips in time, round and spread."""

import asyncio
import io
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

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
SENTENCE = "My father sees five bees above the blue moon."
HELD_S = 0.6
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


class Talk:
    """One poster speaking: its frames before and after encoding, and what the mesh sees in the decoded ones."""

    def __init__(self, poster, speech):
        engine = PreviewEngine()
        self.drive = engine.drive(speech, FPS)
        self.track = FaceFinder().track(poster.read_bytes())
        shots = PhotoShots(self.track)
        self.shot, self.mouths = shots.take(self.drive.frames), engine.animate(self.track.crop, self.drive)
        frames = decoded(shots, speech, [(self.shot, self.mouths)])
        self.phonemes = speech.phonemes
        self.sentence_frames = int(speech.phonemes[-3].end_s * FPS)
        seen = [FaceMesh().refit(frame, self.track.face.landmarks) for frame in frames]
        self.points = np.array([points[:, :2] for points, _ in seen])
        self.confidence = np.array([confidence for _, confidence in seen])

    def between(self, one, other):
        """The distance of two points in each frame, as a share of that between the eyes' outer corners."""
        distance = np.linalg.norm(self.points[:, one] - self.points[:, other], axis=1)
        return distance / np.linalg.norm(self.points[:, LEFT_EYE] - self.points[:, RIGHT_EYE], axis=1)

    @property
    def resting(self):
        """Which frames are at rest."""
        return ~self.drive.features.any(axis=0)

    @property
    def opening(self):
        """How far the mouth is open in each frame, against this poster's own rest."""
        gap = self.between(13, 14)
        return gap - gap[self.resting].mean()

    def width_at(self, symbol):
        """The mouth's width in the middle of each such sound, as a share of its width at rest."""
        width = self.between(61, 291)
        middles = [int((p.start_s + p.end_s) / 2 * FPS) for p in self.phonemes if p.symbol == symbol]
        return width[middles] / width[self.resting].mean()

    def agreement(self, lag):
        """How the opening correlates with the drive `lag` frames earlier."""
        inner = slice(3, self.sentence_frames - 3)
        return np.corrcoef(np.roll(self.opening, -lag)[inner], self.drive.features[0, inner])[0, 1]


def decoded(shots, speech, talking):
    """The frames of the finished MP4."""

    async def stream():
        for step in talking:
            yield step

    kept = io.BytesIO()
    size = shots.width, shots.height
    rendered = Renderer(Encoding()).render(size, speech.waveform, FPS, stream(), lambda file: kept.write(file.read()))
    asyncio.run(finished(rendered))
    with av.open(io.BytesIO(kept.getvalue())) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.fixture(scope="module")
def spoken():
    """The sentence, and after it an EE and an OO, each held for a while."""
    sentence = HibariEngine().speak(Passage(SENTENCE, SENTENCE))
    rate_hz, end_s = sentence.waveform.rate_hz, sentence.waveform.duration_s
    held = np.resize(sentence.waveform.samples, round(2.5 * HELD_S * rate_hz))
    sound = Waveform(np.concatenate([sentence.waveform.samples, held]), rate_hz)
    middle_s = end_s + HELD_S
    vowels = Phoneme(EE, end_s, middle_s), Phoneme(OO, middle_s, middle_s + HELD_S)
    return Speech(sound, (*sentence.phonemes, *vowels))


@pytest.fixture(scope="module", params=list(POSTERS))
def talk(request, spoken):
    return Talk(POSTERS[request.param], spoken)


def test_the_decoded_mouth_opens_as_the_drive_says_and_in_time(talk):
    agreement = {lag: talk.agreement(lag) for lag in range(-3, 4)}
    assert abs(max(agreement, key=agreement.get)) <= 1
    assert agreement[0] >= 0.85


def test_oo_is_rounded_and_ee_is_spread(talk):
    *spread, held_spread = talk.width_at(EE)
    *rounded, held_rounded = talk.width_at(OO)
    assert held_spread / held_rounded >= 1.08
    assert max(spread) / min(rounded) >= 1.05
    assert min(spread) > 1 > max(rounded)


def test_the_mesh_is_sure_of_a_face_in_every_frame(talk):
    assert talk.confidence.min() >= 0.8


def test_what_is_outside_the_head_keeps_the_photos_pixels(talk):
    photo = talk.track.photo.rgb
    oval = talk.track.face.landmarks[list(FACE_OVAL), :2]
    middle = oval.mean(axis=0)
    head = cv2.fillPoly(np.zeros(photo.shape[:2], np.uint8), [(middle + 1.3 * (oval - middle)).astype(np.int32)], 1)
    changed = np.any([np.any(frame != photo, axis=-1) for frame in paste(talk.shot, talk.mouths)], axis=0)
    assert changed[head > 0].any()
    assert not changed[head == 0].any()


def test_a_picture_without_colours_gets_none():
    track = FaceFinder().track(POSTERS["black and white"].read_bytes())
    shapes = np.array([(0.3, 0, 0, 0, 0, 0), (0.1, 0, 0, 0, 1, 1), (0.08, 0, 0, 1, 0, 0)], np.float32).T
    mouths = PreviewEngine().animate(track.crop, MouthDrive("preview", FPS, shapes, np.arange(3, dtype=np.int32), 1))
    assert np.ptp(mouths.rgb, axis=-1).max() == 0
