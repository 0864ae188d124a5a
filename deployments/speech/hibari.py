"""The built-in voice: hibari, one US English speaker whose model lies inside its wheel.

hibari's graph knows how long each phoneme lasts (the output of its one Clip node) but does not return it. A
serialized protobuf message with more bytes behind it reads as both messages merged, so `DURATIONS_AS_OUTPUT`
behind the model file makes that tensor one more output: no `onnx` package (9 MB), no second model file. A hibari
whose node has another name fails to load, in onnxruntime's words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

import numpy as np
from hibari import Hibari, dsp
from hibari.voices import DEFAULT, voice_path
from numpy.typing import NDArray

from deployments.errors import UnspeakableText
from deployments.media import Passage, Phoneme, Speech, Waveform
from deployments.speech.words import written_words

DURATIONS = b"/Clip_output_0"
GRID_S = 0.025

# Measured on 40 sentences at speeds 0.7, 1 and 1.4: the sound agrees best with the durations (hiss with ʃ s,
# voicing with voiced phonemes, silence with closures) when it is taken to be 76, 59 and 45 ms ahead of them.
LEAD_FIXED_S = 0.015
LEAD_AT_SPEED_1_S = 0.045

# A phoneme before a pause is given 0.1-0.25 s more than it sounds: it ends with the last block this loud.
BLOCK_S = 0.005
AUDIBLE_OF_PEAK = 10 ** (-40 / 20)

STRESS = frozenset("ˈˌ")
PAUSES = frozenset(';:,.!?—…"()“”↓→↗↘')
GAPS = PAUSES | {" "}
UNHEARD = GAPS | STRESS
IPA = {"A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "T": "ɾ", "ʤ": "dʒ", "ʧ": "tʃ"}


def _field(number: int, content: bytes) -> bytes:
    """A protobuf field that holds fewer than 128 bytes (https://protobuf.dev/programming-guides/encoding)."""
    return bytes([number << 3 | 2, len(content)]) + content


# ModelProto.graph = 7, GraphProto.output = 12, ValueInfoProto.name = 1 (onnx/onnx.proto)
DURATIONS_AS_OUTPUT = _field(7, _field(12, _field(1, DURATIONS)))


class HibariEngine:
    """Speaks US English at 24 kHz, bit-identical from call to call; `speed` 2 is twice as fast. Thread-safe."""

    computes_here = True

    def __init__(self, speed: float = 1.0) -> None:
        self.version = f"hibari-{version('hibari-tts')}-{DEFAULT}-{speed:g}"
        self._speed = speed
        self._hibari = Hibari(model=Path(voice_path(DEFAULT)).read_bytes() + DURATIONS_AS_OUTPUT)
        _ = self._hibari.g2p.oov  # loaded here, not by the first two callers at once

    def reads(self, text: str) -> bool:
        """Whether there is an English word, a number or a sign in the text that is spoken."""
        return bool(self._symbols(text))

    def speak(self, passage: Passage, seed: int = 0) -> Speech:
        """Return the speech of the passage, timed by what is heard; pauses are gaps between phonemes.

        Words that the voice cannot read are left out. Raises `UnspeakableText` where nothing is left.
        """
        noise = np.random.default_rng(seed)
        parts: list[NDArray[np.float32]] = []
        spoken: list[tuple[Phoneme, ...]] = []
        for sentence in self._phonemize(passage.text):
            start_s = sum(map(len, parts)) / dsp.SR
            part, words = self._spoken(sentence, self._speed * passage.speed, noise)
            parts.append(part)
            spoken += [tuple(_later(phoneme, start_s) for phoneme in word) for word in words]
        if not spoken:
            raise UnspeakableText("This voice reads English and finds no word in the text; write it in English words.")
        phonemes = tuple(phoneme for word in spoken for phoneme in word)
        written = written_words(passage.written, spoken, self._symbols)
        return Speech(Waveform(_pcm16(np.concatenate(parts)), dsp.SR), phonemes, written)

    def _phonemize(self, text: str) -> list[str]:
        """Return one phoneme string a sentence; none for other scripts, which hibari drops or reads as noise."""
        if _foreign(text):
            return []
        try:
            sentences: list[str] = self._hibari.phonemize(text)
        except ValueError:  # it stumbles over ¹ and ① beside a bracket: then they are told as 1
            sentences = self._hibari.phonemize("".join(str(unicodedata.digit(char, char)) for char in text))
        return sentences

    def _symbols(self, text: str) -> list[str]:
        """Return the IPA symbols that are heard of a text."""
        return [
            IPA.get(symbol, symbol)
            for sentence in self._phonemize(text)
            for symbol in sentence
            if symbol in self._hibari.vocab and symbol not in UNHEARD
        ]

    def _spoken(
        self, sentence: str, speed: float, noise: np.random.Generator
    ) -> tuple[NDArray[np.float32], list[tuple[Phoneme, ...]]]:
        """Return the sound of a phoneme string, and the words in it."""
        feed = {"ids": np.array([self._hibari.ids(sentence)], np.int64), "speed": np.array([speed], np.float32)}
        *spectrum, durations = self._hibari.sess.run(None, feed)
        sound = dsp.synth(*(part[0] for part in spectrum), noise)
        ends_s = np.cumsum(durations.astype(np.float64) * GRID_S) - LEAD_FIXED_S - LEAD_AT_SPEED_1_S / speed
        symbols = [symbol for symbol in sentence if symbol in self._hibari.vocab]
        words = groupby(_timed(symbols, np.maximum(ends_s, 0.0).tolist(), sound), lambda phoneme: phoneme is None)
        return sound, [tuple(filter(None, word)) for gap, word in words if not gap]


def _timed(symbols: list[str], ends_s: list[float], sound: NDArray[np.float32]) -> Iterator[Phoneme | None]:
    """Yield the phonemes, and None for a gap between words; a stress mark's time goes to the next symbol.

    `ends_s` holds the end of the silence before the first symbol, and then each symbol's.
    """
    begin_s = ends_s[0]
    for symbol, following, end_s in zip(symbols, [*symbols[1:], "."], ends_s[1:], strict=False):
        if symbol in STRESS:
            continue
        if symbol in GAPS:
            yield None
        else:
            heard_s = _heard_until(sound, begin_s, end_s) if following in PAUSES else end_s
            yield Phoneme(IPA.get(symbol, symbol), begin_s, heard_s)
        begin_s = end_s


def _later(phoneme: Phoneme, by_s: float) -> Phoneme:
    return replace(phoneme, start_s=phoneme.start_s + by_s, end_s=phoneme.end_s + by_s)


def _foreign(text: str) -> bool:
    """Whether all letters are of other scripts than Latin; false where there are only digits and signs."""
    letters = [letter for letter in text if letter.isalpha()]
    return bool(letters) and not any("LATIN" in unicodedata.name(letter, "") for letter in letters)


def _heard_until(sound: NDArray[np.float32], begin_s: float, end_s: float) -> float:
    """Return when the sound between the two times falls silent for good, at least `GRID_S` after `begin_s`."""
    block = round(BLOCK_S * dsp.SR)
    peaks = np.abs(sound[: len(sound) // block * block]).reshape(-1, block).max(axis=1)
    first, stop = round(begin_s / BLOCK_S), round(end_s / BLOCK_S)
    audible = np.flatnonzero(peaks[first:stop] > AUDIBLE_OF_PEAK * peaks.max())
    heard_s = begin_s + (int(audible[-1]) + 1) * BLOCK_S if len(audible) else begin_s
    return min(max(heard_s, begin_s + GRID_S), end_s)


def _pcm16(sound: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return 16-bit samples as hibari's own `write_wav` makes them."""
    return (np.clip(sound, -1.0, 1.0) * 32767.0).astype(np.int16)
