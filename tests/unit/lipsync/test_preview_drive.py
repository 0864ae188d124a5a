"""The preview's drive: lips shut where they must be, open where there is speech, and in time."""

import tracemalloc

import numpy as np
import pytest

from deployments.lipsync.preview.channels import CHANNELS
from deployments.lipsync.preview.drive import SPEED_LIMIT
from deployments.lipsync.preview.engine import PreviewEngine
from deployments.lipsync.preview.visemes import phrases
from deployments.media import Passage, Phoneme, Speech, Waveform
from deployments.speech.hibari import HibariEngine

GAP, CORNER, PUCKER = (CHANNELS.index(name) for name in ("gap", "corner", "pucker"))


@pytest.fixture(scope="module")
def engine():
    return PreviewEngine()


@pytest.fixture(scope="module")
def spoken():
    text = "Maybe Papa bought a big map, umbrella and broom."
    return HibariEngine().speak(Passage(text, text))


def tone(seconds, rate_hz=16000, loud=0.5):
    """A buzz of many harmonics at a voice's pitch."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    return (wave / np.abs(wave).max() * loud * 32767).astype(np.int16)


def speech(*phonemes, seconds=1.0):
    return Speech(Waveform(tone(seconds), 16000), tuple(Phoneme(*phoneme) for phoneme in phonemes))


@pytest.mark.parametrize("fps", [12, 23.976, 25, 30, 60])
def test_the_lips_are_shut_at_the_middle_of_each_p_b_and_m(engine, spoken, fps):
    gap = engine.drive(spoken, fps).features[GAP]
    middles_s = [(p.start_s + p.end_s) / 2 for p in spoken.phonemes if p.symbol in "pbm"]
    assert len(middles_s) >= 10
    assert np.all(gap[[int(middle * fps) for middle in middles_s]] <= 0.02 * gap.max())


def test_the_mouth_opens_well_between_closures(engine, spoken):
    gap = engine.drive(spoken, 25).features[GAP]
    assert 0.15 < gap.max() < 0.45
    assert gap.min() == 0


@pytest.mark.parametrize(("fps", "seconds", "frames"), [(25, 1.0, 25), (30, 0.01, 1), (23.976, 2.0, 48), (60, 0.5, 30)])
def test_there_is_a_column_for_each_frame(engine, fps, seconds, frames):
    drive = engine.drive(Speech(Waveform(tone(seconds), 16000)), fps)
    assert drive.features.shape == (len(CHANNELS), frames)
    assert drive.features.dtype == np.float32
    assert (drive.engine, drive.width, drive.starts.tolist()) == ("preview", 1, list(range(frames)))


def test_a_vowel_opens_the_mouth_and_each_its_own_way(engine):
    peaks = {}
    for vowel in ("ɑ", "i", "u"):
        features = engine.drive(speech((vowel, 0.3, 0.7)), 25).features
        peaks[vowel] = features[:, 12]
    assert peaks["ɑ"][GAP] > 2 * peaks["u"][GAP] > 0.1
    assert peaks["i"][CORNER] > 0.03 > 0 > peaks["u"][CORNER]
    assert peaks["u"][PUCKER] > 0.9


@pytest.mark.parametrize("symbol", ["ə", "ɐ", "ᵊ", "ᵻ", "aɪ", "aʊ", "eɪ", "oʊ", "əʊ", "ɔɪ", "ɾ", "dʒ", "ɡ", "ɚ"])
def test_no_symbol_of_the_voice_is_taken_for_silence(engine, symbol):
    assert engine.drive(speech((symbol, 0.3, 0.7)), 25).features[GAP].max() > 0.05


def test_a_diphthong_glides_from_its_first_vowel_to_its_second(engine):
    corner = engine.drive(speech(("aʊ", 0.2, 0.8)), 25).features[CORNER]
    assert corner[7] > corner[18] / 2
    assert corner[18] < -0.07


def test_a_pause_shuts_the_mouth_and_a_gap_between_words_does_not(engine):
    pause = engine.drive(speech(("ɑ", 0.1, 0.4), ("ɑ", 0.6, 0.9)), 25).features[GAP]
    gap = engine.drive(speech(("ɑ", 0.1, 0.46), ("ɑ", 0.54, 0.9)), 25).features[GAP]
    assert pause[12] == 0
    assert gap[12] > 0.15


def test_a_short_gap_belongs_to_the_phoneme_before():
    runs = list(phrases([Phoneme("ɑ", 0.0, 0.1), Phoneme("t", 0.15, 0.2), Phoneme("i", 0.4, 0.5)]))
    assert runs == [[Phoneme("ɑ", 0.0, 0.15), Phoneme("t", 0.15, 0.2)], [Phoneme("i", 0.4, 0.5)]]


def test_before_the_first_phoneme_and_after_the_last_the_mouth_rests(engine):
    features = engine.drive(speech(("ɑ", 1.0, 1.5), seconds=3.0), 25).features
    assert not features[:, :18].any()
    assert not features[:, 48:].any()


def test_louder_speech_opens_wider(engine):
    quiet_then_loud = np.concatenate([tone(1.0, loud=0.03), tone(1.0, loud=0.6)])
    phonemes = (Phoneme("ɑ", 0.3, 0.7), Phoneme("ɑ", 1.3, 1.7))
    gap = engine.drive(Speech(Waveform(quiet_then_loud, 16000), phonemes), 25).features[GAP]
    assert gap[37] > 1.3 * gap[12]


def test_the_jaw_keeps_to_its_speed_limit(engine, spoken):
    gap = engine.drive(spoken, 200).features[GAP]
    assert np.abs(np.diff(gap)).max() * 200 <= SPEED_LIMIT * 1.001


def test_silence_is_a_drive_of_zeros(engine):
    assert not engine.drive(Speech(Waveform(np.zeros(32000, np.int16), 16000)), 25).features.any()
    noise = np.random.default_rng(1).integers(-3, 4, 32000).astype(np.int16)
    assert not engine.drive(Speech(Waveform(noise, 16000)), 25).features.any()


@pytest.mark.parametrize("rate_hz", [8000, 11025, 16000, 22050, 44100, 48000])
def test_sound_alone_opens_the_mouth_only_where_there_is_some(engine, rate_hz):
    quiet = np.zeros(rate_hz, np.int16)
    gap = engine.drive(Speech(Waveform(np.concatenate([quiet, tone(1.0, rate_hz), quiet]), rate_hz)), 25).features[GAP]
    assert gap[30:45].min() > 0.1
    assert not gap[:20].any()
    assert not gap[55:].any()


def test_sound_alone_follows_the_syllables_of_speech(engine, sound):
    gap = engine.drive(Speech(sound), 25).features[GAP]
    hop = sound.rate_hz // 25
    frames = len(sound.samples) // hop
    level = np.sqrt(np.square(sound.samples[: frames * hop].reshape(-1, hop).astype(float)).mean(axis=1))
    assert np.corrcoef(gap[:frames], level)[0, 1] > 0.6
    peaks = (gap[1:-1] > gap[:-2]) & (gap[1:-1] >= gap[2:]) & (gap[1:-1] > 0.1)
    assert 2 < peaks.sum() / sound.duration_s < 7


def test_what_is_heard_moves_the_lips_as_its_phonemes_do(engine, spoken):
    """The lips shut at P, B and M without being told of them, and round, spread and show the teeth alike."""
    told = engine.drive(spoken, 50).features
    heard = engine.drive(Speech(spoken.waveform), 50).features
    middles_s = [(p.start_s + p.end_s) / 2 for p in spoken.phonemes if p.symbol in "pbm"]
    shut = heard[GAP, [int(middle * 50) for middle in middles_s]] <= 0.1 * heard[GAP].max()
    assert shut.mean() >= 0.8
    for channel in (GAP, CORNER, PUCKER):
        assert np.corrcoef(told[channel], heard[channel])[0, 1] > 0.7


@pytest.mark.parametrize("loud", [100, 3000])
def test_noise_that_is_no_speech_leaves_the_mouth_at_rest(engine, loud):
    hiss = np.random.default_rng(2).normal(0, loud, 48000).astype(np.int16)
    assert (engine.drive(Speech(Waveform(hiss, 16000)), 25).features[GAP] <= 0.01).mean() >= 0.97


def test_five_minutes_of_sound_take_no_more_memory_than_their_curves(engine, sound):
    long = Speech(Waveform(np.resize(sound.samples, 300 * 44100), 44100))
    tracemalloc.start()
    engine.drive(long, 25)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6  # the samples as float32 alone would be 53 MB


def test_silence_around_speech_does_not_make_the_mouth_smaller(engine):
    short = speech(("ɑ", 0.2, 0.8))
    padded = np.concatenate([short.waveform.samples, np.zeros(40 * 16000, np.int16)])
    long = Speech(Waveform(padded, 16000), short.phonemes)
    opening = [engine.drive(each, 25).features[GAP, :20].max() for each in (short, long)]
    assert abs(opening[0] - opening[1]) < 0.01
