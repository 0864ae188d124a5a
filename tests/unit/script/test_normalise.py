"""What the built-in voice reads, right or wrong, it reads right in the end: compared by its own phonemes."""

import pytest
from hibari import Hibari
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.script.normalise import normalised


@pytest.fixture(scope="module")
def read():
    g2p = Hibari().g2p
    return lambda text: g2p(text).translate(str.maketrans("", "", "ˈˌ"))


def said(text: str) -> str:
    return "".join(piece for piece, _ in normalised(text, "en-US"))


OTHERWISE = [
    ("See www.example.com now.", "See w w w dot example dot com now."),
    ("See https://example.com/shop?x=1, now.", "See example dot com slash shop question mark x equals one, now."),
    ("Mail info@my-shop.co.uk.", "Mail info at my dash shop dot co dot uk."),
    ("Go to example.org.", "Go to example dot org."),
    ("Call 555-123-4567.", "Call five five five, one two three, four five six seven."),
    ("Call +1 (555) 123-4567.", "Call plus one, five five five, one two three, four five six seven."),
    ("Call +49 30 123456.", "Call plus four nine, three zero, one two three four five six."),
    ("On 23.11.2026 we met.", "On November 23, 2026 we met."),
    ("On 2026/1/5 we met.", "On January 5, 2026 we met."),
    ("It is 192.168.0.1 here.", "It is 192 dot 168 dot zero dot one here."),
    ("Some 1 000 000 people.", "Some one million people."),
    ("Some 10\u202f000 people.", "Some ten thousand people."),
    ("Agent 007 is here.", "Agent zero zero seven is here."),
    ("It costs 5 €.", "It costs five euros."),
    ("It costs 5,50€.", "It costs five euros and fifty cents."),
    ("It costs 3.5 €.", "It costs three euros and fifty cents."),
    ("Some 10-15% more", "Some ten to fifteen percent more"),
    ("He is 5'10\" tall.", "He is five foot ten tall."),
    ("We are open 24/7.", "We are open twenty-four seven."),
    ("It is ~5 or ≥7 or >9 or 2‰.", "It is about five or at least seven or more than nine or two per thousand."),
    ("Take 5 V, 100 W, 2 h.", "Take five volts, one hundred watts, two hours."),
]

ALREADY = [
    ("It costs $5.20.", "It costs five dollars and twenty cents."),
    ("It is 5 km away.", "It is five kilometers away."),
    ("At 10:30 we go.", "At ten thirty we go."),
    ("On Nov. 23, 2026 we met.", "On November twenty-third, twenty twenty six we met."),
    ("On 2026-11-23 we met.", "On November twenty-third, twenty twenty six we met."),
    ("Dr. Smith of 5th St. is in.", "Doctor Smith of fifth street is in."),
    ("In the 1990s", "In the nineteen nineties"),
    ("The 1st, 2nd and 21st", "The first, second and twenty first"),
    ("Some 1,250,000 people", "Some one million two hundred fifty thousand people"),
    ("It is -5 degrees.", "It is minus five degrees."),
    ("Louis XIV was here.", "Louis the fourteenth was here."),
    ("Salt & pepper", "Salt and pepper"),
    ("50% off", "fifty percent off"),
    ("Some 3-5 days", "Some three to five days"),
    ("$3.5M went.", "three point five million dollars went."),
]


@pytest.mark.parametrize(("text", "words"), OTHERWISE)
def test_what_would_be_read_wrong_is_said_in_words(read, text, words):
    assert read(said(text)) == read(words)
    assert read(text) != read(words)


@pytest.mark.parametrize(("text", "words"), ALREADY)
def test_what_the_voice_reads_right_is_left_to_it(read, text, words):
    assert read(said(text)).replace(",", "") == read(words).replace(",", "")
    assert said(text) == text


@pytest.mark.parametrize(
    "text",
    ["0.5", "10:05", "05/06/2026", "1990-2005", "3.14", "the 1990s", "32.13.2026 x"[:5], "it's 5's", "a.b", "5 so"],
)
def test_what_only_looks_like_it_is_left_alone(text):
    assert normalised(text, "en") == [(text, text)] or said(text) == text


def test_other_languages_are_left_to_their_voices():
    assert normalised("Am 23.11.2026, www.example.de", "de-DE") == [("Am 23.11.2026, www.example.de",) * 2]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(st.sampled_from("0123456789 .,-/:€$%'\"wcom@hsV+()~≥‰"), max_size=60) | st.text(max_size=60))
def test_what_is_written_stays_the_same(text):
    assert "".join(written for _, written in normalised(text, "en-GB")) == text
