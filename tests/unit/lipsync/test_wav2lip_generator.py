import numpy as np
import pytest
import torch

from deployments.lipsync.generator import Generator
from deployments.lipsync.wav2lip import Wav2Lip


@pytest.fixture(scope="module", autouse=True)
def inference():
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def whole(weights):
    return Generator(weights, "all")


@pytest.fixture(scope="module")
def lower(weights):
    return Generator(weights, "lower")


@pytest.fixture(scope="module")
def sound(golden):
    mel = torch.from_numpy(golden["mel"])
    starts = golden["starts_25.000"][golden["frame_indices"]]
    return torch.stack([mel[:, start : start + 16] for start in starts])[:, None]


@pytest.fixture(scope="module")
def face(golden):
    return torch.from_numpy(golden["face_bgr"].transpose(2, 0, 1)[None] / np.float32(255))


@pytest.fixture(scope="module")
def faces(whole, sound, face):
    return whole(sound, whole.encode_face(face))


@pytest.fixture(scope="module")
def lower_faces(lower, sound, face):
    return lower(sound, lower.encode_face(face))


def test_faces_are_the_published_ones(faces, golden):
    assert np.abs(faces.permute(0, 2, 3, 1).numpy() - golden["faces_f16"]).max() < 0.25 / 255


def test_lower_half_is_bit_for_bit_that_of_the_whole_face(faces, lower_faces):
    assert lower_faces.shape == (len(faces), 3, 48, 96)
    assert torch.equal(lower_faces, faces[:, :, 48:])


@pytest.mark.parametrize("step", range(2, 7))
def test_one_more_row_cut_before_any_step_shows(weights, sound, face, faces, step):
    generator = Generator(weights, "lower")
    generator.steps[step].cut += 1
    less = generator(sound[:1], generator.encode_face(face))
    assert not torch.equal(less, faces[:1, :, -less.shape[2] :])


def test_strangers_in_a_batch_do_not_change_a_face(lower, sound, face, lower_faces):
    stranger = face.flip(3) * 0.7
    both = [torch.cat(pair) for pair in zip(lower.encode_face(face), lower.encode_face(stranger), strict=True)]
    together = lower(sound[[3, 8]], tuple(both))
    alone = lower(sound[[8]], lower.encode_face(stranger))
    assert (together[0] - lower_faces[3]).abs().max() < 1 / 255
    assert (together[1] - alone[0]).abs().max() < 1 / 255
    assert (together[1] - lower_faces[8]).abs().max() > 10 / 255  # it is another face


def test_bfloat16_is_close_to_float32(weights, sound, face, lower_faces):
    generator = Generator(weights, "lower", torch.bfloat16)
    few = [0, 5, 10]
    off = (generator(sound[few], generator.encode_face(face)) - lower_faces[few]).abs() * 255
    assert 0 < off.max() < 6
    assert off.mean() < 0.5


def test_it_takes_six_tenths_of_the_published_arithmetic(lower):
    from bench import multiplications

    published = 3.97e9  # a frame, by the layers of the paper's network
    assert 0.5 * published < multiplications(lower) < 0.6 * published


def test_weights_are_left_as_they_were(weights, lower):
    network = Wav2Lip()
    network.load_state_dict(weights)
    assert all(torch.equal(network.state_dict()[name], value) for name, value in weights.items())
