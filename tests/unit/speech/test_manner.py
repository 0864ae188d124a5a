import numpy as np

from deployments.media import Passage, Phoneme, Speech, Waveform, Word
from deployments.speech.manner import delayed, in_manner

RATE_HZ = 24_000
TONE = (9000 * np.sin(2 * np.pi * 200 * np.arange(RATE_HZ) / RATE_HZ)).astype(np.int16)
TONE[:4800] = TONE[-6000:] = 0  # as the built-in voice has it
SPEECH = Speech(Waveform(TONE, RATE_HZ), (Phoneme("a", 0.2, 0.4),), (Word("ah", 0.2, 0.4),))


def tone_hz(samples):
    return np.abs(np.fft.rfft(samples)).argmax() * RATE_HZ / len(samples)


def test_a_plain_passage_is_heard_as_the_voice_spoke_it():
    spoken = in_manner(SPEECH, Passage("ah", "ah"))
    np.testing.assert_array_equal(spoken.waveform.samples, TONE)
    assert (spoken.phonemes, spoken.words) == (SPEECH.phonemes, SPEECH.words)


def test_a_passage_is_followed_by_its_pause():
    spoken = in_manner(SPEECH, Passage("ah", "ah", pause_s=0.5))
    assert spoken.waveform.duration_s == 1.5
    assert not spoken.waveform.samples[RATE_HZ:].any()


def test_a_passage_has_its_pitch():
    spoken = in_manner(SPEECH, Passage("ah", "ah", pitch=12.0))
    assert spoken.waveform.duration_s == 1.0
    assert abs(tone_hz(spoken.waveform.samples[6000:17_000]) - 400) < 5
    assert abs(tone_hz(TONE[6000:17_000]) - 200) < 5


def test_where_the_words_are_not_known_all_that_is_written_is_one():
    spoken = in_manner(Speech(SPEECH.waveform), Passage("five dollars", "$5", pause_s=2.0))
    assert spoken.words == (Word("$5", 0.0, 1.0),)


def test_silence_before_speech_delays_all_times():
    late = delayed(SPEECH, 0.25)
    assert late.waveform.duration_s == 1.25
    assert not late.waveform.samples[:6000].any()
    np.testing.assert_array_equal(late.waveform.samples[6000:], TONE)
    assert late.phonemes == (Phoneme("a", 0.45, 0.65),)
    assert late.words == (Word("ah", 0.45, 0.65),)


def test_a_voice_that_begins_and_ends_at_once_gets_silence_around_it():
    bare = Speech(Waveform(TONE[4800:-6000], RATE_HZ), (Phoneme("a", 0.0, 0.2),))
    spoken = in_manner(bare, Passage("ah", "ah", pause_s=1.0))
    begin, length = round(0.1 * RATE_HZ), len(bare.waveform.samples)
    assert abs(spoken.waveform.duration_s - (0.1 + length / RATE_HZ + 0.2 + 1.0)) < 0.005
    assert not spoken.waveform.samples[: begin - 100].any()
    assert not spoken.waveform.samples[begin + length + 100 :].any()
    assert abs(spoken.phonemes[0].start_s - 0.1) < 0.005
    assert abs(spoken.words[0].start_s - 0.1) < 0.005
