"""The voices of a replica: those that the settings name, and those that speech servers tell of."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import httpx
from pydantic import BaseModel, Field, ValidationError

from deployments.errors import SpeechServerFailed, UnknownVoice
from deployments.speech.engine import SpeechEngine
from deployments.speech.openai_http import OpenAiSpeechEngine
from deployments.voices import VoiceFacts, VoiceList

LIST_WITHIN_S = 5.0

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True)
class Voice:
    """What callers see of a voice, and what speaks."""

    facts: VoiceFacts
    engine: SpeechEngine


class ToldVoice(BaseModel):
    """A voice as a server tells of it."""

    id: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    language: str
    gender: str | None = None
    name: str = ""


class ToldVoices(BaseModel):
    """A server's answer to `GET /v1/voices`; a `timed` one tells when phonemes and words are heard, too."""

    engine: str
    version: str
    timed: bool = False
    voices: list[ToldVoice]


def told_voices(base_url: str, api_key: str | None, timeout_s: float) -> dict[str, Voice]:
    """Return the voices of a server by their ids there. Raises `SpeechServerFailed`."""
    url = f"{base_url.rstrip('/')}/voices"
    try:
        answer = httpx.get(
            url, headers={"Authorization": f"Bearer {api_key}"} if api_key else {}, timeout=LIST_WITHIN_S
        )
        told = ToldVoices.model_validate_json(answer.raise_for_status().content)
    except (httpx.HTTPError, ValidationError) as error:
        raise SpeechServerFailed(f"The speech server lists no voices ({type(error).__name__}).") from error
    return {voice.id: _voice(told, voice, base_url, api_key, timeout_s) for voice in told.voices}


def _voice(told: ToldVoices, voice: ToldVoice, base_url: str, api_key: str | None, timeout_s: float) -> Voice:
    version = f"{told.engine} {told.version} {voice.id}"  # without the address: the voice is the same at another
    engine = OpenAiSpeechEngine(base_url, told.engine, voice.id, api_key, timeout_s, timed=told.timed, version=version)
    return Voice(VoiceFacts(version, told.engine, voice.language, voice.gender, voice.name), engine)


class Voices:
    """Voices by voiceId; a server's are `<prefix>-<its id>`. Thread-safe.

    A server that is not there lends no voices: it is asked again whenever the list is, and for unknown voices.
    """

    def __init__(self, named: Mapping[str, Voice], servers: Mapping[str, Callable[[], Mapping[str, Voice]]]) -> None:
        self._voices = dict(named)
        self._servers = servers
        self._missing: dict[str, str] = {}
        self._asking = threading.Lock()
        for prefix in servers:
            self._ask(prefix)

    def listed(self) -> VoiceList:
        """Return every voice's facts, and what is missing."""
        self._ask_again()
        return VoiceList({voice_id: voice.facts for voice_id, voice in self._voices.items()}, dict(self._missing))

    def engine(self, voice_id: str) -> SpeechEngine:
        """Return what speaks. Raises `UnknownVoice`."""
        if voice_id not in self._voices:
            self._ask_again()
        if voice_id not in self._voices:
            raise UnknownVoice.among(voice_id, self._voices)
        return self._voices[voice_id].engine

    def _ask_again(self) -> None:
        with self._asking:
            for prefix in [*self._missing]:
                self._ask(prefix)

    def _ask(self, prefix: str) -> None:
        try:
            found = self._servers[prefix]()
        except SpeechServerFailed as error:
            if prefix not in self._missing:
                logger.warning("no voices of the speech server %s: %s", prefix, error.__cause__ or error)
            self._missing[prefix] = error.detail
            return
        self._missing.pop(prefix, None)
        self._voices = self._voices | {f"{prefix}-{name}": voice for name, voice in found.items()}
        logger.info("%d voices of the speech server %s", len(found), prefix)
