"""The network that hears visemes: the shipped weights on voices that it was not trained on, and what may not matter."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from deployments.lipsync.preview import hearing
from deployments.lipsync.preview.hearing import FRAME_HZ, LOOK_AHEAD, LOOK_BACK, Hearing
from deployments.lipsync.preview.sound import mel_powers
from deployments.lipsync.viseme_training.evaluation import evaluate, matches
from deployments.lipsync.viseme_training.network import VisemeNet, weights_of
from deployments.media import Phoneme, Speech, Waveform

CLIPS = Path(__file__).parents[2] / "assets" / "held_out"


def clip(path):
    samples, rate_hz = soundfile.read(path.with_suffix(".ogg"), dtype="int16")
    return Speech(Waveform(samples, rate_hz), tuple(Phoneme(*phoneme) for phoneme in json.loads(path.read_text())))


@pytest.fixture(scope="module")
def held_out():
    return [clip(path) for path in sorted(CLIPS.glob("*.json"))]


@pytest.fixture(scope="module")
def unseen():
    """Voices made of recordings, and a person: nothing in the recipe was chosen by them."""
    return [clip(path) for path in sorted((CLIPS / "unseen").glob("*.json"))]


@pytest.fixture(scope="module")
def net():
    return Hearing.trained()


@pytest.fixture(scope="module")
def powers(sound):
    return mel_powers(sound)


def test_the_mouth_follows_voices_that_were_not_trained_on(held_out):
    scores = evaluate(held_out)
    assert scores.closures > 100
    assert scores.f1 >= 0.85, scores
    assert scores.jaw >= 0.8, scores
    assert scores.silent_frames > 500
    assert scores.rest >= 0.97, scores


def test_voices_made_of_recordings_and_a_person_are_followed_too(unseen):
    scores = evaluate(unseen)
    assert scores.closures > 100
    assert scores.f1 >= 0.85, scores
    assert scores.jaw >= 0.8, scores
    assert scores.rest >= 0.97, scores


def test_the_scores_of_weights_that_know_nothing_are_bad(held_out, monkeypatch):
    torch.manual_seed(1)
    untrained = weights_of(VisemeNet().eval(), np.zeros(40, np.float32))
    monkeypatch.setattr(Hearing, "trained", lambda: Hearing.of(untrained))
    scores = evaluate(held_out)
    assert scores.f1 < 0.6
    assert scores.jaw < 0.5
    assert scores.rest < 0.9


def test_the_weights_are_small():
    assert Path(hearing.__file__).with_suffix(".npz").stat().st_size < 1_000_000


def test_numpy_computes_what_torch_was_trained_to():
    torch.manual_seed(2)
    trained = VisemeNet()
    features = torch.randn(1, 80, 300)
    trained(features)  # its norms see something
    trained.eval()
    expected = trained(features)[0].detach().numpy()
    actual = Hearing.of(weights_of(trained, np.zeros(40, np.float32))).logits(features[0].numpy())
    assert actual.shape == (16, 300 - LOOK_BACK - LOOK_AHEAD)
    np.testing.assert_allclose(actual, expected, atol=0.01)  # half precision


def test_weights_add_up_to_one_and_there_is_a_frame_for_each_20_ms(net, powers, sound):
    weights, shut = net(powers)
    assert weights.shape == (15, len(shut))
    assert len(shut) == pytest.approx(sound.duration_s * FRAME_HZ, abs=1)
    np.testing.assert_allclose(weights.sum(axis=0), 1.0, atol=1e-5)
    assert 0 <= shut.min() < 0.01
    assert 0.9 < shut.max() <= 1


def test_blocks_leave_no_trace(net, powers, monkeypatch):
    whole = net(powers)
    monkeypatch.setattr(hearing, "BLOCK", 77)
    for ours, theirs in zip(net(powers), whole, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_a_quiet_recording_is_heard_as_a_loud_one_is(net, sound):
    quiet = Waveform((sound.samples * 0.05).astype(np.int16), sound.rate_hz)
    loud, low = (
        np.concatenate([part.reshape(-1, part.shape[-1]) for part in net(mel_powers(w))]) for w in (sound, quiet)
    )
    assert np.abs(loud - low).mean() < 0.02


def test_a_knock_does_not_tell_how_loud_a_sound_is(net, sound):
    quiet = (sound.samples * 0.05).astype(np.int16)
    knocked = quiet.copy()
    knocked[100:140] = 32767  # 2.5 ms
    whole, hit = (net(mel_powers(Waveform(samples, sound.rate_hz)))[0] for samples in (quiet, knocked))
    assert np.abs(whole - hit)[:, 20:].mean() < 0.02


def test_what_comes_later_than_a_fifth_of_a_second_is_not_heard(net, powers):
    at = powers.shape[1] // 2
    later = powers.copy()
    later[:, at:] = later[:, at:][:, ::-1]  # the same columns, so that level and mean spectrum stay
    known = at // 2 - LOOK_AHEAD
    for ours, theirs in zip(net(later), net(powers), strict=True):
        np.testing.assert_allclose(ours[..., :known], theirs[..., :known], atol=1e-4)
        assert np.abs(ours[..., known:] - theirs[..., known:]).max() > 0.1
    assert LOOK_AHEAD / FRAME_HZ <= 0.2
    assert LOOK_BACK / FRAME_HZ <= 0.2


def test_a_closure_is_found_once_and_within_40_ms():
    true = [(1.0, 1.1), (2.0, 2.1)]
    assert matches(true, [(1.02, 1.06), (2.11, 2.15)]) == 2
    assert matches(true, [(1.02, 1.04), (1.06, 1.08)]) == 1
    assert matches(true, [(0.9, 0.91), (2.15, 2.2)]) == 0
    assert matches(true, []) == 0
    assert matches([], [(1.0, 1.1)]) == 0
