"""A stretch of a script: what is said in one manner without a break, and the passages that it becomes."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from deployments.media import Passage
from deployments.script.normalise import normalised
from deployments.script.sentences import sentences

MIN_SPEED, MAX_SPEED = 0.5, 2.0
"""Of the voice's own: beyond them it is hard to follow."""

MAX_PITCH = 12.0
"""Semitones higher or lower: an octave."""

Piece = tuple[str, str]
"""A text as it is said, and as it is written. Where these differ it is not parted."""


@dataclass(frozen=True)
class Stretch:
    """Pieces in one manner, and the seconds of silence after them; without pieces a pause or a paragraph's end."""

    pieces: tuple[Piece, ...] = ()
    speed: float = 1.0
    pitch: float = 0.0
    pause_s: float = 0.0

    def passages(self, language: str) -> Iterator[Passage]:
        """Yield the sentences in it, those that are long in parts; none is blank."""
        pieces = [
            piece
            for text, written in self.pieces
            for piece in (normalised(text, language) if text == written else [(text, written)])
        ]
        said, shown = "".join(text for text, _ in pieces), "".join(written for _, written in pieces)
        cuts = [(0, 0), *_cuts(pieces)]
        ends = accumulate(map(len, sentences(said, language)))
        places = (cuts[bisect_left(cuts, (end, 0))] for end in ends)
        for (start, first), (stop, last) in pairwise([(0, 0), *places]):
            if text := _plain(said[start:stop]):
                yield Passage(text, _plain(shown[first:last]), self.speed, self.pitch)


def _cuts(pieces: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    """Yield the places, in what is said and in what is written, where both may be parted."""
    said = shown = 0
    for text, written in pieces:
        if text == written:
            yield from ((said + at, shown + at) for at in range(1, len(text)))
        said, shown = said + len(text), shown + len(written)
        yield said, shown


def _plain(text: str) -> str:
    return " ".join(text.split())
