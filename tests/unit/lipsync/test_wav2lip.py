import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from deployments.lipsync.wav2lip import Wav2Lip
from deployments.lipsync.wav2lip_engine import FACES, Options, Wav2LipEngine, lower_half
from deployments.media import ClipFaces, FaceBox, MouthDrive, MouthFrames, Speech, Waveform
from deployments.video.paste import paste
from deployments.video.shots import Shot

EXACT = Options(device="cpu", precision="float32")


@pytest.fixture(scope="module")
def engine(checkpoint_path):
    return Wav2LipEngine(checkpoint_path, EXACT)


@pytest.fixture(scope="module")
def published(checkpoint_path):
    """As the published code does it, but for the speed."""
    return Wav2LipEngine(checkpoint_path, replace(EXACT, silence="published"))


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


def test_engine_makes_the_published_faces_from_sound_and_photo(published, sound, crop, golden):
    frames, drive = [0, 14, 70, 155], published.drive(Speech(sound), 25.0, "published")
    mouths = np.concatenate([published.animate(crop, drive.chunk(i, i + 1)).rgb for i in frames])
    expected = golden["faces_f16"][np.searchsorted(golden["frame_indices"], frames)][..., ::-1] * np.float32(255)
    assert np.abs(mouths - expected).max() <= 1.25  # truncated to whole levels


