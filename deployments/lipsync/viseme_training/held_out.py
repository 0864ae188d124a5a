"""Voices that are not trained on: what the figures of the weights' card are measured with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import soundfile

from deployments.lipsync.preview.articulation import Span, merged, told
from deployments.lipsync.viseme_training.augment import at_rate, joined
from deployments.lipsync.viseme_training.evaluation import matches
from deployments.lipsync.viseme_training.festival import Festival
from deployments.lipsync.viseme_training.human import Aligner, allison, librivox
from deployments.lipsync.viseme_training.kokoro import Kokoro
from deployments.lipsync.viseme_training.texts import DEVELOPMENT, TEST, lines
from deployments.lipsync.viseme_training.voices import Espeak, EspeakServer, Flite, Piper, Voice
from deployments.media import Speech

SPEEDS = (1.0, 0.85, 1.2)
TOGETHER = 2
"""Sentences in one clip, with pauses between and around them."""

CLIP_HZ = 16000
CLIPS = 2
"""Of each voice, for the tests."""
NO_CLIPS = ("Piper joe", "human Allison")
"""Voices of which none are given away: made with data for research only, and under CC-BY-SA."""

ESPEAK = {"it": "it", "it+f4": "it", "pt-br": "pt-br", "pt-br+m5": "pt-br", "en-us+f5": "en", "en-us+m4": "en"}
ITALIAN = ("lp_diphone", "pc_diphone")
INDIC = {"telugu_NSK_diphone": "te", "hindi_NSK_diphone": "hi"}
KOKORO, UNSEEN_KOKORO = ("bf_lily", "am_onyx"), ("af_river", "bm_lewis", "jf_nezumi", "jm_kumo")
"""Not trained on, and in no mixture that is."""

Voices = dict[str, list[Speech]]
"""Clips by voice."""


def development(piper: Path, kokoro: Kokoro) -> Voices:
    """Return what the recipe is chosen by; `piper` is the model file of a Piper voice of US English."""
    voices = {"Piper joe": _said(Piper(piper), lines(DEVELOPMENT, "en"))}
    voices["Flite awb"] = _said(Flite("awb"), lines(DEVELOPMENT, "en"))
    for name in KOKORO:
        voices[f"Kokoro {name}"] = _said(kokoro.voice(name), lines(DEVELOPMENT, "en"))
    for name in ITALIAN:
        voices[f"Festival {name}"] = _festival(name, "it", lines(DEVELOPMENT, "it"))
    with EspeakServer() as server:
        for name, language in ESPEAK.items():
            voices[f"espeak-ng {name}"] = _said(Espeak(server, name), lines(DEVELOPMENT, language))
    return voices


def unseen(kokoro: Kokoro) -> Voices:
    """Return voices that nothing was chosen by: synthetic ones that are made of recordings, and two people."""
    voices = {f"Kokoro {name}": _said(kokoro.voice(name), lines(TEST, "en")) for name in UNSEEN_KOKORO}
    for name, language in INDIC.items():
        voices[f"Festival {name}"] = _festival(name, language, lines(TEST, language))
    aligner = Aligner()
    return voices | {"human LibriVox": librivox(aligner), "human Allison": allison(aligner)}


def trust(aligner: Aligner, rate_hz: int) -> float:
    """Return F1 of the closures that the aligner finds in Flite's awb, whose times are known, at a sampling rate."""
    voice, found, told_count, true_count = Flite("awb"), 0, 0, 0
    for text in lines(DEVELOPMENT, "en"):
        speech = voice.speak(text, 1.0)
        again = aligner.aligned(at_rate(speech.waveform, rate_hz), text)
        if again:
            true, told = closures_of(speech), closures_of(again)
            found, told_count, true_count = found + matches(true, told), told_count + len(told), true_count + len(true)
    return 2 * found / (told_count + true_count)


def closures_of(speech: Speech) -> list[Span]:
    """Return when the lips are closed, by the phonemes."""
    return list(merged(told(speech.phonemes, speech.waveform.duration_s, 1).closures))


def _festival(name: str, language: str, texts: Sequence[str]) -> list[Speech]:
    festival = Festival(name, language, "utf-8" if language in INDIC.values() else "latin-1")
    clips = _said(festival, texts)
    festival.close()
    return clips


def _said(voice: Voice, texts: Sequence[str]) -> list[Speech]:
    rng = np.random.default_rng(0)
    said = [voice.speak(text, SPEEDS[turn % len(SPEEDS)]) for turn, text in enumerate(texts)]
    return [joined(said[first : first + TOGETHER], rng) for first in range(0, len(said), TOGETHER)]


def clips_of(voices: Mapping[str, Sequence[Speech]], folder: Path) -> None:
    """Write the first clips of the voices as Opus, with their phonemes as JSON: what the tests evaluate."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in voices.keys() - set(NO_CLIPS):
        for number, speech in enumerate(voices[name][:CLIPS]):
            path = folder / f"{name.lower().replace(' ', '-')}-{number}.json"
            sound = at_rate(speech.waveform, CLIP_HZ).samples
            soundfile.write(path.with_suffix(".ogg"), sound, CLIP_HZ, format="OGG", subtype="OPUS")
            path.write_text(json.dumps([list(asdict(phoneme).values()) for phoneme in speech.phonemes]))
