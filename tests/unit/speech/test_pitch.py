"""A voice is made higher or lower: its pitch moves, its length, its times and its vowels stay."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import signal

from deployments.media import Passage, Waveform
from deployments.speech.hibari import HibariEngine
from deployments.speech.pitch import pitched

RATE_HZ = 24000
FORMANTS_HZ = (700, 1200, 2600)
SHIFTS = [-6.0, -3.0, 2.0, 6.0]


def vowel(pitch_hz: float, duration_s: float = 1.5) -> Waveform:
    """An "ah" on one note: pulses through the resonances of a vocal tract."""
    sound = np.zeros(round(duration_s * RATE_HZ))
    sound[np.arange(0, len(sound), RATE_HZ / pitch_hz).astype(int)] = 1.0
    for formant_hz in FORMANTS_HZ:
        sound = signal.lfilter(*signal.iirpeak(formant_hz, formant_hz / 100, RATE_HZ), sound) + 0.02 * sound
    return Waveform((8000 * sound / np.abs(sound).max()).astype(np.int16), RATE_HZ)


def pitch_hz(waveform: Waveform) -> float:
    """By the autocorrelation of its middle second, between 60 and 400 Hz."""
    middle = waveform.samples[RATE_HZ // 4 : -RATE_HZ // 4].astype(float)
    alike = signal.correlate(middle, middle)[len(middle) - 1 :]
    low, high = RATE_HZ // 400, RATE_HZ // 60
    first = low + int(np.argmax(alike[low:high] > 0.9 * alike[low:high].max()))
    lag = first + int(np.argmax(alike[first : first + 20]))
    left, top, right = alike[lag - 1 : lag + 2]
    return RATE_HZ / (lag + (left - right) / (2 * (left - 2 * top + right)))


def resonances_hz(waveform: Waveform) -> list[float]:
    """The strongest frequency of the smoothed spectrum around each formant."""
    freqs_hz, power = signal.welch(waveform.samples[3000:-3000], RATE_HZ, nperseg=256, nfft=4096)
    return [
        float(freqs_hz[inside][np.argmax(power[inside])])
        for formant_hz in FORMANTS_HZ
        for inside in [np.abs(freqs_hz - formant_hz) < 0.3 * formant_hz]
    ]


@pytest.fixture(scope="module")
def spoken():
    return HibariEngine().speak(Passage("She sells sea shells.", "She sells sea shells.")).waveform


@pytest.mark.parametrize("semitones", SHIFTS)
@pytest.mark.parametrize("note_hz", [110.0, 160.0, 210.0])
def test_the_pitch_moves_as_asked(semitones, note_hz):
    assert pitch_hz(pitched(vowel(note_hz), semitones)) == pytest.approx(note_hz * 2 ** (semitones / 12), rel=0.02)


@pytest.mark.parametrize("semitones", SHIFTS)
def test_the_vowel_stays_the_same(semitones):
    note = vowel(110.0)
    for before_hz, after_hz in zip(resonances_hz(note), resonances_hz(pitched(note, semitones)), strict=True):
        assert after_hz == pytest.approx(before_hz, rel=0.12)


@pytest.mark.parametrize("semitones", SHIFTS)
def test_every_sound_stays_at_its_time(spoken, semitones):
    shifted = pitched(spoken, semitones)
    assert (len(shifted.samples), shifted.rate_hz) == (len(spoken.samples), spoken.rate_hz)
    levels = [
        np.convolve(np.abs(waveform.samples.astype(float)), np.ones(480), "same")[::24]
        for waveform in (spoken, shifted)
    ]
    levels = [level - level.mean() for level in levels]
    alike = signal.correlate(levels[1], levels[0])
    assert abs(int(np.argmax(alike)) - (len(levels[0]) - 1)) <= 10  # milliseconds
    assert np.corrcoef(*levels)[0, 1] > 0.9


def test_no_shift_is_the_same_sound(spoken):
    assert pitched(spoken, 0.0) is spoken


def test_silence_stays_silent():
    assert not pitched(Waveform(np.zeros(RATE_HZ, np.int16), RATE_HZ), 5.0).samples.any()


def test_threads_get_the_same_samples(spoken):
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: pitched(spoken, 3.0), range(8)))
    assert all(np.array_equal(result.samples, results[0].samples) for result in results)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 32000, 48000])
@pytest.mark.parametrize("length", [1, 100, 5000])
def test_any_rate_and_length_will_do(rate_hz, length):
    samples = np.random.default_rng(0).integers(-9000, 9000, length).astype(np.int16)
    assert len(pitched(Waveform(samples, rate_hz), -4.0).samples) == length
