"""The built-in voice: hibari's own sound, with phoneme times that fit what is heard."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hibari import Hibari
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from deployments.errors import UnspeakableText
from deployments.media import Passage, Speech
from deployments.speech.hibari import HibariEngine

TEXT = "Peter bought a big table. Stop it! Don't go there, please; my uncle said so."
PASSAGE = (
    "She sells sea shells by the sea shore. The essay said a sea of ice is easy to see. "
    "A lazy sassy mouse used a hose. My sister is a sailor, they say so. Essential machines show ocean issues."
)
VOWELS = {"eɪ", "aɪ", "oʊ", "aʊ", "ɔɪ", *"æɑɔəɛɜiɪuʊʌɐᵊᵻ"}
VOICED = VOWELS | set("mnŋlɹwjvðzʒ")


def said(text: str, speed: float = 1.0) -> Passage:
    return Passage(text, text, speed)


@pytest.fixture(scope="module")
def engine() -> HibariEngine:
    return HibariEngine()


def loudness_db(speech: Speech, low_hz: float, high_hz: float) -> np.ndarray:
    """The level of a band, one value a millisecond."""
    rate_hz = speech.waveform.rate_hz
    sound = speech.waveform.samples / 32768
    band = signal.sosfiltfilt(signal.butter(4, [low_hz, high_hz], "bandpass", fs=rate_hz, output="sos"), sound)
    power = signal.sosfiltfilt(signal.butter(2, 50, fs=rate_hz, output="sos"), band**2)
    return 10 * np.log10(np.maximum(power, 1e-7))[:: rate_hz // 1000]


def lag_ms(speech: Speech, symbols: set[str], level_db: np.ndarray) -> int:
    """How much later than the phonemes' times the band is loud; negative where it is first."""
    wanted = np.zeros(len(level_db))
    for phoneme in speech.phonemes:
        if phoneme.symbol in symbols:
            wanted[round(phoneme.start_s * 1000) : round(phoneme.end_s * 1000)] = 1
    lags = range(-120, 121)
    return max(lags, key=lambda lag: np.roll(wanted, lag) @ (level_db - level_db.mean()))


def test_the_sound_is_hibaris_own_bit_for_bit(engine):
    published = Hibari()
    for text in [TEXT, "I", "Hello\n\nto you", "It costs $5, or 3.50 at 7:30 pm. Ask Dr. Who?"]:
        waveform = engine.speak(said(text)).waveform
        assert waveform.rate_hz == 24000
        assert waveform.samples.dtype == np.int16
        assert np.array_equal(waveform.samples, (np.clip(published(text, seed=0), -1, 1) * 32767).astype(np.int16))


def test_threads_get_the_same_sound_and_phonemes(engine):
    with ThreadPoolExecutor(8) as pool:
        speeches = list(pool.map(engine.speak, [said(TEXT)] * 16))
    assert all(np.array_equal(speech.waveform.samples, speeches[0].waveform.samples) for speech in speeches)
    assert all(speech.phonemes == speeches[0].phonemes for speech in speeches)


def test_another_seed_is_the_same_speech_with_another_noise(engine):
    zero, one = engine.speak(said(TEXT)), engine.speak(said(TEXT), 1)
    assert np.array_equal(zero.waveform.samples, engine.speak(said(TEXT), 0).waveform.samples)
    assert np.array_equal(one.waveform.samples, engine.speak(said(TEXT), 1).waveform.samples)
    assert not np.array_equal(zero.waveform.samples, one.waveform.samples)
    assert len(zero.waveform.samples) == len(one.waveform.samples)
    assert [(phoneme.symbol, phoneme.start_s) for phoneme in zero.phonemes] == [
        (phoneme.symbol, phoneme.start_s) for phoneme in one.phonemes
    ]


@pytest.mark.parametrize("speed", [0.7, 1.0, 1.4])
def test_phonemes_are_heard_at_their_times(speed):
    speech = HibariEngine(speed).speak(said(PASSAGE))
    assert abs(lag_ms(speech, {"s", "ʃ", "tʃ"}, loudness_db(speech, 4500, 11000))) <= 25
    assert abs(lag_ms(speech, VOICED, loudness_db(speech, 80, 400))) <= 25
    assert abs(lag_ms(speech, VOWELS, loudness_db(speech, 400, 3000))) <= 25


def test_closures_of_p_and_b_are_silent_and_then_burst(engine):
    speech = engine.speak(said("A puppy. A baby. About a copper boat. A happy bishop."))
    level_db = loudness_db(speech, 300, 8000)
    closures = [phoneme for phoneme in speech.phonemes if phoneme.symbol in "pb"]
    falls_db = []
    for phoneme in closures:
        start_ms, end_ms = round(phoneme.start_s * 1000), round(phoneme.end_s * 1000)
        inside_db = level_db[start_ms:end_ms].min()
        falls_db.append(min(level_db[start_ms - 60 : start_ms].max(), level_db[end_ms : end_ms + 60].max()) - inside_db)
    assert len(closures) >= 8
    assert np.median(falls_db) > 15


