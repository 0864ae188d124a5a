"""What was asked for, and the key that equal orders share."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, ConfigDict

from deployments.errors import EngineUnavailable
from deployments.jobs.text import readable
from deployments.media import Acting, Motion, Passage, Paste, SourceOptions
from deployments.script.passages import passages
from deployments.voices import DEFAULT, UNKNOWN, VoiceFacts, check_letters, chosen

PIPELINE_VERSION = 4
"""Raised whenever the same order would give another video for a reason that no other part of the key tells."""


class Capabilities(BaseModel):
    """What the stages do at present: each voice, each engine's version, the shape of the video.

    The first of the `engines` and `paste` are for orders that name none.
    """

    model_config = ConfigDict(frozen=True)

    voices: dict[str, VoiceFacts]
    max_text_chars: int
    engines: dict[str, str]
    paste: Paste = "feathered"
    video: dict[str, float | int | str] = {}

    @property
    def default_engine(self) -> str:
        """What `auto` stands for."""
        return next(iter(self.engines))


class VideoOrder(BaseModel):
    """One poster, a photo or a clip, and one script: text with a voice, or a sound file.

    `poster_key` and `audio_key` are storage keys whose last part is the sha256 of the content; a `poster_id` may stand
    alone until its picture is looked up. `owner` is who asked, by the name of the API key; `webhook` is told of the
    end; `metadata` is the caller's own. What is random is drawn from `seed`.

    A text is plain, or SSML where `ssml` says so; it is spoken at `speed` (2 is twice as fast) and so many semitones
    higher as `pitch`, in `language`, a BCP 47 tag: in a checked order that of the voice. `motion` is the head's.
    """

    model_config = ConfigDict(frozen=True)

    poster_key: str = ""
    poster_id: str | None = None
    source: SourceOptions = SourceOptions()
    engine: str = "auto"
    paste: Paste | None = None
    motion: Motion = "natural"
    seed: int = 0
    owner: str = ""
    webhook: str | None = None
    metadata: dict[str, str] = {}
    text: str | None = None
    ssml: bool = False
    voice_id: str = DEFAULT
    language: str | None = None
    speed: float = 1.0
    pitch: float = 0.0
    audio_key: str | None = None

    @property
    def sources(self) -> list[str]:
        """The storage keys of what the video is made from."""
        return [key for key in (self.poster_key, self.audio_key) if key]

    def checked(self, able: Capabilities) -> VideoOrder:
        """Return the order as it will be done: its text readable, its voice, engine and way to paste chosen.

        Refuses what no stage could do: `EmptyText`, `TextTooLong`, `InvalidRequest`, `UnknownVoice`,
        `VoiceLanguageMismatch`, `EngineUnavailable`.
        """
        engine = able.default_engine if self.engine == "auto" else self.engine
        if engine not in able.engines:
            raise EngineUnavailable.among(engine, able.engines)
        done: dict[str, str | None] = {"engine": engine, "paste": self.paste or able.paste}
        if self.text is not None:
            voice_id = chosen(able.voices, self.voice_id, self.language)
            done |= {"voice_id": voice_id, "language": able.voices[voice_id].language}
            done["text"] = readable(self.text, able.max_text_chars)
        order = self.model_copy(update=done)
        if order.text is not None:
            check_letters(able.voices, order.voice_id, " ".join(passage.text for passage in order.passages()))
        return order

    @property
    def spoken_language(self) -> str:
        """The language of the text, as far as it is known."""
        return self.language or UNKNOWN

    def passages(self) -> tuple[Passage, ...]:
        """What the voice says one after the other. Raises `InvalidScript`."""
        return passages(self.text or "", self.ssml, self.spoken_language, speed=self.speed, pitch=self.pitch)

    def acting(self) -> Acting:
        """How the face acts, of a checked order: two posters do not blink at the same time."""
        seed = self.seed ^ int(digest_of(self.poster_key)[:8], 16)
        return Acting(self.engine, self.paste or "feathered", self.motion, seed)

    def content_id(self, able: Capabilities) -> str:
        """What names the pictures and the sound of a checked order: posters, scripts, options, engines and versions."""
        return _named(
            {
                "poster": digest_of(self.poster_key),
                "source": asdict(self.source) | {"face_index": self.source.face_index or 0},
                "script": {"audio": digest_of(self.audio_key)}
                if self.audio_key
                else {
                    "text": [self.text, self.ssml, self.speed, self.pitch],
                    "voice": [self.voice_id, able.voices[self.voice_id].version],
                },
                "engine": [self.engine, able.engines[self.engine], self.paste, self.motion],
                "seed": self.seed,
                "video": able.video,
                "pipeline": PIPELINE_VERSION,
            }
        )

    def video_id(self, able: Capabilities) -> str:
        """What names a checked order's video: the content, for the same owner with the same webhook and metadata."""
        return "vid_" + _named([self.content_id(able), self.owner, self.webhook, self.metadata])

    def fingerprint(self) -> str:
        """What an Idempotency-Key stands for: all that the caller asked."""
        return _named(self.model_dump(mode="json"))


def _named(parts: Any) -> str:  # noqa: ANN401 - what JSON can hold
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def digest_of(key: str) -> str:
    """The digest that a picture's or a sound's storage key ends with."""
    return key.rsplit("/", 1)[-1]
