"""The recipe of the training data: times stay true to the sound, whatever is done to it."""

import numpy as np
import pytest

from deployments.lipsync.preview.sound import BANDS
from deployments.lipsync.preview.visemes import VISEMES
from deployments.lipsync.viseme_training.augment import (
    at_rate,
    in_room,
    joined,
    noise,
    recorded,
    scaled,
    through_microphone,
    warped,
)
from deployments.lipsync.viseme_training.data import example
from deployments.lipsync.viseme_training.kokoro import LAST_S, _timed
from deployments.lipsync.viseme_training.texts import DEVELOPMENT, TEST, lines, sentences
from deployments.lipsync.viseme_training.timing import dated
from deployments.lipsync.viseme_training.voices import _letters
from deployments.media import Phoneme, Speech, Waveform

RATE_HZ = 16000


def beep(begin_s, end_s, seconds=1.0):
    """A vowel that is a buzz, in silence."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    buzz = np.sign(np.sin(2 * np.pi * 150 * at)) * 8000 * ((at >= begin_s) & (at < end_s))
    return Speech(Waveform(buzz.astype(np.int16), RATE_HZ), (Phoneme("ɑ", begin_s, end_s),))


def heard(speech):
    """When the sound begins and ends, in seconds."""
    loud = np.flatnonzero(np.abs(speech.waveform.samples) > 0.3 * np.abs(speech.waveform.samples).max())
    return loud[0] / speech.waveform.rate_hz, loud[-1] / speech.waveform.rate_hz


def told(speech):
    return speech.phonemes[0].start_s, speech.phonemes[-1].end_s


def test_another_throat_is_heard_when_its_phonemes_are():
    smaller = scaled(beep(0.2, 0.6), 1.25)
    assert told(smaller) == pytest.approx((0.16, 0.48))
    assert heard(smaller) == pytest.approx(told(smaller), abs=0.001)


def test_joined_sentences_are_heard_when_their_phonemes_are():
    speech = joined([beep(0.2, 0.6), beep(0.1, 0.3)], np.random.default_rng(1))
    assert len(speech.phonemes) == 2
    assert heard(speech) == pytest.approx(told(speech), abs=0.001)


def test_rooms_and_microphones_do_not_move_the_sound():
    sound = beep(0.3, 0.7).waveform.samples.astype(float)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        for changed in (in_room(sound, RATE_HZ, 0.4, 0.5, rng), through_microphone(sound, RATE_HZ, rng)):
            assert len(changed) == len(sound)
            assert heard(Speech(Waveform(changed, RATE_HZ)))[0] == pytest.approx(0.3, abs=0.005)


def test_a_shorter_throat_has_its_formants_higher():
    features = np.zeros((2 * BANDS, 3), np.float32)
    features[[10, BANDS + 20]] = 1.0
    assert warped(features, 1.0) == pytest.approx(features)
    shorter = warped(features, 0.8)
    assert shorter.dtype == np.float32
    assert shorter[:BANDS, 0].argmax() in (12, 13)
    assert shorter[BANDS:, 0].argmax() == 25


def test_a_recording_of_noise_alone_has_no_phonemes():
    speeches = [recorded(beep(0.3, 0.7), np.random.default_rng(seed)) for seed in range(100)]
    assert 0 < sum(not speech.phonemes for speech in speeches) < 20


def test_noise_has_the_power_of_one():
    assert (noise(20011, RATE_HZ, np.random.default_rng(2)) ** 2).mean() == pytest.approx(1.0)


def test_another_rate_keeps_the_length():
    assert at_rate(beep(0.2, 0.6).waveform, 22050).duration_s == pytest.approx(1.0, abs=0.001)


def test_a_stop_that_is_dated_at_its_burst_begins_with_its_closure():
    waveform = Waveform(
        np.concatenate([beep(0.0, 0.4, 0.46).waveform.samples, beep(0.0, 0.5, 0.5).waveform.samples]), RATE_HZ
    )
    vowel, stop, _ = dated([("ɑ", 0.0, 0.46), ("p", 0.46, 0.5), ("ɑ", 0.5, 0.9)], waveform)
    assert (vowel.end_s, stop.start_s, stop.end_s) == pytest.approx((0.4, 0.4, 0.5))


def test_symbols_that_the_mouth_does_not_know_become_their_letters_and_pauses_become_gaps():
    phonemes = list(dated([("ɛɹ", 0.0, 0.2), ("", 0.2, 0.5), ("m", 0.5, 0.6)], beep(0.0, 1.0).waveform))
    assert [(phoneme.symbol, phoneme.start_s) for phoneme in phonemes] == [("ɛ", 0.0), ("ɹ", 0.1), ("m", 0.5)]


def test_pipers_spaces_belong_to_the_next_symbol_and_lengths_to_the_one_before():
    letters = list(_letters("ɑː mˈɑ", [0.0, 0.1, 0.2, 0.25, 0.3, 0.35, 0.4]))
    assert letters == [("", 0.0, 0.0), ("ɑ", 0.0, 0.2), ("m", 0.2, 0.3), ("ɑ", 0.3, 0.4)]


def test_kokoros_words_begin_within_the_gap_and_a_phoneme_before_a_pause_lasts_no_longer_than_it_may():
    timed = list(_timed("mˈA b.m", [0.1, 0.2, 0.25, 0.4, 0.45, 0.7, 0.9, 1.0]))
    assert [symbol for symbol, _, _ in timed] == ["m", "eɪ", "b", "m"]
    assert [time for phoneme in timed for time in phoneme[1:]] == pytest.approx(
        [0.1, 0.2, 0.2, 0.4, 0.425, 0.425 + LAST_S, 0.9, 1.0]
    )


def test_an_example_tells_silence_and_closed_lips_where_they_are():
    speech = Speech(beep(0.3, 0.7).waveform, (Phoneme("m", 0.3, 0.4), Phoneme("ɑ", 0.4, 0.7)))
    shown = example(speech, np.zeros(40, np.float32))
    assert shown.features.shape == (80, len(shown.shut))
    assert shown.shut[:14].max() == 0 == shown.shut[21:].max()
    assert shown.shut[15:20].min() == 1
    assert shown.weights[VISEMES.index("sil"), [5, 45]].min() == 1
    assert shown.weights[:, 30].argmax() == VISEMES.index("aa")


def test_the_same_seed_says_the_same():
    first, second = (list(sentences("pl", 5, np.random.default_rng(3))) for _ in range(2))
    assert first == second
    assert len(set(first)) == 5


def test_no_sentence_of_the_test_was_heard_in_development():
    for language in TEST.keys() & DEVELOPMENT.keys():
        assert not set(lines(TEST, language)) & set(lines(DEVELOPMENT, language))
