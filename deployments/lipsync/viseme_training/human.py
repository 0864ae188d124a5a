"""Recordings of people, with phoneme times from a forced aligner: for evaluation only.

The aligner (pocketsphinx) tells times in steps of 10 ms and was taught on sound of 16 kHz. `held_out.trust` puts it to
a voice whose times are known, which shows how far it can be trusted.
"""

from __future__ import annotations

import gzip
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.viseme_training.augment import at_rate
from deployments.lipsync.viseme_training.timing import dated
from deployments.lipsync.viseme_training.voices import ARPABET, read_wave
from deployments.media import Speech, Waveform

ALLISON = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
ALLISON_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
"""Of the Debian package asterisk-core-sounds-en-wav (CC-BY-SA): one professional speaker, at 8 kHz."""

LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
"""Of the Debian package pocketsphinx-testdata: a reader of LibriVox (public domain), at 16 kHz."""

SHORTEST_S = 1.5
"""Recordings that last less are single words for the most part."""

RATE_HZ, STEP_S = 16000, 0.01
AROUND_S = 0.2
"""Silence around what is aligned, as the aligner expects."""


class Aligner:
    """The wheel pocketsphinx (BSD) with the US English model and dictionary that lie in it."""

    def __init__(self) -> None:
        self._decoder: Any = importlib.import_module("pocketsphinx").Decoder(lm=None, loglevel="FATAL")

    def aligned(self, waveform: Waveform, text: str) -> Speech | None:
        """Return the speech of a text with its phonemes; None where a word is unknown or does not fit the sound."""
        words = re.findall(r"[a-z']+", text.lower())
        if any(self._decoder.lookup_word(word) is None for word in words):
            return None
        sound = at_rate(waveform, RATE_HZ).samples if waveform.rate_hz != RATE_HZ else waveform.samples
        dither = np.random.default_rng(0).normal(0, 3, len(sound) + 2 * round(AROUND_S * RATE_HZ))
        padded = (np.pad(sound.astype(float), round(AROUND_S * RATE_HZ)) + dither).clip(-32768, 32767).astype(np.int16)
        try:
            self._decoder.set_align_text(" ".join(words))
            self._decode(padded)
            self._decoder.set_alignment()
            self._decode(padded)
        except RuntimeError:  # what it raises where the words do not lead to the end of the sound
            return None
        return Speech(waveform, tuple(dated(self._times(), waveform)))

    def _decode(self, sound: NDArray[np.int16]) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(sound.tobytes(), full_utt=True)
        self._decoder.end_utt()

    def _times(self) -> Iterator[tuple[str, float, float]]:
        for phone in self._decoder.get_alignment().phones():
            begin_s = phone.start * STEP_S - AROUND_S
            end_s = begin_s + phone.duration * STEP_S
            yield ARPABET.get(phone.name.lower(), ""), max(0.0, begin_s), end_s


def allison(aligner: Aligner) -> list[Speech]:
    """Return her recordings of a phrase or more, but for those whose text holds digits or unknown words."""
    with gzip.open(ALLISON_TEXTS, "rt", errors="replace") as file:
        lines = file.read().splitlines()
    texts = dict(line.split(":", 1) for line in lines if ":" in line and not re.search(r"^;|[\[\d]", line))
    return _aligned({ALLISON / f"{name}.wav": text for name, text in texts.items()}, aligner)


def librivox(aligner: Aligner) -> list[Speech]:
    """Return the sentences of the reader."""
    lines = (LIBRIVOX / "transcription").read_text().splitlines()
    found = (re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip()) for line in lines)
    return _aligned({LIBRIVOX / f"{line[2]}.wav": line[1] for line in found if line}, aligner)


def _aligned(texts: Mapping[Path, str], aligner: Aligner) -> list[Speech]:
    sounds = ((read_wave(path.read_bytes()), text) for path, text in sorted(texts.items()) if path.exists())
    speeches = (aligner.aligned(sound, text) for sound, text in sounds if sound.duration_s >= SHORTEST_S)
    return [speech for speech in speeches if speech]
