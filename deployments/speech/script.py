"""A script for a voice, as the passages that it says one after the other: a sentence each, or a part of a long one."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentencex import segment

from deployments.media import Passage

MAX_PASSAGE_CHARS = 250
"""A longer sentence is parted: about 15 s of speech, the most that comes before the first picture."""

BREAKS = (re.compile(r"(?<=[;:,—–])\s+|(?<=[、，；：،؛])"), re.compile(r"\s+"), re.compile(r""))
"""Where a long sentence is parted: at a clause's end; where there is none between its words; else anywhere."""


def passages(
    script: str, ssml: bool = False, language: str = "en-US", speed: float = 1.0, pitch: float = 0.0
) -> tuple[Passage, ...]:
    """Return what a voice says for `script`, none of it blank: plain text, whose lines end sentences.

    `language` is a BCP 47 tag; its sentence ends and abbreviations are known for some 300 languages.
    """
    return tuple(Passage(text, text, speed, pitch) for text in _sentences(script, language))


def _sentences(text: str, language: str) -> Iterator[str]:
    for line in text.splitlines():
        for sentence in segment(language.split("-")[0].lower(), line):
            yield from _parts(sentence.strip())


def _parts(sentence: str) -> Iterator[str]:
    """Yield the sentence in parts of at most `MAX_PASSAGE_CHARS`, parted near their middles; nothing if it is blank."""
    if len(sentence) <= MAX_PASSAGE_CHARS:
        if sentence:
            yield sentence
        return
    middle, quarter = len(sentence) // 2, len(sentence) // 4
    found = next(
        found for pattern in BREAKS if (found := [*pattern.finditer(sentence, middle - quarter, middle + quarter)])
    )
    nearest = min(found, key=lambda match: abs(match.start() - middle))
    yield from _parts(sentence[: nearest.start()].rstrip())
    yield from _parts(sentence[nearest.end() :].lstrip())
