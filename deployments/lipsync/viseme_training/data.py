"""The recipe of the training data: which voices say what, and what the network is shown of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.channels import GRID_HZ
from deployments.lipsync.preview.hearing import FRAME_BEGIN_S, FRAME_HZ, Level, own_spectrum, paired
from deployments.lipsync.preview.sound import BANDS, mel_powers
from deployments.lipsync.preview.visemes import shuts_lips, viseme_weights
from deployments.lipsync.viseme_training.augment import joined, recorded
from deployments.lipsync.viseme_training.festival import Festival
from deployments.lipsync.viseme_training.held_out import KOKORO, UNSEEN_KOKORO
from deployments.lipsync.viseme_training.kokoro import Kokoro
from deployments.lipsync.viseme_training.texts import sentences
from deployments.lipsync.viseme_training.voices import Espeak, EspeakServer, Flite, Hibari, Voice
from deployments.media import Speech

VARIANTS = ("", "+f1", "+f2", "+f3", "+m1", "+m2", "+m3", "+m6", "+m7", "+m8")
ESPEAK = ("en-us", "en-gb", "de", "fr", "es", "nl", "pl", "sv", "tr", "hi")
ESPEAK_SENTENCES = 6
"""That each espeak-ng voice says with each variant's sound, in turn."""

HIBARI_SENTENCES, FLITE_SENTENCES, FESTIVAL_SENTENCES = 1200, 180, 120
FLITE = ("slt", "rms", "kal16")
FESTIVAL = (
    ("czech_dita", "cs", "iso-8859-2"),
    ("czech_krb", "cs", "iso-8859-2"),
    ("czech_machac", "cs", "iso-8859-2"),
    ("czech_ph", "cs", "iso-8859-2"),
    ("suo_fi_lj_diphone", "fi", "latin-1"),
    ("hy_fi_mv_diphone", "fi", "latin-1"),
    ("msu_ru_nsh_clunits", "ru", "utf-8"),
    ("upc_ca_ona_hts", "ca", "latin-1"),
    ("ked_diphone", "en", "latin-1"),
)
"""Voices, their languages, and how they read text."""

KOKORO_GROUPS, KOKORO_MIXED = 320, 0.3
"""Groups of sentences, and the share of them that a voice between two says."""

TOGETHER = 3
"""Sentences in one example."""

CLEAN = 0.3
"""Share of the examples that are shown as the voice said them."""


@dataclass(frozen=True, eq=False)
class Example:
    """What the network is shown, `features` (2 * BANDS, n); `weights` (visemes, n); `shut` (n,), 1 for P, B and M."""

    features: NDArray[np.float32]
    weights: NDArray[np.float32]
    shut: NDArray[np.float32]


def speeches(kokoro: Kokoro, rng: np.random.Generator) -> Iterator[list[Speech]]:
    """Yield what each voice says, with varied speed, in groups of sentences that belong together."""
    yield from _said(Hibari(), "en", HIBARI_SENTENCES, rng)
    for name in FLITE:
        yield from _said(Flite(name), "en", FLITE_SENTENCES, rng)
    for name, language, encoding in FESTIVAL:
        festival = Festival(name, language, encoding)
        yield from _said(festival, language, FESTIVAL_SENTENCES, rng)
        festival.close()
    with EspeakServer() as server:
        for language in ESPEAK:
            for variant in VARIANTS:
                voice = Espeak(server, language + variant, int(rng.integers(25, 80)))
                yield from _said(voice, language[:2], ESPEAK_SENTENCES, rng)
    yield from _said_by_many(kokoro, rng)


def _said_by_many(kokoro: Kokoro, rng: np.random.Generator) -> Iterator[list[Speech]]:
    """Yield a group of each of Kokoro's voices, again and again; some are of a voice between two of one sex."""
    names = [name for name in kokoro.names if name not in KOKORO + UNSEEN_KOKORO]
    in_turn = [str(name) for _ in range(-(-KOKORO_GROUPS // len(names))) for name in rng.permutation(names)]
    orders = []
    for name in in_turn[:KOKORO_GROUPS]:
        others = [other for other in names if other[1] == name[1]]
        mixed = (name, str(rng.choice(others))) if rng.random() < KOKORO_MIXED else (name,)
        orders.append((kokoro.voice(*mixed), "en", TOGETHER, np.random.default_rng(rng.integers(2**32))))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for groups in pool.map(lambda order: [*_said(*order)], orders):
            yield from groups


def _said(voice: Voice, language: str, count: int, rng: np.random.Generator) -> Iterator[list[Speech]]:
    group: list[Speech] = []
    for text in sentences(language, count, rng):
        group.append(voice.speak(text, rng.uniform(0.75, 1.35)))
        if len(group) == TOGETHER:
            yield group
            group = []


def mean_spectrum(groups: list[list[Speech]]) -> NDArray[np.float32]:
    """Return the mean spectrum of the voices, (BANDS,): what a sound without much speech is measured by."""
    powers = [mel_powers(group[0].waveform) for group in groups]
    nothing = np.zeros(BANDS, np.float32)
    spectra = [own_spectrum(each, Level.of(each, nothing).loud)[0] for each in powers]
    return np.asarray(np.mean(spectra, axis=0), np.float32)


def examples(groups: list[list[Speech]], mean: NDArray[np.float32], rng: np.random.Generator) -> Iterator[Example]:
    """Yield an example of each group, most of another throat, room, microphone and noise each time."""
    for group in groups:
        speech = joined(group, rng)
        yield example(speech if rng.random() < CLEAN else recorded(speech, rng), mean)


def example(speech: Speech, mean: NDArray[np.float32]) -> Example:
    """Return what the network is shown of a speech."""
    powers = mel_powers(speech.waveform)
    features = paired(Level.of(powers, mean).normalised(powers))
    at = np.round((FRAME_BEGIN_S + np.arange(features.shape[1]) / FRAME_HZ) * GRID_HZ).astype(int)
    shut = np.zeros(at[-1] + 1, np.float32)
    for phoneme in speech.phonemes:
        if shuts_lips(phoneme):
            shut[round(phoneme.start_s * GRID_HZ) : round(phoneme.end_s * GRID_HZ) + 1] = 1.0
    return Example(features, viseme_weights(speech.phonemes, at[-1] + 1)[:, at].astype(np.float32), shut[at])
