"""The voices of a service, and the texts they take."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import EmptyText, InvalidRequest, TextTooLong, UnknownVoice, UnspeakableText
from deployments.speech.hibari import HibariEngine
from deployments.speech.voices import VoiceBook, readable


@pytest.fixture(scope="module")
def book() -> VoiceBook:
    return VoiceBook({"default": HibariEngine(), "fast": HibariEngine(1.5)}, max_text_chars=50)


def test_a_text_is_spoken_by_the_voice_asked_for(book):
    default, fast = book.speak("Hello there."), book.speak("Hello there.", "fast")
    assert 0.3 < fast.waveform.duration_s < default.waveform.duration_s


def test_space_around_a_text_does_not_change_its_sound(book):
    spaced = book.speak("\r\n\t Hello there. \n")
    assert np.array_equal(spaced.waveform.samples, book.speak("Hello there.").waveform.samples)


def test_an_unknown_voice_is_refused_with_the_known_ones(book):
    for call in (lambda: book.speak("Hello.", "alto"), lambda: book.version("alto")):
        with pytest.raises(UnknownVoice, match="choose one of default, fast") as caught:
            call()
        assert caught.value.data == {"known": ["default", "fast"]}


def test_each_voice_has_its_own_version(book):
    assert book.versions() == {"default": book.version("default"), "fast": book.version("fast")}
    assert book.version("default") != book.version("fast")


def test_a_book_without_a_default_is_refused():
    with pytest.raises(ValueError, match="'default' must exist"):
        VoiceBook({})


@pytest.mark.parametrize("text", ["", " ", "\n\t\r\n", "\u2003"])
def test_an_empty_text_is_refused(book, text):
    with pytest.raises(EmptyText):
        book.speak(text)


def test_a_text_over_the_limit_is_refused_with_both_numbers(book):
    assert book.speak(" " + "a" * 50 + " ")
    with pytest.raises(TextTooLong, match="51 characters and the limit is 50") as caught:
        book.speak("a" * 51)
    assert caught.value.data == {"chars": 51, "max_chars": 50}
    assert pickle.loads(pickle.dumps(caught.value)).data == caught.value.data


@pytest.mark.parametrize("char", ["\0", "\x1b", "\x7f", "\ud800"])
def test_control_characters_are_refused_by_name(book, char):
    with pytest.raises(InvalidRequest, match=f"U\\+{ord(char):04X}") as caught:
        book.speak(f"Hel{char}lo")
    assert caught.value.data == {"characters": [f"U+{ord(char):04X}"]}


def test_a_text_without_words_is_refused_by_the_voice(book):
    with pytest.raises(UnspeakableText):
        book.speak("?!")


@given(st.text(max_size=60))
def test_a_readable_text_stays_as_it_is(text):
    try:
        once = readable(text, 50)
    except (EmptyText, TextTooLong, InvalidRequest):
        return
    assert readable(once, 50) == once
    assert once.encode()
    assert "".join(once.split()) == "".join(text.split())
