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
from deployments.speech.openai_http import OpenAiSpeechEngine, client_of
from deployments.voices import NAME, VoiceFacts, VoiceList

LIST_WITHIN_S = 5.0

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True)
class Voice:
    """What callers see of a voice, and what speaks."""

    facts: VoiceFacts
    engine: SpeechEngine


class ToldVoice(BaseModel):
    """A voice as a server tells of it."""

    id: str = Field(pattern=NAME)
    language: str
    gender: str | None = None
    name: str = ""


class ToldVoices(BaseModel):
    """A server's answer to `GET /v1/voices`; a `timed` one tells when phonemes and words are heard, too."""

    engine: str
    version: str
    timed: bool = False
    voices: list[ToldVoice]


class SpeechServer:
    """A server that lists its voices; all of them speak through one `httpx.Client`."""

    def __init__(self, base_url: str, api_key: str | None, timeout_s: float) -> None:
        self._base_url, self._timeout_s = base_url, timeout_s
        self._client = client_of(api_key, timeout_s)
        self._answer = b""
        self._voices: dict[str, Voice] = {}

    def voices(self) -> dict[str, Voice]:
        """Return its voices by their ids there. Raises `SpeechServerFailed`."""
        url = f"{self._base_url.rstrip('/')}/voices"
        try:
            answer = self._client.get(url, timeout=LIST_WITHIN_S).raise_for_status().content
            told = ToldVoices.model_validate_json(answer)
        except (httpx.HTTPError, httpx.InvalidURL, ValidationError) as error:
            raise SpeechServerFailed(f"The speech server lists no voices ({type(error).__name__}).") from error
        if answer != self._answer:
            self._answer, self._voices = answer, {voice.id: self._voice(told, voice) for voice in told.voices}
        return self._voices

    def _voice(self, told: ToldVoices, voice: ToldVoice) -> Voice:
        version = f"{told.engine} {told.version} {voice.id}"  # without the address: the voice is the same at another
        engine = OpenAiSpeechEngine(
            self._base_url, told.engine, voice.id, self._client, self._timeout_s, timed=told.timed, version=version
        )
        return Voice(VoiceFacts(version, told.engine, voice.language, voice.gender, voice.name), engine)


class Voices:
    """Voices by voiceId; a server's are `<prefix>-<its id>`. Thread-safe.

    Servers are asked whenever the list is, and for unknown voices. Of one that does not answer the voices stay.
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
        """Return what speaks. Raises `UnknownVoice`, or `SpeechServerFailed` where the voice's server is away."""
        if voice_id not in self._voices:
            self._ask_again()
        if voice := self._voices.get(voice_id):
            return voice.engine
        for prefix, reason in self._missing.items():
            if voice_id.startswith(f"{prefix}-"):
                raise SpeechServerFailed(reason)
        raise UnknownVoice.among(voice_id, self._voices)

    def _ask_again(self) -> None:
        with self._asking:
            for prefix in self._servers:
                self._ask(prefix)

    def _ask(self, prefix: str) -> None:
        try:
            found = self._servers[prefix]()
        except SpeechServerFailed as error:
            if prefix not in self._missing:
                logger.warning("no voices of the speech server %s: %s", prefix, error)
            self._missing = self._missing | {prefix: error.detail}
            return
        self._missing = {name: reason for name, reason in self._missing.items() if name != prefix}
        mine = {f"{prefix}-{name}": voice for name, voice in found.items()}
        others = {name: voice for name, voice in self._voices.items() if not name.startswith(f"{prefix}-")}
        if mine.keys() - self._voices.keys():
            logger.info("%d voices of the speech server %s", len(mine), prefix)
        self._voices = others | mine
