"""When written words are heard, from the phonemes of the spoken ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import accumulate, groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from deployments.media import Phoneme, Word


def written_words(
    written: str, spoken: Sequence[Sequence[Phoneme]], symbols: Callable[[str], list[str]]
) -> tuple[Word, ...]:
    """Return the words of `written` with the times at which they are heard.

    `spoken` are the phonemes of each word that is heard; `symbols` says those of a written one. A written word may be
    heard as several ("$5.20"). What is not heard by itself (a dash, "m²" in "5 m²") stays with the word before it:
    joined by blanks, the words are `written` again.
    """
    texts = written.split()
    told = [(index, symbol) for index, text in enumerate(texts) for symbol in symbols(text)] or [(0, "")]
    heard = [phoneme.symbol for word in spoken for phoneme in word]
    places = _places([symbol for _, symbol in told], heard, spoken)
    groups = [
        (index, [*word]) for index, word in groupby(zip(places, spoken, strict=True), lambda pair: told[pair[0]][0])
    ]
    firsts = [0, *(index for index, _ in groups[1:]), len(texts)]
    return tuple(
        Word(" ".join(texts[first:stop]), words[0][1][0].start_s, words[-1][1][-1].end_s)
        for (first, stop), (_, words) in zip(pairwise(firsts), groups, strict=True)
    )


def _places(told: list[str], heard: list[str], spoken: Sequence[Sequence[Phoneme]]) -> list[int]:
    """Return where in `told` each spoken word is, by what both have alike and evenly in between.

    A word is between the places of its first phoneme and of its last.
    """
    alike = SequenceMatcher(None, heard, told, autojunk=False).get_matching_blocks()
    edges = np.array([(0, 0), *((at + step, to + step) for at, to, size in alike for step in (0, size))], float)
    middles = [
        (stop - len(word) + 0.5, stop - 0.5) for stop, word in zip(accumulate(map(len, spoken)), spoken, strict=True)
    ]
    places: NDArray[np.float64] = np.interp(np.array(middles), edges[:, 0], edges[:, 1]).mean(axis=1)
    return [min(int(place), len(told) - 1) for place in places]
