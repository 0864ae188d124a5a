import numpy as np
import pytest
import torch

from deployments.lipsync.generator import CUTS, Generator
from deployments.lipsync.wav2lip import Wav2Lip

ROUNDING = 2e-5
"""More than float32 puts between the same faces computed in tiles that lie differently."""


@pytest.fixture(scope="module", autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def generator(weights):
    return Generator(weights)


@pytest.fixture(scope="module")
def sound(golden):
    mel = torch.from_numpy(golden["mel"])
    starts = golden["starts_25.000"][golden["frame_indices"]]
    return torch.stack([mel[:, start : start + 16] for start in starts])[:, None]


@pytest.fixture(scope="module")
def face(golden):
    return torch.from_numpy(golden["face_bgr"].transpose(2, 0, 1)[None] / np.float32(255))


@pytest.fixture(scope="module")
def faces(generator, sound, face):
    return generator(sound, [(slice(None), generator.encode_face(face))], "all")


@pytest.fixture(scope="module")
def lower_faces(generator, sound, face):
    return generator(sound, [(slice(None), generator.encode_face(face))])


def test_faces_are_the_published_ones(faces, golden):
    assert np.abs(faces.permute(0, 2, 3, 1).numpy() - golden["faces_f16"]).max() < 0.25 / 255


def test_lower_half_is_that_of_the_whole_face_but_for_rounding(faces, lower_faces):
    assert lower_faces.shape == (len(faces), 3, 48, 96)
    assert (lower_faces - faces[:, :, 48:]).abs().max() < ROUNDING


@pytest.mark.parametrize("step", range(2, 7))
def test_one_more_row_cut_before_any_step_shows(generator, sound, face, faces, step, monkeypatch):
    more = [cut + (number == step) for number, cut in enumerate(CUTS["lower"])]
    monkeypatch.setitem(CUTS, "lower", more)
    less = generator(sound[:1], [(slice(None), generator.encode_face(face))])
    assert (less - faces[:1, :, -less.shape[2] :]).abs().max() > 10 * ROUNDING


def test_runs_of_strangers_in_a_batch_do_not_change_a_face(generator, sound, face, lower_faces):
    own, other = generator.encode_face(face), generator.encode_face(face.flip(3) * 0.7)
    together = generator(sound[[3, 8, 9]], [(slice(0, 1), own), (slice(1, 3), other)])
    alone = generator(sound[[8, 9]], [(slice(None), other)])
    assert (together[0] - lower_faces[3]).abs().max() < 1 / 255
    assert (together[1:] - alone).abs().max() < 1 / 255
    assert (together[1:] - lower_faces[8:10]).abs().max() > 10 / 255  # it is another face


def test_a_run_takes_a_still_face_a_frame_too(generator, sound, face):
    own, other = generator.encode_face(face), generator.encode_face(face.flip(3) * 0.7)
    each = tuple(torch.cat(pair) for pair in zip(own, other, strict=True))
    runs = generator(sound[[3, 8]], [(slice(0, 1), own), (slice(1, 2), other)])
    assert torch.equal(generator(sound[[3, 8]], [(slice(None), each)]), runs)


def test_bfloat16_is_close_to_float32(weights, sound, face, lower_faces):
    generator = Generator(weights, torch.bfloat16)
    few = [0, 5, 10]
    off = (generator(sound[few], [(slice(None), generator.encode_face(face))]) - lower_faces[few]).abs() * 255
    assert 0 < off.max() < 6
    assert off.mean() < 0.5


def test_it_takes_a_third_of_the_published_arithmetic(generator):
    from bench_generator import multiplications

    published = 3.97e9  # a frame, by the layers of the paper's network
    assert 0.3 * published < multiplications(generator) < 0.35 * published


def test_weights_are_left_as_they_were(weights, generator):
    network = Wav2Lip()
    network.load_state_dict(weights)
    assert all(torch.equal(network.state_dict()[name], value) for name, value in weights.items())
