"""A script becomes passages: sentences of a plain text, or of an SSML document."""

from html import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.media import Passage
from deployments.script.passages import passages


def texts(script: str, **options) -> list[str]:
    return [passage.text for passage in passages(script, **options)]


def test_a_plain_text_is_said_by_sentences_and_lines():
    assert texts("Hello there. How are you?\nA headline\n\nAnd more.") == [
        "Hello there.",
        "How are you?",
        "A headline",
        "And more.",
    ]


def test_every_passage_has_the_scripts_speed_and_pitch():
    assert passages("One. Two.", speed=1.5, pitch=-2.0) == (
        Passage("One.", "One.", 1.5, -2.0),
        Passage("Two.", "Two.", 1.5, -2.0),
    )


def test_numbers_are_written_as_their_author_wrote_them():
    (passage,) = passages("Call 555-123-4567 or see www.example.com.")
    assert passage.written == "Call 555-123-4567 or see www.example.com."
    assert passage.text == "Call 5 5 5, 1 2 3, 4 5 6 7 or see w w w dot example dot com."


def test_an_address_ends_no_sentence_and_is_not_parted():
    script = "We are open, as you see at www.example.com/" + "a" * 150 + " every day, and " + "on and on, " * 8
    told = passages(script)
    assert " ".join(passage.written for passage in told) == script.strip()
    assert sum("w w w dot example" in passage.text for passage in told) == 1


def test_signs_alone_stay_with_what_comes_before():
    assert texts("Hello. 😀\n***\nBye!") == ["Hello. 😀 ***", "Bye!"]
    assert texts("😀 ***\nBye!") == ["😀 ***", "Bye!"]


@pytest.mark.parametrize("script", ["", " ", "\n\n", "\t"])
def test_nothing_makes_no_passages(script):
    assert passages(script) == ()


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(st.sampled_from("ab.!?, \n1$€%w@Z。😀") | st.characters(exclude_categories=["Cs"]), max_size=300))
def test_no_text_is_lost_and_no_passage_is_blank(script):
    told = passages(script)
    assert "".join("".join(passage.written.split()) for passage in told) == "".join(script.split())
    assert all(passage.text.strip() and passage.written.strip() for passage in told)
    assert all(len(passage.written) <= 700 for passage in told)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=200))
def test_a_text_in_ssml_is_said_as_it_is_alone(script):
    line = " ".join(script.split())
    assert texts(f"<speak>{escape(line)}</speak>", ssml=True) == texts(line)
