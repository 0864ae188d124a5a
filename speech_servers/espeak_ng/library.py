# SPDX-License-Identifier: GPL-3.0-or-later
"""libespeak-ng through ctypes: sound with the times of its phonemes and words.

espeak-ng keeps its state in global variables: a process speaks one text at a time, and what it says depends a little
on what it said before. The names are those of espeak-ng's speak_lib.h.
"""

from __future__ import annotations

import array
import ctypes
import itertools
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from ctypes.util import find_library
from dataclasses import dataclass, replace
from typing import Any

SYNCHRONOUS = 2  # espeak_AUDIO_OUTPUT
PHONEME_EVENTS, PHONEME_IPA, DONT_EXIT = 0x1, 0x2, 0x8000  # espeakINITIALIZE
RATE, PITCH = 1, 3  # espeak_PARAMETER
BY_CHARACTER = 1  # espeak_POSITION_TYPE
UTF8 = 1  # espeakCHARS
END_OF_LIST, PHONEME = 0, 7  # espeak_EVENT_TYPE

WORDS_PER_MINUTE = 175  # espeak-ng's own default: speed 1

ONE_SOUND = frozenset({"aɪ", "aʊ", "eɪ", "oʊ", "əʊ", "ɔɪ", "ts", "dz", "tʃ", "dʒ", "tɕ", "dʑ"})
"""What is told as one phoneme; other letters that espeak-ng joins (ja, uo, ss) are told one by one."""

STOPS = frozenset("pbtdkɡqcɟʈɖʔ")
CLOSURE_S = 0.12  # the longest silence before a stop that is its closure
SILENT_S = 0.005  # a pause is at least this long


class Event(ctypes.Structure):
    """`espeak_EVENT`; `name` is the first 8 bytes of its union: a phoneme's symbol in UTF-8."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("name", ctypes.c_char * 8),
    )


class ListedVoice(ctypes.Structure):
    """The beginning of `espeak_VOICE`: a language is a byte of priority and its name."""

    _fields_ = (("name", ctypes.c_char_p), ("languages", ctypes.c_char_p))


Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


@dataclass(frozen=True)
class Span:
    """A phoneme's IPA symbol or a written word, and when it is heard."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Spoken:
    """Sound, 16-bit mono, with its phonemes and words."""

    samples: array.array[int]
    rate_hz: int
    phonemes: list[Span]
    words: list[Span]


@dataclass(frozen=True)
class Marker:
    """What begins at a sample, spoken for the character at `index` of the text; a pause has no symbol."""

    symbol: str
    sample: int
    index: int


class Espeak:
    """The library, loaded. Raises `OSError` where it or its data is missing."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(find_library("espeak-ng") or "libespeak-ng.so.1")
        self._library.espeak_Info.restype = ctypes.c_char_p
        self.version: str = self._library.espeak_Info(None).decode()
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(ListedVoice))
        options = PHONEME_EVENTS | PHONEME_IPA | DONT_EXIT
        self._rate_hz: int = self._library.espeak_Initialize(SYNCHRONOUS, 0, None, options)
        if self._rate_hz <= 0:
            raise OSError("espeak-ng finds no data: install the package espeak-ng-data")
        self._samples: array.array[int] = array.array("h")
        self._markers: list[Marker] = []
        self._callback = Callback(self._receive)  # kept: the library holds but its address
        self._library.espeak_SetSynthCallback(self._callback)

    def languages(self) -> set[str]:
        """Return espeak-ng's names of the languages it has, such as `de` and `en-us`."""
        listed = self._library.espeak_ListVoices(None)
        return {voice.contents.languages[1:].decode() for voice in itertools.takewhile(bool, listed)}

    def speak(self, text: str, voice: str, speed: float = 1.0, pitch: int = 50) -> Spoken:
        """Return the text spoken by `voice`, a language or one with a variant, such as `de+f2`.

        `speed` 2 is twice as fast, `pitch` is from 0 to 99.
        """
        self._samples, self._markers = array.array("h"), []
        self._library.espeak_SetVoiceByName(voice.encode())
        self._library.espeak_SetParameter(RATE, round(WORDS_PER_MINUTE * speed), 0)
        self._library.espeak_SetParameter(PITCH, pitch, 0)
        data = text.encode()
        self._library.espeak_Synth(data, len(data) + 1, 0, BY_CHARACTER, 0, UTF8, None, None)
        timed = list(_timed(self._markers, self._samples, self._rate_hz))
        return Spoken(self._samples, self._rate_hz, [span for span, _ in timed], list(_words(text, timed)))

    def _receive(self, sound: Any, samples: int, events: Any) -> int:  # noqa: ANN401 - pointers of ctypes
        if sound and samples:
            self._samples.frombytes(ctypes.string_at(sound, samples * self._samples.itemsize))
        for event in events:
            if event.type == END_OF_LIST:
                break
            if event.type == PHONEME:
                self._markers.append(Marker(_symbol(event.name), event.sample, event.text_position - 1))
        return 0


