"""Pauses made silent: all of them, and nothing of the speech."""

import numpy as np
import pytest

from deployments.lipsync.mel import COLUMNS_PER_S, mel_spectrogram
from deployments.lipsync.silence import SHORTEST, rested
from deployments.media import Passage, Waveform
from deployments.speech.hibari import HibariEngine

SENTENCES = (
    "Welcome to the museum! This painting was made in 1889, in the south of France. Enough for today.",
    "Fifth. Sixth. Path. Off. Five fine thick thieves thought of nothing. She sells sea shells by the sea shore.",
)


@pytest.fixture(scope="module", params=SENTENCES)
def speech(request):
    return HibariEngine().speak(Passage(request.param, request.param))


def mel_with_noise(speech, noise_db=None, gain_db=0.0):
    """The mel of a speech with white noise, so much louder than the speech itself is."""
    sound = speech.waveform.samples / 32768 * 10 ** (gain_db / 20)
    if noise_db is not None:
        loudness = np.sqrt((sound**2).mean())
        sound = sound + np.random.default_rng(1).normal(0, loudness * 10 ** (noise_db / 20), len(sound))
    return mel_spectrogram(Waveform(pcm16(sound), speech.waveform.rate_hz))


def pcm16(sound):
    return np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16)


def within(spans, columns):
    """Which of the columns lie in one of these spans of seconds."""
    at_s = np.arange(columns) / COLUMNS_PER_S
    return np.any([(at_s > start_s) & (at_s < end_s) for start_s, end_s in spans], axis=0)


def spoken(speech, columns):
    return within([(phoneme.start_s, phoneme.end_s) for phoneme in speech.phonemes], columns)


def paused(speech, columns):
    edges_s = [0.0, *(s for p in speech.phonemes for s in (p.start_s, p.end_s)), speech.waveform.duration_s]
    gaps = [(end_s, start_s) for end_s, start_s in zip(edges_s[::2], edges_s[1::2], strict=True)]
    return within([gap for gap in gaps if gap[1] - gap[0] > 0.15], columns)


@pytest.mark.parametrize("noise_db", [None, -60, -45, -35])
def test_pauses_rest_and_no_speech_sound_does(speech, noise_db):
    mel = mel_with_noise(speech, noise_db)
    result = rested(mel)
    silent, touched = (result == -4).all(axis=0), (result != mel).any(axis=0)
    assert silent[paused(speech, mel.shape[1])].mean() > 0.75
    assert touched[spoken(speech, mel.shape[1])].mean() <= 0.005
    assert (silent | ~touched).all()  # a column is kept or rests, nothing between


def test_every_window_within_a_pause_is_the_same(speech):
    result = rested(mel_with_noise(speech, -45))
    windows = np.stack([result[:, at : at + 16] for at in range(result.shape[1] - 16)])
    assert ((windows == -4).all(axis=(1, 2))).sum() > 20


@pytest.mark.parametrize("gain_db", [15, -20])
def test_how_loud_the_sound_is_does_not_matter(speech, gain_db):
    mel = mel_with_noise(speech, -45, gain_db)
    result = rested(mel)
    assert (result == -4).all(axis=0)[paused(speech, mel.shape[1])].mean() > 0.7
    assert (result != mel).any(axis=0)[spoken(speech, mel.shape[1])].mean() <= 0.01


@pytest.mark.parametrize("noise_db", [None, -60, -45])
def test_speech_without_pauses_stays_as_it_is(speech, noise_db):
    rate_hz = speech.waveform.rate_hz
    spans = [slice(round(p.start_s * rate_hz), round(p.end_s * rate_hz)) for p in speech.phonemes]
    sound = np.concatenate([speech.waveform.samples[span] for span in spans]) / 32768
    if noise_db is not None:
        loudness = np.sqrt((sound**2).mean())
        sound = sound + np.random.default_rng(1).normal(0, loudness * 10 ** (noise_db / 20), len(sound))
    mel = mel_spectrogram(Waveform(pcm16(sound), rate_hz))
    assert rested(mel) is mel


def sound_of(*levels_and_columns):
    """A mel that is at a level, evenly but for some noise, for so many columns each."""
    levels = np.concatenate([np.full(columns, level) for level, columns in levels_and_columns])
    noise = np.random.default_rng(2).normal(0, 0.1, (80, len(levels)))
    return np.clip(levels + noise, -4, 4).astype(np.float32)


def test_a_pause_rests_but_for_two_columns_beside_speech():
    result = rested(sound_of((1.0, 60), (-2.5, 40), (1.0, 60)))
    assert np.flatnonzero((result == -4).all(axis=0)).tolist() == list(range(62, 98))


def test_a_pause_rests_up_to_the_ends_of_the_sound():
    result = rested(sound_of((-2.5, 40), (1.0, 60), (-2.5, 40)))
    assert np.flatnonzero((result == -4).all(axis=0)).tolist() == [*range(38), *range(102, 140)]


def test_the_closure_of_a_consonant_is_no_pause():
    closure = (-2.5, SHORTEST + 3)
    result = rested(sound_of((1.0, 60), closure, (1.0, 60), (-2.5, 60)))
    silent = (result == -4).all(axis=0)
    assert silent[140:].all()
    assert not silent[:130].any()


def test_a_quiet_hiss_in_a_few_bands_is_no_pause():
    """F and TH: 8 dB above the noise in the upper quarter of the bands."""
    mel = sound_of((1.0, 60), (-2.5, 30), (-2.5, 60), (1.0, 60))
    mel[60:, 60:90] += 1.0
    silent = (rested(mel) == -4).all(axis=0)
    assert not silent[:92].any()
    assert silent[92:148].all()


@pytest.mark.parametrize("level", [-3.95, -4.0])
def test_a_sound_of_nothing_but_faint_noise_rests_throughout(level):
    assert (rested(sound_of((level, 100))) == -4).all()


@pytest.mark.parametrize("level", [-3.0, 0.0, 3.0])
def test_an_even_sound_has_no_pause(level):
    mel = sound_of((level, 100))
    assert rested(mel) is mel


def test_a_very_short_sound_is_judged_too():
    mel = mel_spectrogram(Waveform(np.random.default_rng(1).integers(-9000, 9000, 200).astype(np.int16), 16000))
    result = rested(mel)
    np.testing.assert_array_equal(result[:, :3], mel[:, :3])
    assert (result[:, 6:] == -4).all()
