"""Recordings as they are: other throats, pauses, rooms, microphones and noises. Phoneme times stay true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.signal import fftconvolve, firwin2, resample_poly

from deployments.lipsync.preview.sound import BANDS
from deployments.media import Phoneme, Speech, Waveform

Sound = NDArray[np.float64]


def joined(speeches: Sequence[Speech], rng: np.random.Generator) -> Speech:
    """Return speeches of one voice one after the other, with pauses of 0.05 to 1.2 s between and around them."""
    rate_hz = speeches[0].waveform.rate_hz
    sounds: list[NDArray[np.int16]] = []
    phonemes: list[Phoneme] = []
    at_s = 0.0
    for speech in speeches:
        pause = np.zeros(round(rng.uniform(0.05, 1.2) * rate_hz), np.int16)
        at_s += len(pause) / rate_hz
        phonemes += [
            replace(phoneme, start_s=phoneme.start_s + at_s, end_s=phoneme.end_s + at_s) for phoneme in speech.phonemes
        ]
        sounds += [pause, speech.waveform.samples]
        at_s += speech.waveform.duration_s
    sounds.append(np.zeros(round(rng.uniform(0.05, 1.2) * rate_hz), np.int16))
    return Speech(Waveform(np.concatenate(sounds), rate_hz), tuple(phonemes))


def scaled(speech: Speech, factor: float) -> Speech:
    """Return the speech played `factor` times as fast: pitch and formants rise alike, as of a smaller person."""
    phonemes = tuple(
        replace(phoneme, start_s=phoneme.start_s / factor, end_s=phoneme.end_s / factor) for phoneme in speech.phonemes
    )
    return Speech(Waveform(speech.waveform.samples, round(speech.waveform.rate_hz * factor)), phonemes)


def recorded(speech: Speech, rng: np.random.Generator) -> Speech:
    """Return the speech of a random throat in a random room, through a random microphone, with a random noise."""
    speech = scaled(speech, rng.uniform(0.86, 1.18))
    rate_hz = speech.waveform.rate_hz
    sound = speech.waveform.samples / 32768.0
    sound = sound / (np.abs(sound).max() + 1e-9)
    if rng.random() < 0.4:
        sound = in_room(sound, rate_hz, rng.uniform(0.1, 0.6), rng.uniform(0.05, 0.6), rng)
    if rng.random() < 0.7:
        sound = through_microphone(sound, rate_hz, rng)
    if rng.random() < 0.03:
        return Speech(_pcm16(noise(len(sound), rate_hz, rng) * 10 ** rng.uniform(-2.5, -0.7), rate_hz))
    level_db = rng.uniform(-35, -8) if rng.random() < 0.5 else rng.uniform(-75, -50)
    sound = sound + noise(len(sound), rate_hz, rng) * (np.sqrt((sound**2).mean()) * 10 ** (level_db / 20))
    sound *= 10 ** rng.uniform(-1.5, -0.1) / np.abs(sound).max()
    return replace(speech, waveform=_pcm16(sound, rate_hz))


def warped(features: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Return features (2 * BANDS, n) of another throat: formants lie where `factor` times as high ones did."""
    pairs = features.reshape(2, BANDS, -1)
    at = np.minimum(np.arange(BANDS, dtype=np.float32) * np.float32(factor), BANDS - 1)
    below = at.astype(int)
    share = (at - below.astype(np.float32))[:, None]
    above = np.minimum(below + 1, BANDS - 1)
    moved: NDArray[np.float32] = ((1 - share) * pairs[:, below] + share * pairs[:, above]).reshape(features.shape)
    return moved


def in_room(sound: Sound, rate_hz: int, decay_s: float, wet: float, rng: np.random.Generator) -> Sound:
    """Return the sound with a tail of noise that falls by 60 dB in `decay_s`; `wet` is its amplitude."""
    tail = rng.normal(size=round(decay_s * rate_hz)) * 10 ** (-3 * np.linspace(0, 1, round(decay_s * rate_hz)))
    tail[: round(rng.uniform(0.002, 0.02) * rate_hz)] = 0.0
    tail *= wet / np.sqrt((tail**2).sum() + 1e-9)
    tail[0] = 1.0
    wet_sound: Sound = fftconvolve(sound, tail)[: len(sound)]
    return wet_sound


def through_microphone(sound: Sound, rate_hz: int, rng: np.random.Generator) -> Sound:
    """Return the sound under a random smooth frequency response of +-8 dB, sometimes without what telephones lose."""
    gains = 10 ** (rng.uniform(-8, 8, 8) / 20)
    edges_hz = np.array([0, 150, 400, 900, 1800, 3200, 5500])
    frequencies = np.append(edges_hz / (rate_hz / 2), 1.0)
    if rng.random() < 0.15:
        gains[[0, 6, 7]] = 10**-2.5
    filtered: Sound = fftconvolve(sound, firwin2(255, frequencies, gains), mode="same")
    return filtered


def noise(length: int, rate_hz: int, rng: np.random.Generator) -> Sound:
    """Return noise of power 1: white, pink or brown, and sometimes a hum."""
    fast = next_fast_len(length, real=True)
    spectrum = np.fft.rfft(rng.normal(size=fast))
    frequencies = np.maximum(np.fft.rfftfreq(fast, 1 / rate_hz), 40.0)
    coloured = np.fft.irfft(spectrum * frequencies ** -rng.choice([0.0, 0.5, 1.0]), fast)[:length]
    coloured /= np.sqrt((coloured**2).mean())
    if rng.random() < 0.25:
        turns = np.arange(length) * (rng.choice([50.0, 60.0]) / rate_hz) * 2 * np.pi
        coloured += sum(rng.uniform(0, 1) * np.sin(harmonic * turns) for harmonic in range(1, 6))
    level: Sound = coloured / np.sqrt((coloured**2).mean())
    return level


def at_rate(waveform: Waveform, rate_hz: int) -> Waveform:
    """Return the sound at another rate."""
    divisor = np.gcd(waveform.rate_hz, rate_hz)
    sound = resample_poly(waveform.samples / 32768.0, rate_hz // divisor, waveform.rate_hz // divisor)
    return _pcm16(sound, rate_hz)


def _pcm16(sound: Sound, rate_hz: int) -> Waveform:
    return Waveform((np.clip(sound, -1, 1) * 32767).astype(np.int16), rate_hz)
