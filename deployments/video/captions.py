"""Captions of a video as SubRip (SRT) and WebVTT files, from the times of its words."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate, groupby, pairwise
from unicodedata import east_asian_width

from sentencex import segment

from deployments.media import Word

LINE_COLUMNS = 42
"""What a line holds, two of them a cue, as is usual for subtitles. A Chinese or Japanese sign takes two columns."""

MIN_CUE_S = 1.0
"""A cue that is over sooner stays so long, if the next lets it: it could not be read."""

UNSPACED = r"\u3001-\u30ff\u3400-\u9fff\uff01-\uff60"
"""Japanese and Chinese signs, between which there are no blanks."""

CLOSING = r"、。」』】》！），．：；？!?,.:;)"

WORD = re.compile(rf"[{UNSPACED}][{CLOSING}]*|[^\s{UNSPACED}]+[{CLOSING}]*")
NO_BLANK = re.compile(rf"[{UNSPACED}]{{2}}")
CLAUSE_END = re.compile(r"[;:,—–、，；：،؛.!?。！？][\"'”’»)\]」』]*$")

Words = Sequence[Word]


@dataclass(frozen=True)
class Cue:
    """What is shown at once: one line of words or two."""

    lines: tuple[Words, ...]
    start_s: float
    end_s: float


def estimated_words(text: str, start_s: float, end_s: float) -> tuple[Word, ...]:
    """Return the words of a text that is heard between two times, each as long as its share of the characters.

    It is for voices that tell no times. In Japanese and Chinese each sign is one.
    """
    texts = WORD.findall(text)
    shares = [0, *accumulate(map(len, texts))]
    times_s = [start_s + (end_s - start_s) * share / shares[-1] for share in shares if shares[-1]]
    return tuple(Word(text, *span_s) for text, span_s in zip(texts, pairwise(times_s), strict=True))


def srt(words: Words, language: str = "en") -> str:
    """Return the SubRip file of a video's words, with no cue where there are none."""
    return "\n".join(
        f"{number}\n{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}\n{_plain(cue)}\n"
        for number, cue in enumerate(_cues(words, language), 1)
    )


def vtt(words: Words, language: str = "en") -> str:
    """Return the WebVTT file of a video's words, with the time of each in its cue (https://www.w3.org/TR/webvtt1)."""
    cues = (f"{_clock(cue.start_s)} --> {_clock(cue.end_s)}\n{_timed(cue)}\n" for cue in _cues(words, language))
    return "\n".join(["WEBVTT\n", *cues])


def _clock(time_s: float, point: str = ".") -> str:
    seconds, ms = divmod(round(time_s * 1000), 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{ms:03}"


def _plain(cue: Cue) -> str:
    """Return the lines of a cue; SubRip cannot escape an arrow."""
    return "\n".join(_joined(line) for line in cue.lines).replace("-->", "→")


def _timed(cue: Cue) -> str:
    """Return the lines of a cue, each word after its time where that is later than the one before, as WebVTT asks."""
    lines, told = [], _clock(cue.start_s)
    for line in cue.lines:
        marked = []
        for word in line:
            at = _clock(word.start_s)
            marked.append(f"<{at}>" * (at > told) + escape(word.text, quote=False))
            told = max(told, at)
        lines.append(_joined(line, marked))
    return "\n".join(lines)


def _joined(words: Words, shown: Sequence[str] = ()) -> str:
    """Return the words as they are written, or what is shown for each, with blanks where the script has them."""
    texts = [word.text for word in words]
    blanks = ["" if NO_BLANK.match(last[-1] + first[0]) else " " for last, first in pairwise(texts)]
    return "".join(text + blank for text, blank in zip(shown or texts, [*blanks, ""], strict=False))


def _cues(words: Words, language: str) -> Iterator[Cue]:
    """Yield the cues of a video: its sentences, or parts of those that do not fit in two lines."""
    told = [part for word in words for part in estimated_words(word.text, word.start_s, word.end_s)]
    shown = [lines for sentence in _sentences(told, language) for lines in _fitted(sentence)]
    starts_s = [lines[0][0].start_s for lines in shown]
    for lines, start_s, next_s in zip(shown, starts_s, [*starts_s[1:], float("inf")], strict=False):
        yield Cue(lines, start_s, max(lines[-1][-1].end_s, min(start_s + MIN_CUE_S, next_s)))


def _sentences(words: Words, language: str) -> Iterator[Words]:
    sentences = segment(language.split("-")[0].lower(), _joined(words))
    ends = [*accumulate(len("".join(sentence.split())) for sentence in sentences)]
    positions = accumulate(len(word.text) for word in words)
    numbered = zip((bisect_left(ends, position) for position in positions), words, strict=True)
    for _, sentence in groupby(numbered, lambda pair: pair[0]):
        yield [word for _, word in sentence]


def _fitted(words: Words) -> Iterator[tuple[Words, ...]]:
    """Yield cues of one line or two; a word that is longer than a line has one of its own."""
    if _columns(words) <= LINE_COLUMNS or len(words) == 1:
        yield (words,)
        return
    breaks = _breaks(words)
    for at in breaks:
        lines = words[:at], words[at:]
        if all(_columns(line) <= LINE_COLUMNS or len(line) == 1 for line in lines):
            yield lines
            return
    yield from _fitted(words[: breaks[0]])
    yield from _fitted(words[breaks[0] :])


def _breaks(words: Words) -> list[int]:
    """Return where the words are best parted: at the clause's end that is nearest to the middle; there or anywhere."""
    ends = [*accumulate(_columns([word]) + 1 for word in words)]
    offside = [abs(2 * end / ends[-1] - 1) for end in ends[:-1]]
    clauses = [at for at, word in enumerate(words[:-1]) if CLAUSE_END.search(word.text) and offside[at] <= 0.5]
    return [min(among, key=offside.__getitem__) + 1 for among in (clauses, range(len(offside))) if among]


def _columns(words: Words) -> int:
    return sum(2 if east_asian_width(sign) in "WF" else 1 for sign in _joined(words))