def test_hard_paste_is_the_published_composite(published, sound, crop, poster, golden):
    index = golden["frame_indices"][5]
    mouths = published.animate(crop, published.drive(Speech(sound), 25.0, "published").chunk(index, index + 1))
    (frame,) = paste(Shot([poster.rgb], np.array([True])), mouths)
    expected = poster.rgb.copy()
    crop.box.cut(expected)[:] = golden["composite_bgr_index5_box"][..., ::-1]
    assert np.abs(frame.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("height", [280, 281, 96, 97])
def test_pasting_the_lower_half_is_pasting_the_whole_face_below_its_middle(golden, height):
    face = np.round(golden["faces_f16"][5:6].astype(np.float32) * 255).astype(np.uint8)
    box = FaceBox(10, 5, 230, 5 + height)
    half, whole = pasted(face[:, 48:], lower_half(box)), pasted(face, box)
    assert (lower_half(box).top, lower_half(box).bottom) == (5 + height // 2, box.bottom)
    slope = np.abs(np.diff(box.cut(whole).astype(int), axis=0)).max()  # of one photo pixel
    below = slice(5 + height // 2 + height // 48, None)  # rows that do not see row 47, which the half does not have
    assert np.abs(half[below].astype(int) - whole[below]).max() <= (1 + slope / 2 if height % 2 else 1)


def pasted(mouth, box):
    picture = np.full((300, 240, 3), 128, np.uint8)
    (frame,) = paste(Shot([picture], np.array([True])), MouthFrames(mouth, (box,), np.full((1, 1, 1), 255, np.uint8)))
    return frame


def test_a_still_face_is_encoded_once(checkpoint_path, drive, crop):
    engine = Wav2LipEngine(checkpoint_path, EXACT)
    drive = replace(drive, paste="published")  # which shows nothing of the photo's light
    first = engine.animate(crop, drive.chunk(70, 71)).rgb
    other = replace(crop, rgb=crop.rgb[:, ::-1])  # other pixels under a digest that is known
    assert (engine.animate(other, drive.chunk(70, 71)).rgb == first).all()
    assert (engine.animate(replace(other, digest="other"), drive.chunk(70, 71)).rgb != first).any()


def test_only_so_many_faces_are_kept(checkpoint_path, drive, crop):
    engine = Wav2LipEngine(checkpoint_path, EXACT)
    drive = replace(drive, paste="published")
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
    assert Wav2LipEngine(checkpoint_path, replace(EXACT, threads=2)).version == engine.version
    changes = [{"alignment": "training"}, {"silence": "published"}, {"precision": "bfloat16"}]
    versions = {Wav2LipEngine(checkpoint_path, replace(EXACT, **change)).version for change in changes}
    assert len(versions | {engine.version}) == 4


def test_calls_made_together_are_what_they_are_alone(engine, drive, crop, poster):
    other = replace(crop, rgb=crop.rgb[:, ::-1], digest="mirrored")
    faces = clip_faces(poster, count=5)
    calls = [(crop, drive.chunk(60, 77)), (faces, drive.chunk(90, 95)), (other, drive.chunk(20, 31))]
    for made, call in zip(engine.animate_together(calls), calls, strict=True):
        alone = engine.animate(*call)
        assert np.abs(made.rgb.astype(int) - alone.rgb).max() <= 1
        assert made.boxes == alone.boxes
        assert (made.masks == alone.masks).all()
    assert np.abs(engine.animate(other, calls[0][1]).rgb.astype(int) - engine.animate(*calls[0]).rgb).max() > 10


def test_calls_that_are_pasted_in_other_ways_go_together_in_one_engine(engine, drive, crop, golden):
    soft, whole = drive.chunk(70, 72), replace(drive.chunk(70, 72), paste="published")
    mouths = engine.animate_together([(crop, soft), (crop, whole), (crop, soft)])
    assert [made.rgb.shape for made in mouths] == [(2, 48, 96, 3), (2, 96, 96, 3), (2, 48, 96, 3)]
    assert [made.boxes for made in mouths] == [(lower_half(crop.box),), (crop.box,), (lower_half(crop.box),)]
    assert (mouths[1].masks == 255).all()
    assert (mouths[0].rgb == mouths[2].rgb).all()
    expected = golden["faces_f16"][golden["frame_indices"] == 70][..., ::-1] * np.float32(255)
    assert np.abs(mouths[1].rgb[0] - expected).max() <= 1.25


def test_each_frame_of_a_clip_speaks_with_its_own_face(engine, drive, crop, poster):
    faces = clip_faces(poster, count=3)
    together = engine.animate(faces, drive.chunk(70, 73))
    assert len(together.boxes) == len(together.masks) == len(together.rgb) == 3
    for i in range(3):
        one = engine.animate(faces.chunk(i, i + 1), drive.chunk(70 + i, 71 + i))
        assert np.abs(together.rgb[i].astype(int) - one.rgb[0]).max() <= 1
    shifted = replace(faces, rgb=faces.rgb[[1, 1, 1]])
    assert np.abs(engine.animate(shifted, drive.chunk(70, 73)).rgb[2].astype(int) - together.rgb[2]).max() > 10


def test_a_clip_of_one_still_face_speaks_like_the_photo(engine, drive, crop, poster):
    box = crop.box
    face = cv2.resize(box.cut(poster.rgb), (96, 96))
    still = ClipFaces(face[None].repeat(4, 0), (box,) * 4, np.full((4, 468, 3), np.nan, np.float32))
    photo, clip = (engine.animate(source, drive.chunk(70, 74)) for source in (crop, still))
    assert np.abs(photo.rgb.astype(int) - clip.rgb).max() <= 1
    assert set(clip.boxes) == set(photo.boxes)


def clip_faces(poster, count):
    """Faces of a clip in which the picture moves by 3 pixels a frame."""
    boxes = tuple(FaceBox(150 + 3 * i, 50, 290 + 3 * i, 200) for i in range(count))
    rgb = np.stack([cv2.resize(box.cut(poster.rgb), (96, 96)) for box in boxes])
    return ClipFaces(rgb, boxes, np.full((count, 468, 3), np.nan, np.float32))


def test_the_mouth_rests_in_the_noise_of_a_pause(engine, published, crop, sound):
    quiet = np.concatenate([sound.samples, np.zeros(2 * sound.rate_hz, np.int16)])
    noise = np.random.default_rng(4).normal(0, 8, len(quiet))  # some 50 dB below the voice
    paused = Speech(Waveform((quiet + noise).astype(np.int16), sound.rate_hz))
    end = round(25 * sound.duration_s)
    resting = engine.animate(crop, engine.drive(paused, 25.0).chunk(end + 10, end + 40)).rgb
    assert (resting == resting[0]).all()
    trembling = published.animate(crop, published.drive(paused, 25.0).chunk(end + 10, end + 40)).rgb
    assert not (trembling == trembling[0]).all()
