"""Texts that a voice can be given, and those that are refused."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.errors import EmptyText, InvalidRequest, TextTooLong
from deployments.jobs.text import readable


def test_space_around_a_text_is_dropped():
    assert readable("\r\n\t Hello there. \n", 50) == "Hello there."


@pytest.mark.parametrize("text", ["", " ", "\n\t\r\n", "\u2003"])
def test_an_empty_text_is_refused(text):
    with pytest.raises(EmptyText):
        readable(text, 50)


def test_a_text_over_the_limit_is_refused_with_both_numbers():
    assert readable(" " + "a" * 50 + " ", 50)
    with pytest.raises(TextTooLong, match="51 characters and the limit is 50") as caught:
        readable("a" * 51, 50)
    assert caught.value.data == {"chars": 51, "max_chars": 50}
    assert pickle.loads(pickle.dumps(caught.value)).data == caught.value.data


@pytest.mark.parametrize("char", ["\0", "\x1b", "\x7f", "\ud800"])
def test_control_characters_are_refused_by_name(char):
    with pytest.raises(InvalidRequest, match=f"U\\+{ord(char):04X}") as caught:
        readable(f"Hel{char}lo", 50)
    assert caught.value.data == {"characters": [f"U+{ord(char):04X}"]}


@given(st.text(max_size=60))
def test_a_readable_text_stays_as_it_is(text):
    try:
        once = readable(text, 50)
    except (EmptyText, TextTooLong, InvalidRequest):
        return
    assert readable(once, 50) == once
    assert once.encode()
    assert "".join(once.split()) == "".join(text.split())
