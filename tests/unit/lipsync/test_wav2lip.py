import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from deployments.lipsync.wav2lip import Wav2Lip
from deployments.lipsync.wav2lip_engine import FACES, FEATHER, Wav2LipEngine, lower_face, lower_face_mask
from deployments.media import FaceBox, MouthDrive, MouthFrames, Photo, Speech, Waveform
from deployments.video.paste import paste


@pytest.fixture(scope="module")
def engine(checkpoint_path):
    return Wav2LipEngine(checkpoint_path, device="cpu", precision="float32")


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
    expected = golden["faces_f16"][np.searchsorted(golden["frame_indices"], frames)][:, 48:, :, ::-1] * np.float32(255)
    assert np.abs(mouths - expected).max() <= 1.25  # truncated to whole levels


def test_hard_paste_is_the_published_composite(checkpoint_path, drive, crop, poster, golden):
    engine = Wav2LipEngine(checkpoint_path, device="cpu", paste="published", precision="float32")
    index = golden["frame_indices"][5]
    (frame,) = paste(poster, engine.animate(crop, drive.chunk(index, index + 1)))
    expected = poster.rgb.copy()
    crop.box.cut(expected)[:] = golden["composite_bgr_index5_box"][..., ::-1]
    assert np.abs(frame.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("height", [280, 281, 96, 97])
def test_pasting_the_lower_half_is_pasting_the_whole_under_the_same_mask(golden, height):
    face = np.round(golden["faces_f16"][5:6].astype(np.float32) * 255).astype(np.uint8)
    photo, box = Photo(np.full((300, 240, 3), 128, np.uint8)), FaceBox(10, 5, 230, 5 + height)
    half_box, half_mask = lower_face(box)
    (half,) = paste(photo, MouthFrames(face[:, 48:], half_box, half_mask))
    (whole,) = paste(photo, MouthFrames(face, box, lower_face_mask(box)))
    assert (half_box.top, half_box.bottom) == (5 + height // 2, box.bottom)
    assert (half_mask[0] == 0).all()
    off = np.abs(half.astype(int) - whole)
    slope = np.abs(np.diff(paste_whole(photo, face, box).astype(int), axis=0)).max()  # of one photo pixel
    at_seam = 255 / (FEATHER * height) / 255
    assert off.max() <= (1 + slope / 2 if height % 2 else 1 + slope * at_seam)


def paste_whole(photo, face, box):
    (frame,) = paste(photo, MouthFrames(face, box, np.full((box.height, box.width), 255, np.uint8)))
    return box.cut(frame)


def test_a_still_face_is_encoded_once(checkpoint_path, drive, crop):
    engine = Wav2LipEngine(checkpoint_path, device="cpu")
    first = engine.animate(crop, drive.chunk(70, 71)).rgb
    other = replace(crop, rgb=crop.rgb[:, ::-1])  # other pixels under a digest that is known
    assert (engine.animate(other, drive.chunk(70, 71)).rgb == first).all()
    assert (engine.animate(replace(other, digest="other"), drive.chunk(70, 71)).rgb != first).any()


def test_only_so_many_faces_are_kept(checkpoint_path, drive, crop):
    engine = Wav2LipEngine(checkpoint_path, device="cpu")
    first = engine.animate(crop, drive.chunk(70, 71)).rgb
    for number in range(FACES):
        engine.animate(replace(crop, digest=str(number)), drive.chunk(70, 71))
    other = replace(crop, rgb=crop.rgb[:, ::-1])
    assert (engine.animate(other, drive.chunk(70, 71)).rgb != first).any()  # the digest was forgotten


def test_threads_may_ask_for_one_face_at_the_same_time(engine, drive, crop):
    new = replace(crop, digest="asked for by four")
    with ThreadPoolExecutor(4) as threads:
        mouths = [*threads.map(lambda _: engine.animate(new, drive.chunk(70, 71)).rgb, range(4))]
    assert all((mouth == mouths[0]).all() for mouth in mouths)


def test_equal_windows_give_equal_mouths_in_the_order_of_the_frames(engine, drive, crop):
    mixed = replace(drive, starts=drive.starts[[90, 20, 90, 50, 20]])
    mouths = engine.animate(crop, mixed).rgb
    assert (mouths[0] == mouths[2]).all()
    assert (mouths[1] == mouths[4]).all()
    for mouth, frame in zip(mouths[:2], (90, 20), strict=True):
        alone = engine.animate(crop, drive.chunk(frame, frame + 1)).rgb[0]
        assert np.abs(mouth.astype(int) - alone).max() <= 1


def test_silence_is_computed_once(engine, crop):
    silence = MouthDrive("wav2lip", 25.0, np.full((80, 4000), -4, np.float32), np.arange(3000, dtype=np.int32), 16)
    start = time.perf_counter()
    mouths = engine.animate(crop, silence).rgb
    assert time.perf_counter() - start < 20  # 3000 faces would take minutes
    assert (mouths == mouths[0]).all()


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
    assert engine.animate(crop, drive).rgb.shape == (2, 48, 96, 3)


def test_version_names_the_weights_and_what_else_changes_the_pictures(engine, checkpoint_path):
    digest = hashlib.sha256(checkpoint_path.read_bytes()).hexdigest()
    assert engine.version.startswith(f"wav2lip-{digest[:16]}")
    assert Wav2LipEngine(checkpoint_path, device="cpu", precision="float32").version == engine.version
    assert engine.version.endswith("float32")
    exact = {"precision": "float32"}
    others = [exact | {"paste": "published"}, exact | {"alignment": "training"}, {"precision": "bfloat16"}]
    versions = {Wav2LipEngine(checkpoint_path, device="cpu", **options).version for options in others}
    assert len(versions | {engine.version}) == 4


def test_feathered_mask_replaces_the_lower_face_and_leaves_the_rest():
    mask = lower_face_mask(FaceBox(10, 20, 210, 270))
    assert mask.shape == (250, 200)
    assert (mask[:126] == 0).all()  # the upper half
    assert (mask[-1] == 0).all()
    assert (mask[:, [0, -1]] == 0).all()
    assert (mask[146:229, 17:183] == 255).all()  # more than 8 % inside
    assert np.abs(np.diff(mask.astype(int), axis=0)).max() < 20  # no edge to be seen