def test_speech_is_heard_from_the_first_phoneme_to_the_last(engine):
    for text in ["Anna is here", "Ice and eggs.", "We love it, don't we?", "Welcome to our shop. See you!"]:
        speech = engine.speak(said(text))
        level_db = loudness_db(speech, 80, 8000)
        audible_ms = np.flatnonzero(level_db > level_db.max() - 40)
        assert speech.phonemes[0].start_s * 1000 == pytest.approx(audible_ms[0], abs=50)
        assert speech.phonemes[-1].end_s * 1000 == pytest.approx(audible_ms[-1], abs=50)


def test_symbols_are_ipa_without_stress_marks(engine):
    speech = engine.speak(said("Boy, now I go by. Today the judge ate a butter chop."))
    symbols = [phoneme.symbol for phoneme in speech.phonemes]
    assert symbols[:8] == ["b", "ɔɪ", "n", "aʊ", "aɪ", "ɡ", "oʊ", "b"]
    assert {"eɪ", "ɾ", "dʒ", "tʃ"} < set(symbols)
    assert not set("".join(symbols)) & set("ˈˌAIOQWYT .,")


def test_phonemes_follow_each_other_on_one_time_line(engine):
    speech = engine.speak(said(TEXT))
    assert speech.phonemes[0].start_s >= 0
    assert all(phoneme.end_s > phoneme.start_s for phoneme in speech.phonemes)
    assert all(after.start_s >= before.end_s for before, after in pairwise(speech.phonemes))
    assert speech.phonemes[-1].end_s <= speech.waveform.duration_s


def test_a_stress_mark_gives_its_time_to_the_next_phoneme(engine):
    speech = engine.speak(said("banana"))
    assert [phoneme.symbol for phoneme in speech.phonemes] == ["b", "ə", "n", "æ", "n", "ə"]
    assert all(after.start_s == before.end_s for before, after in pairwise(speech.phonemes))


def test_pauses_are_gaps_between_phonemes(engine):
    def longest_gap_s(text: str) -> float:
        return max(after.start_s - before.end_s for before, after in pairwise(engine.speak(said(text)).phonemes))

    assert longest_gap_s("Hello there my friend") < 0.08
    assert longest_gap_s("Take the second door, turn left") > 0.08
    assert longest_gap_s("Hello there. My friend.") > 0.4


def test_a_text_without_a_word_it_can_read_is_refused(engine):
    for text in ["Привет мир", "你好", "مرحبا", "😀", "...!", "—", '"', "(", "|", "​", "\n", "", "[hello](/./)"]:
        with pytest.raises(UnspeakableText, match="English"):
            engine.speak(said(text))


def test_what_it_cannot_read_is_left_out_where_words_remain(engine):
    heard = engine.speak(said("👍 Hello 你好")).phonemes
    assert [phoneme.symbol for phoneme in heard] == ["h", "ə", "l", "oʊ"]


@pytest.mark.parametrize("text", ["{¹", "note ①)", "x²", "5 m²"])
def test_raised_and_circled_digits_are_spoken(engine, text):
    assert engine.speak(said(text)).phonemes


def test_a_long_sentence_without_a_comma_is_spoken(engine):
    speech = engine.speak(said("and the museum is open " * 43))
    assert speech.waveform.duration_s > 40
    assert speech.phonemes[-1].end_s > speech.waveform.duration_s - 1


def test_speed_changes_the_length_and_the_version(engine):
    fast = HibariEngine(2.0)
    assert fast.speak(said(TEXT)).waveform.duration_s < 0.7 * engine.speak(said(TEXT)).waveform.duration_s
    assert fast.version != engine.version
    assert HibariEngine().version == engine.version


def test_a_passages_speed_multiplies_the_voices_own(engine):
    expected = HibariEngine(1.5).speak(said(TEXT))
    for speech in (engine.speak(said(TEXT, speed=1.5)), HibariEngine(0.75).speak(said(TEXT, speed=2.0))):
        assert np.array_equal(speech.waveform.samples, expected.waveform.samples)
        assert speech.phonemes == expected.phonemes


def test_it_says_what_it_can_read(engine):
    assert all(engine.reads(text) for text in ["Hello", "5", "&", "你好 hello", "x²", "Ωmega b"])
    assert not any(engine.reads(text) for text in ["", " ", "...!", "—", "你好", "😀", "Привет."])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.text(min_size=1, max_size=40))
def test_any_text_is_spoken_or_refused(engine, text):
    try:
        speech = engine.speak(said(text))
    except UnspeakableText:
        return
    assert np.abs(speech.waveform.samples.astype(int)).max() > 300
    assert speech.phonemes
    assert all(after.start_s >= before.end_s for before, after in pairwise(speech.phonemes))
    assert all(phoneme.end_s > phoneme.start_s for phoneme in speech.phonemes)
    assert speech.phonemes[-1].end_s <= speech.waveform.duration_s
    assert " ".join(word.text for word in speech.words) == " ".join(text.split())
    assert all(after.start_s >= before.end_s > before.start_s for before, after in pairwise(speech.words))
    assert (speech.words[0].start_s, speech.words[-1].end_s) == (
        speech.phonemes[0].start_s,
        speech.phonemes[-1].end_s,
    )
