"""Captions: every word once, in time, in lines that can be read."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.media import Word
from deployments.video.captions import LINE_COLUMNS, MIN_CUE_S, estimated_words, srt, vtt

TEXT = (
    "Dr. Smith went to the store & bought milk, which cost $5.20 on Monday. Yes! He was glad that it was so cheap "
    "because he had not much money left, and the shop was about to close for the whole of the summer."
)
CLOCK = r"(\d\d+):([0-5]\d):([0-5]\d)[.,](\d{3})"


def seconds(clock: str) -> float:
    hours, minutes, whole, thousandths = map(int, re.fullmatch(CLOCK, clock).groups())
    return hours * 3600 + minutes * 60 + whole + thousandths / 1000


def cues(file: str) -> list[tuple[float, float, list[str]]]:
    """The start, end and lines of each cue of either kind of file."""
    found = []
    for block in re.split(r"\n\n+", file.removeprefix("WEBVTT\n").strip("\n")):
        times, *lines = re.sub(r"^\d+\n", "", block).split("\n")
        found.append((*map(seconds, times.split(" --> ")), lines))
    return found


def test_an_srt_file_has_numbers_times_and_lines():
    words = [Word("Hello", 0.25, 0.5), Word("there.", 0.5, 1.5), Word("Bye.", 3661.0, 3662.25)]
    assert srt(words) == ("1\n00:00:00,250 --> 00:00:01,500\nHello there.\n\n2\n01:01:01,000 --> 01:01:02,250\nBye.\n")


def test_a_vtt_file_has_the_time_of_each_word():
    words = [Word("Hello", 0.25, 0.5), Word("there.", 0.5, 1.5), Word("Bye.", 3661.0, 3662.25)]
    assert vtt(words) == (
        "WEBVTT\n\n00:00:00.250 --> 00:00:01.500\nHello <00:00:00.500>there.\n\n01:01:01.000 --> 01:01:02.250\nBye.\n"
    )


def test_no_words_make_no_cues():
    assert srt(()) == ""
    assert vtt(()) == "WEBVTT\n"


def test_signs_that_mean_something_to_a_player_are_escaped():
    words = estimated_words("<b>R&D</b> --> now", 0, 4)
    assert "&lt;b&gt;R&amp;D&lt;/b&gt; <00:00:02.500>--&gt; <00:00:03.250>now" in vtt(words)
    assert srt(words).splitlines()[2] == "<b>R&D</b> → now"


def test_cues_end_with_sentences_and_then_with_clauses():
    shown = [" ".join(lines) for _, _, lines in cues(srt(estimated_words(TEXT, 0, 20)))]
    assert shown == [
        "Dr. Smith went to the store & bought milk, which cost $5.20 on Monday.",
        "Yes!",
        "He was glad that it was so cheap because he had not much money left,",
        "and the shop was about to close for the whole of the summer.",
    ]


def test_two_lines_are_parted_at_a_comma_or_in_the_middle():
    by_words = [lines for _, _, lines in cues(srt(estimated_words(TEXT, 0, 20)))]
    assert by_words[0] == ["Dr. Smith went to the store & bought milk,", "which cost $5.20 on Monday."]
    assert by_words[3] == ["and the shop was about to close", "for the whole of the summer."]


def test_a_word_longer_than_a_line_is_shown_whole():
    address = "https://www.example.com/" + "a" * 60
    assert [line for _, _, lines in cues(srt(estimated_words(f"See {address} now.", 0, 5))) for line in lines] == [
        "See",
        address,
        "now.",
    ]


def test_a_short_cue_stays_until_it_can_be_read_or_the_next_comes():
    (first, second) = cues(srt([Word("Yes!", 1.0, 1.2), Word("No!", 1.5, 1.6)]))
    assert first[:2] == (1.0, 1.5)
    assert second[:2] == (1.5, 1.5 + MIN_CUE_S)


def test_japanese_and_chinese_have_no_blanks_and_half_as_many_signs_a_line():
    text = "今日は天気がいいですから、公園へ行きましょう。そして、アイスを食べたり、ボートに乗ったりして遊びましょう!"
    shown = [line for _, _, lines in cues(srt(estimated_words(text, 0, 10), "ja")) for line in lines]
    assert "".join(shown) == text
    assert max(map(len, shown)) <= LINE_COLUMNS // 2
    assert shown[0] == "今日は天気がいいですから、"


def test_estimated_words_last_as_long_as_their_characters():
    assert estimated_words("So it goes.", 1.0, 10.0) == (
        Word("So", 1.0, 3.0),
        Word("it", 3.0, 5.0),
        Word("goes.", 5.0, 10.0),
    )
    assert estimated_words(" ", 0, 1) == ()


def test_a_vtt_time_comes_once_where_words_are_shorter_than_a_thousandth():
    file = vtt(estimated_words("a b c d", 0.0, 0.002))
    stamps = re.findall(f"<{CLOCK}>", file)
    assert len(stamps) == len(set(stamps)) < 3


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30), min_size=1, max_size=60),
    st.sampled_from(["en", "de-DE", "ja", "xx"]),
)
def test_no_word_is_lost_or_shown_twice_and_lines_are_short(texts, language):
    words = [Word(text, index / 3, index / 3 + 0.3) for index, text in enumerate(texts)]
    plain, timed = cues(srt(words, language)), cues(vtt(words, language))
    letters = "".join(texts).replace("-->", "→")
    assert "".join("".join(lines) for _, _, lines in plain).replace(" ", "") == letters.replace(" ", "")
    for start_s, end_s, lines in plain:
        assert len(lines) in (1, 2)
        assert start_s < end_s
        assert all(len(line) <= LINE_COLUMNS or " " not in line for line in lines)
    assert all(before[1] <= after[0] for before, after in pairwise(plain))
    assert [cue[:2] for cue in timed] == [cue[:2] for cue in plain]


def test_every_time_in_a_vtt_cue_lies_between_its_ends():
    for start_s, end_s, lines in cues(vtt(estimated_words(TEXT, 0.3, 12.7))):
        times_s = [seconds(clock) for clock in re.findall(r"<([\d:.]+)>", " ".join(lines))]
        assert [start_s, *times_s, end_s] == sorted({start_s, *times_s, end_s})


@pytest.mark.parametrize("language", ["en", "en-US", "pt-BR", "zh-Hans", ""])
def test_any_language_tag_will_do(language):
    assert "Hello" in srt([Word("Hello", 0, 1)], language)
