"""Texts become sentences, and long ones parts, of which nothing is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.script.sentences import MAX_CHARS, sentences


def parted(text: str, language: str = "en-US") -> list[str]:
    return [part.strip() for part in sentences(text, language)]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en-US", ["Dr. Smith pays $5.20, e.g. for 3.5 km.", "Really?!", "We go at 5 p.m.", "Then we eat."]),
        ("en-US", ["J. R. R. Tolkien wrote it.", "The U.S. economy grew.", "See p. 5 of www.example.com."]),
        ("de-DE", ["Herr Dr. Müller kommt am 3. Mai, z.B. um 5 Uhr.", "Er bleibt."]),
        ("fr-FR", ["M. Dupont arrive.", "Il est là !"]),
        ("es-ES", ["El Sr. Gómez vino.", "¿Qué tal?", "¡Bien!"]),
        ("hi-IN", ["नमस्ते।", "आप कैसे हैं?"]),
        ("xx", ["Any language.", "Has ends."]),
    ],
)
def test_sentences_end_where_the_language_ends_them(language, told):
    assert parted(" ".join(told), language) == told


def test_japanese_sentences_have_no_blanks_between_them():
    assert parted("今日は。元気ですか。はい。", "ja-JP") == ["今日は。", "元気ですか。", "はい。"]


def test_a_long_sentence_is_parted_at_the_comma_nearest_to_its_middle():
    first, second = "it was the best of times, " * 6, "it was the worst of times " * 5
    assert parted(f"{first}{second}.") == [first.strip(), f"{second}."]


def test_a_long_sentence_without_a_comma_is_parted_between_words():
    parts = parted("and the museum is open " * 40)
    assert " ".join(parts) == ("and the museum is open " * 40).strip()
    assert all(MAX_CHARS / 4 < len(part) <= MAX_CHARS for part in parts)


def test_a_word_without_an_end_is_parted_anywhere():
    assert [len(part) for part in parted("x" * 600)] == [150] * 4


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.text(st.sampled_from("ab.!?,; 。、é😀\tZ1"), max_size=700) | st.text(max_size=100),
    st.sampled_from(["en", "de", "ja", "xx", ""]),
)
def test_parts_are_short_and_joined_they_are_the_text(text, language):
    parts = [*sentences(text, language)]
    assert "".join(parts) == text
    assert all(len(part.strip()) <= MAX_CHARS for part in parts)


@pytest.mark.parametrize("blank", [chr(code) for code in (0xA0, 0x202F, 0x2009, 0x2003, 0x3000, 0x85, 0x1C)])
@pytest.mark.parametrize("language", ["en", "de", "zh", "und"])
def test_any_blank_may_stand_before_a_full_stop(blank, language):
    text = f"Take vitamin C{blank}. Now."
    assert "".join(sentences(text, language)) == text
