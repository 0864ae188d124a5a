"""Voices that are not trained on: what the figures of the weights' card are measured with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile

from deployments.lipsync.viseme_training.augment import at_rate, joined
from deployments.lipsync.viseme_training.festival import Festival
from deployments.lipsync.viseme_training.texts import held_out as sentences
from deployments.lipsync.viseme_training.voices import Espeak, EspeakServer, Flite, Piper, Voice
from deployments.media import Speech

SPEEDS = (1.0, 0.85, 1.2)
TOGETHER = 2
"""Sentences in one clip, with pauses between and around them."""

CLIP_HZ = 16000
CLIPS = 2
"""Of each voice, for the tests."""

ESPEAK = {"it": "it", "it+f4": "it", "pt-br": "pt-br", "pt-br+m5": "pt-br", "en-us+f5": "en", "en-us+m4": "en"}
FESTIVAL = ("lp_diphone", "pc_diphone")


def held_out(piper: Path) -> dict[str, list[Speech]]:
    """Return clips by voice; `piper` is the model file of a Piper voice of US English."""
    voices = {"Piper joe": _said(Piper(piper), "en"), "Flite awb": _said(Flite("awb"), "en")}
    for name in FESTIVAL:
        festival = Festival(name, "it")
        voices[f"Festival {name}"] = _said(festival, "it")
        festival.close()
    with EspeakServer() as server:
        for name, language in ESPEAK.items():
            voices[f"espeak-ng {name}"] = _said(Espeak(server, name), language)
    return voices


def _said(voice: Voice, language: str) -> list[Speech]:
    rng = np.random.default_rng(0)
    said = [voice.speak(text, SPEEDS[turn % len(SPEEDS)]) for turn, text in enumerate(sentences(language))]
    return [joined(said[first : first + TOGETHER], rng) for first in range(0, len(said), TOGETHER)]


def clips_of(voices: Mapping[str, Sequence[Speech]], folder: Path) -> None:
    """Write the first clips of the voices as Opus, with their phonemes as JSON: what the tests evaluate."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, speeches in voices.items():
        for number, speech in enumerate(speeches[:CLIPS]):
            path = folder / f"{name.lower().replace(' ', '-')}-{number}.json"
            sound = at_rate(speech.waveform, CLIP_HZ).samples
            soundfile.write(path.with_suffix(".ogg"), sound, CLIP_HZ, format="OGG", subtype="OPUS")
            path.write_text(json.dumps([list(asdict(phoneme).values()) for phoneme in speech.phonemes]))
