import hashlib

import numpy as np
import pytest
import torch

from deployments.lipsync.wav2lip import Wav2Lip
from deployments.lipsync.wav2lip_engine import Wav2LipEngine, lower_face_mask
from deployments.media import FaceBox, Speech, Waveform
from deployments.video.paste import paste


@pytest.fixture(scope="module")
def engine(checkpoint_path):
    return Wav2LipEngine(checkpoint_path, device="cpu")


@pytest.fixture(scope="module")
def drive(engine, sound):
    return engine.drive(Speech(sound), 25.0)


def test_network_has_the_published_tensors(weights):
    assert {name: value.shape for name, value in Wav2Lip().state_dict().items()} == {
        name: value.shape for name, value in weights.items()
    }
    assert sum(parameter.numel() for parameter in Wav2Lip().parameters()) == 36_298_035


def test_faces_are_the_published_ones(weights, golden):
    network = Wav2Lip().eval()
    network.load_state_dict(weights)
    mel = torch.from_numpy(golden["mel"])
    windows = [mel[:, start : start + 16] for start in golden["starts_25.000"][golden["frame_indices"]]]
    face = torch.from_numpy(golden["face_bgr"].transpose(2, 0, 1)[None] / np.float32(255))
    with torch.inference_mode():
        faces = network(torch.stack(windows)[:, None], face).permute(0, 2, 3, 1).numpy()
    assert np.abs(faces - golden["faces_f16"]).max() < 0.25 / 255


def test_engine_makes_the_published_faces_from_sound_and_photo(engine, drive, crop, golden):
    frames = [0, 14, 70, 155]
    mouths = np.concatenate([engine.animate(crop, drive.chunk(i, i + 1)).rgb for i in frames])
    expected = golden["faces_f16"][np.searchsorted(golden["frame_indices"], frames)][..., ::-1].astype(np.float32) * 255
    assert np.abs(mouths - expected).max() <= 1.25  # truncated to whole levels


def test_hard_paste_is_the_published_composite(checkpoint_path, drive, crop, poster, golden):
    engine = Wav2LipEngine(checkpoint_path, device="cpu", paste="published")
    index = golden["frame_indices"][5]
    (frame,) = paste(poster, engine.animate(crop, drive.chunk(index, index + 1)))
    expected = poster.rgb.copy()
    crop.box.cut(expected)[:] = golden["composite_bgr_index5_box"][..., ::-1]
    assert np.abs(frame.astype(int) - expected).max() <= 1


def test_a_mouth_is_the_same_alone_and_in_company(engine, drive, crop):
    together = engine.animate(crop, drive.chunk(60, 80)).rgb.astype(int)  # more than one batch
    alone = np.concatenate([engine.animate(crop, drive.chunk(i, i + 1)).rgb for i in (60, 75, 79)])
    assert np.abs(together[[0, 15, 19]] - alone).max() <= 1


def test_the_mouth_depends_on_the_sound(engine, drive, crop):
    first, second = engine.animate(crop, drive.chunk(70, 72)).rgb.astype(int)
    assert np.abs(first - second).mean() > 0.5


@pytest.mark.parametrize("fps", [25.0, 30.0, 23.976])
@pytest.mark.parametrize("seconds", [0.01, 0.1, 0.19, 1.0, 6.35])
def test_a_drive_has_as_many_frames_as_the_sound_lasts(engine, fps, seconds):
    samples = np.random.default_rng(3).normal(0, 2000, round(seconds * 24000)).astype(np.int16)
    drive = engine.drive(Speech(Waveform(samples, 24000)), fps)
    assert drive.frames == max(1, round(fps * len(samples) / 24000))
    assert drive.starts.max() + drive.width <= drive.features.shape[1]


def test_a_sound_shorter_than_a_window_can_be_animated(engine, crop):
    drive = engine.drive(Speech(Waveform(np.full(1600, 500, np.int16), 16000)), 25.0)
    assert engine.animate(crop, drive).rgb.shape == (2, 96, 96, 3)


def test_version_names_the_weights_and_what_else_changes_the_pictures(engine, checkpoint_path):
    digest = hashlib.sha256(checkpoint_path.read_bytes()).hexdigest()
    assert engine.version.startswith(f"wav2lip-{digest[:16]}")
    assert Wav2LipEngine(checkpoint_path, device="cpu").version == engine.version
    others = [{"paste": "published"}, {"alignment": "training"}]
    versions = {Wav2LipEngine(checkpoint_path, device="cpu", **options).version for options in others}
    assert len(versions | {engine.version}) == 3


def test_feathered_mask_replaces_the_lower_face_and_leaves_the_rest():
    mask = lower_face_mask(FaceBox(10, 20, 210, 270))
    assert mask.shape == (250, 200)
    assert (mask[:126] == 0).all()  # the upper half
    assert (mask[-1] == 0).all()
    assert (mask[:, [0, -1]] == 0).all()
    assert (mask[146:229, 17:183] == 255).all()  # more than 8 % inside
    assert np.abs(np.diff(mask.astype(int), axis=0)).max() < 20  # no edge to be seen
