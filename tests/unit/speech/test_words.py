"""Written words get the times of what is heard of them."""

import pytest

from deployments.media import Passage, Word
from deployments.speech.hibari import HibariEngine


@pytest.fixture(scope="module")
def engine() -> HibariEngine:
    return HibariEngine()


def heard(engine: HibariEngine, text: str, written: str | None = None) -> dict[str, str]:
    """The phonemes in each word's time."""
    speech = engine.speak(Passage(text, written or text))
    return {word.text: "".join(symbols_in(speech.phonemes, word)) for word in speech.words}


def symbols_in(phonemes, word: Word) -> list[str]:
    return [phoneme.symbol for phoneme in phonemes if word.start_s <= phoneme.start_s < word.end_s]


def test_a_word_is_heard_from_its_first_phoneme_to_its_last(engine):
    assert heard(engine, "Anna has a banana.") == {"Anna": "ɑnə", "has": "hæz", "a": "ɐ", "banana.": "bənænə"}


def test_a_number_has_all_the_words_that_are_said_for_it(engine):
    words = heard(engine, "It is $5.20 for 5 km, and 1999 was a year.")
    assert words["$5.20"] == "faɪvdɑləɹzændtwɛntisɛnts"
    assert (words["5"], words["km,"]) == ("faɪv", "kəlɑməɾəɹz")
    assert (words["for"], words["and"], words["year."]) == ("fɔɹ", "ænd", "jɪɹ")
    assert words["1999"] == "naɪntinnaɪndinaɪn"


def test_words_that_are_said_otherwise_keep_to_their_place(engine):
    words = heard(engine, "The World Wide Web Consortium met today.", "The W3C met today.")
    assert [*words] == ["The", "W3C", "met", "today."]
    assert words["The"] == "ðə"
    assert words["W3C"].startswith("wɜɹldwaɪdwɛbkən")
    assert words["met"] == "mɛt"


def test_signs_that_are_not_said_stay_with_a_word(engine):
    assert [*heard(engine, "— Hello 👍 to – you (yes) !")] == ["— Hello 👍", "to –", "you", "(yes) !"]


def test_a_text_of_which_no_word_is_said_as_written_is_one_word(engine):
    assert [*heard(engine, "hello to you", "你好 吗")] == ["你好 吗"]


def test_words_said_again_and_again_are_told_apart(engine):
    speech = engine.speak(Passage(text := "no no no yes no", text))
    assert [word.text for word in speech.words] == text.split()
    assert [symbols_in(speech.phonemes, word) for word in speech.words] == [
        ["n", "oʊ"] if word == "no" else ["j", "ɛ", "s"] for word in text.split()
    ]