def _symbol(name: bytes) -> str:
    """Return an event's IPA; a change of language, such as (en), has no sound."""
    symbol = name.decode(errors="ignore")
    return "" if symbol.startswith("(") else symbol


def _timed(markers: list[Marker], samples: array.array[int], rate_hz: int) -> Iterator[tuple[Span, int]]:
    """Yield the phonemes that take time, each with the index of the character it is spoken for."""
    sounds: list[Marker] = []
    for marker in markers:
        silent = not any(samples[marker.sample : marker.sample + round(SILENT_S * rate_hz)])
        if sounds and sounds[-1].symbol and not silent and _is_modifier(marker.symbol):
            sounds[-1] = replace(sounds[-1], symbol=sounds[-1].symbol + marker.symbol)
        else:
            sounds.append(replace(marker, sample=_begin(marker, samples, rate_hz)))
    for sound, following in itertools.pairwise([*sounds, Marker("", len(samples), 0)]):
        length = following.sample - sound.sample
        parts = _parts(sound.symbol) if length > 0 else []
        for number, part in enumerate(parts):
            begin, end = (sound.sample + length * n // len(parts) for n in (number, number + 1))
            yield Span(part, begin / rate_hz, end / rate_hz), sound.index


def _parts(symbol: str) -> list[str]:
    """Return the sounds that a symbol joins, each letter with its modifiers; none of a pause."""
    parts: list[str] = []
    for character in symbol.replace("?", "ʔ"):
        if parts and _is_modifier(character):
            parts[-1] += character
        else:
            parts.append(character)
    return [symbol] if "".join(part[0] for part in parts) in ONE_SOUND else parts


def _is_modifier(symbol: str) -> bool:
    """Whether it only goes on with the sound before: ʲ, ː, or no name, as links between sounds have it."""
    return all(unicodedata.category(character) in ("Lm", "Mn") for character in symbol)


def _begin(marker: Marker, samples: array.array[int], rate_hz: int) -> int:
    """Return where a sound begins: espeak-ng marks a stop behind the silence of its closure."""
    begin = marker.sample
    if marker.symbol[:1] in STOPS:
        earliest = max(0, begin - round(CLOSURE_S * rate_hz))
        while begin > earliest and samples[begin - 1] == 0:
            begin -= 1
    return begin


def _words(text: str, timed: list[tuple[Span, int]]) -> Iterator[Span]:
    """Yield the words that were spoken, as they are written between blanks."""
    written = list(re.finditer(r"\S+", text))
    starts = [word.start() for word in written]
    for number, group in itertools.groupby(timed, lambda each: bisect_right(starts, each[1]) - 1):
        spans = [span for span, _ in group]
        yield Span(written[max(number, 0)].group(), spans[0].start_s, spans[-1].end_s)
