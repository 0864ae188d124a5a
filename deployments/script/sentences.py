"""A text in sentences, and those that are long in parts that a voice can say at once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentencex import segment

MAX_CHARS = 250
"""A longer sentence is parted: about 15 s of speech, the most that comes before the first picture."""

BREAKS = (re.compile(r"(?<=[;:,—–])\s+|(?<=[、，；：،؛])"), re.compile(r"\s+"), re.compile(""))
"""Where a long sentence is parted: at a clause's end; where there is none between its words; else anywhere."""

SHORT = re.compile(r"(?<![^\s(\"'«])(?:[^\W_]|\d\d)\.\s*$")
"""A letter for a name ("M. Dupont") and a day ("am 3. Mai") end no sentence; where one does, two are said at once."""


BLANK = re.compile(r"\s")
"""sentencex panics where another blank than the usual one is before a full stop."""


def sentences(text: str, language: str) -> Iterator[str]:
    """Yield the sentences and parts of sentences; joined they are the text.

    `language` is a BCP 47 tag: the sentence ends and abbreviations of some 300 languages are known.
    """
    held = ""
    at = 0
    for sentence in segment(language.split("-")[0].lower(), BLANK.sub(" ", text)):
        held += text[at : at + len(sentence)]
        at += len(sentence)
        if not SHORT.search(held):
            yield from _parts(held)
            held = ""
    if held:
        yield from _parts(held)


def _parts(sentence: str) -> Iterator[str]:
    """Yield the sentence, parted near its middle again and again where it is too long."""
    if len(sentence.strip()) <= MAX_CHARS:
        yield sentence
        return
    middle, quarter = len(sentence) // 2, len(sentence) // 4
    around = ([*pattern.finditer(sentence, middle - quarter, middle + quarter)] for pattern in BREAKS)
    nearest = min(next(filter(None, around)), key=lambda match: abs(match.start() - middle))
    yield from _parts(sentence[: nearest.end()])
    yield from _parts(sentence[nearest.end() :])
