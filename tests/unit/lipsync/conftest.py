"""The golden Wav2Lip: its numbers, its input and a checkpoint of its seeded weights."""

import sys
import wave
from pathlib import Path

import cv2
import numpy as np
import pytest

from deployments.media import FaceBox, FaceCrop, Photo, Waveform

TESTS = Path(__file__).parents[2]
sys.path.insert(0, str(TESTS / "golden"))

from seeded_checkpoint import seeded_weights, write_checkpoint  # noqa: E402 - found on the path above


@pytest.fixture(scope="session")
def golden():
    with np.load(TESTS / "golden" / "wav2lip.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def sound():
    with wave.open(str(TESTS / "assets" / "speech_16k.wav")) as file:
        return Waveform(np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate())


@pytest.fixture(scope="session")
def poster():
    return Photo(cv2.imread(str(TESTS / "assets" / "poster.png"))[:, :, ::-1].copy())


@pytest.fixture(scope="session")
def crop(golden, poster):
    top, bottom, left, right = (int(edge) for edge in golden["box_y1y2x1x2"])
    area = FaceBox(left - 30, top - 20, right + 30, bottom + 20)
    return FaceCrop(area.cut(poster.rgb), area, FaceBox(left, top, right, bottom), None, "golden")


@pytest.fixture(scope="session")
def weights():
    return seeded_weights()


@pytest.fixture(scope="session")
def checkpoint_path(weights, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "seeded.pth"
    write_checkpoint(path, weights)
    yield path
    path.unlink()
