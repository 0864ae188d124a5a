"""A voice's sample is spoken once and kept."""

import asyncio
import io
import wave

import numpy as np
import pytest
from local_handle import LocalHandle

from deployments.errors import SpeechServerFailed
from deployments.jobs.voice_samples import SENTENCES, VoiceSamples
from deployments.media import Speech, Waveform
from deployments.storage.disk import DiskStore
from deployments.voices import VoiceFacts

SOUND = np.arange(-500, 500, dtype=np.int16)


class Speaker:
    def __init__(self):
        self.said = []
        self.away = False

    async def speak(self, passage, voice_id, seed):
        if self.away:
            raise SpeechServerFailed("away")
        self.said.append((passage.text, voice_id))
        return Speech(Waveform(SOUND, 22050))


class Storage:
    def __init__(self, store):
        self._store = store

    async def stat(self, key):
        return self._store.stat(key)

    async def put(self, key, data, content_type):
        self._store.put(key, data, content_type)


@pytest.fixture
def speaker():
    return Speaker()


@pytest.fixture
def store(tmp_path):
    return DiskStore(tmp_path)


@pytest.fixture
def samples(speaker, store):
    return VoiceSamples(LocalHandle(speaker), LocalHandle(Storage(store)))


def found(samples, voice_id="v", version="1", language="de-AT"):
    return asyncio.run(samples.find(voice_id, VoiceFacts(version, "espeak-ng", language)))


def test_a_sample_is_spoken_in_the_voices_language_and_is_a_wav_file(samples, speaker, store):
    stored = found(samples)
    assert speaker.said == [(SENTENCES["de"], "v")]
    assert stored.content_type == "audio/wav"
    with wave.open(io.BytesIO(store.read(stored.key))) as file:
        assert file.getframerate() == 22050
        assert np.array_equal(np.frombuffer(file.readframes(5000), np.int16), SOUND)


def test_it_is_spoken_once_and_again_when_the_voice_changes(samples, speaker):
    assert found(samples) == found(samples)
    assert len(speaker.said) == 1
    assert found(samples, version="2").key != found(samples).key
    assert len(speaker.said) == 2


def test_a_voice_of_no_known_language_speaks_english(samples, speaker):
    found(samples, "a", "a", None)
    found(samples, "b", "b", "tlh")
    assert [text for text, _ in speaker.said] == [SENTENCES["en"]] * 2


def test_what_fails_is_not_kept(samples, speaker):
    speaker.away = True
    with pytest.raises(SpeechServerFailed):
        found(samples)
    speaker.away = False
    assert found(samples).size_bytes == 44 + SOUND.nbytes
