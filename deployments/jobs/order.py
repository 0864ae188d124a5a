"""What was asked for, and the key that equal orders share."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict

from deployments.errors import UnknownVoice
from deployments.jobs.text import readable
from deployments.media import SourceOptions

PIPELINE_VERSION = 2
"""Raised whenever the same order would give another video for a reason that no other part of the key tells."""


class Capabilities(BaseModel):
    """What the stages do at present: each voice's version, the engine that moves mouths, the shape of the video."""

    model_config = ConfigDict(frozen=True)

    voices: dict[str, str]
    max_text_chars: int
    engine: str
    engine_version: str
    video: dict[str, float | int | str] = {}


class VideoOrder(BaseModel):
    """One poster, a photo or a clip, and one script: text with a voice, or a sound file.

    `poster_key` and `audio_key` are storage keys whose last part is the sha256 of the content; a `poster_id` may stand
    alone until its picture is looked up. `owner` is who asked, by the name of the API key; `webhook` is told of the
    end; `metadata` is the caller's own.
    """

    model_config = ConfigDict(frozen=True)

    poster_key: str = ""
    poster_id: str | None = None
    source: SourceOptions = SourceOptions()
    owner: str = ""
    webhook: str | None = None
    metadata: dict[str, str] = {}
    text: str | None = None
    voice_id: str = "default"
    audio_key: str | None = None

    def checked(self, able: Capabilities) -> VideoOrder:
        """Return the order with its text made readable.

        Refuses what no stage could do: `EmptyText`, `TextTooLong`, `InvalidRequest`, `UnknownVoice`.
        """
        if self.text is None:
            return self
        if self.voice_id not in able.voices:
            raise UnknownVoice.among(self.voice_id, able.voices)
        return self.model_copy(update={"text": readable(self.text, able.max_text_chars)})

    def content_id(self, able: Capabilities) -> str:
        """What names the pictures and the sound: equal for equal posters, scripts, options, engines and versions."""
        return _named(
            {
                "poster": _digest_of(self.poster_key),
                "source": asdict(self.source) | {"face_index": self.source.face_index or 0},
                "script": {"audio": _digest_of(self.audio_key)}
                if self.audio_key
                else {"text": self.text, "voice": self.voice_id, "version": able.voices[self.voice_id]},
                "engine": [able.engine, able.engine_version],
                "video": able.video,
                "pipeline": PIPELINE_VERSION,
            }
        )

    def video_id(self, able: Capabilities) -> str:
        """What names the video: the same content, for the same owner with the same webhook and metadata."""
        return "vid_" + _named([self.content_id(able), self.owner, self.webhook, self.metadata])

    def fingerprint(self) -> str:
        """What an Idempotency-Key stands for: all that the caller asked."""
        return _named(self.model_dump(mode="json"))


def _named(parts: Any) -> str:  # noqa: ANN401 - what JSON can hold
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _digest_of(key: str) -> str:
    return key.rsplit("/", 1)[-1]
