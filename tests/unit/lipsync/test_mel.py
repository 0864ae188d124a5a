import tracemalloc

import librosa.filters
import numpy as np
import pytest
import scipy.signal
import soxr
import torch

from deployments.lipsync import mel
from deployments.lipsync.mel import mel_spectrogram, window_starts
from deployments.media import Waveform


def published_recipe(samples):
    """In one piece, as the published code does it: (n,) in [-1, 1] at 16 kHz to (80, columns)."""
    emphasised = torch.from_numpy(scipy.signal.lfilter([1, -0.97], [1], samples))
    window = torch.hann_window(800, dtype=torch.float64)
    stft = torch.stft(emphasised, 800, 200, window=window, pad_mode="constant", return_complex=True)
    bank = librosa.filters.mel(sr=16000, n_fft=800, n_mels=80, fmin=55, fmax=7600)
    decibels = 20 * np.log10(np.maximum(1e-5, bank @ stft.abs().numpy())) - 20
    return np.clip(8 * (decibels + 100) / 100 - 4, -4, 4)


def noise(seconds, rate_hz, seed=1):
    samples = np.random.default_rng(seed).normal(0, 3000, round(seconds * rate_hz))
    return Waveform(samples.astype(np.int16), rate_hz)


def test_mel_is_the_published_one(golden, sound):
    assert np.abs(mel_spectrogram(sound) - golden["mel"]).max() < 1e-4


@pytest.mark.parametrize("fps", [25.0, 30.0, 23.976, 60.0])
def test_chunking_is_the_published_one(golden, fps):
    np.testing.assert_array_equal(window_starts(golden["mel"].shape[1], fps), golden[f"starts_{fps:.3f}"])


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 44100, 48000])
@pytest.mark.parametrize("seconds", [0.2, 4.0, 9.37])
def test_blocks_make_the_same_mel_as_one_piece(rate_hz, seconds):
    waveform = noise(seconds, rate_hz)
    samples = waveform.samples / 32768.0
    whole = samples if rate_hz == 16000 else soxr.resample(samples, rate_hz, 16000)
    expected = published_recipe(whole)
    found = mel_spectrogram(waveform)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-4


def test_block_borders_leave_no_trace(monkeypatch, sound):
    whole = mel_spectrogram(sound)
    monkeypatch.setattr(mel, "BLOCK_S", 1)
    np.testing.assert_allclose(mel_spectrogram(sound), whole, atol=1e-5)


@pytest.mark.parametrize("samples", [0, 1, 100, 399, 1600, 2999])
def test_a_sound_shorter_than_a_window_is_followed_by_silence(samples):
    found = mel_spectrogram(Waveform(np.full(samples, 1000, np.int16), 16000))
    assert found.shape == (80, 16)
    assert (found[:, 2 + (samples + 400) // 200 :] == -4).all()
    assert window_starts(16, 25.0, 3).tolist() == [0, 0, 0]


def test_late_frames_see_the_end_of_the_sound():
    starts = window_starts(508, 25.0, 159)
    assert starts[:156].tolist() == window_starts(508, 25.0).tolist()
    assert starts[155:].tolist() == [492] * 4


def test_training_alignment_starts_one_training_frame_earlier():
    published, training = window_starts(508, 25.0, 159), window_starts(508, 25.0, 159, "training")
    assert training[0] == 0
    np.testing.assert_array_equal(training[1:155], published[:154])


def test_memory_is_the_spectrogram_and_a_few_blocks():
    mel_spectrogram(noise(1, 24000))  # what the libraries keep
    long = noise(300, 24000)
    tracemalloc.start()
    try:
        result = mel_spectrogram(long)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.shape == (80, 24001)
    assert peak - result.nbytes < 16e6
