"""Every language that espeak-ng lends: it sounds, it has phonemes and words, and the preview's lips move to it."""

import numpy as np
import pytest

from deployments.jobs.voice_samples import SENTENCES, sentence
from deployments.lipsync.preview.channels import CHANNELS
from deployments.lipsync.preview.engine import PreviewEngine
from deployments.media import Passage
from deployments.speech.voices import SpeechServer
from deployments.voices import primary

GAP = CHANNELS.index("gap")
LANGUAGES = (
    *("af", "bg", "bn", "ca", "cs", "cy", "da", "de", "el", "en-gb", "en-us", "eo", "es", "es-419", "et", "fi"),
    *("fr", "hi", "hr", "hu", "id", "is", "it", "ka", "lt", "lv", "mk", "ms", "nb", "nl", "pl", "pt-br", "pt-pt", "ro"),
    *("ru", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "tr", "uk", "vi"),
)

pytestmark = pytest.mark.espeak


@pytest.fixture(scope="module")
def voices(espeak_url):
    return SpeechServer(espeak_url, None, 10.0).voices()


@pytest.fixture(scope="module")
def preview():
    return PreviewEngine()


def test_these_are_all_languages(voices):
    assert {name for name in voices if not name.endswith("-female")} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lips_move_and_the_sound_is_not_silent(voices, preview, language):
    voice = voices[language]
    text = sentence(voice.facts.language)
    assert primary(language) in SENTENCES
    assert voice.facts.reads(text)
    speech = voice.engine.speak(Passage(text, text))

    loud = np.sqrt(np.mean((speech.waveform.samples / 32768) ** 2))
    assert loud > 0.03
    assert 2 < speech.waveform.duration_s < 6
    assert " ".join(word.text for word in speech.words) == " ".join(text.split())
    assert len(speech.phonemes) > 20

    gap = preview.drive(speech, 25).features[GAP]
    assert gap.max() > 0.15
    turns = np.count_nonzero(np.diff(np.sign(np.diff(gap[np.abs(np.diff(gap, prepend=-1)) > 0.005]))))
    assert turns >= 6  # it opens and closes at least three times
    assert np.mean(gap < 0.05) < 0.6
