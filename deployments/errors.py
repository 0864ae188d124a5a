"""What can go wrong, as types with data: raised where it is known, turned into replies in one place.

Errors cross replicas by pickle, so every argument goes positionally to `super().__init__`. At the caller
Ray hands over a wrapper whose `str` is a traceback: build replies from `code`, `detail` and `data`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Self

SUGGESTIONS = 6
"""Voices that an error's sentence names."""


class TalkingPhotoError(Exception):
    """The root: `detail` is a sentence that says what to do; `data` holds its facts for programs."""

    code: ClassVar[str] = "internal"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(self, detail: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(detail, data)
        self.detail = detail
        self.data = data or {}

    def __str__(self) -> str:
        return self.detail


class InvalidRequest(TalkingPhotoError):
    """A field is missing, unknown or out of its limits."""

    code = "invalid_request"
    http_status = 422


class UnknownPoster(TalkingPhotoError):
    """No poster has that imageId."""

    code = "unknown_poster"
    http_status = 404


class UnknownVideo(TalkingPhotoError):
    """No video has that id."""

    code = "unknown_video"
    http_status = 404


class VideoNotReady(TalkingPhotoError):
    """The video exists but has no content: still in work, or failed."""

    code = "video_not_ready"
    http_status = 409
    retryable = True


class VideoRunning(TalkingPhotoError):
    """The video is still in work."""

    code = "video_running"
    http_status = 409
    retryable = True


class IdempotencyMismatch(TalkingPhotoError):
    """The Idempotency-Key was used for another order."""

    code = "idempotency_mismatch"
    http_status = 422


class QueueFull(TalkingPhotoError):
    """More orders wait than are taken.

    `data["retry_after_s"]` is when some will be done.
    """

    code = "queue_full"
    http_status = 503
    retryable = True


class TooManyJobs(TalkingPhotoError):
    """The caller has as many videos in work as it may.

    `data["retry_after_s"]` is when one will be done.
    """

    code = "too_many_jobs"
    http_status = 429
    retryable = True


class DeadlineExceeded(TalkingPhotoError):
    """The video was not done in the time that an order is given."""

    code = "deadline_exceeded"
    http_status = 504
    retryable = True


class UnreadableImage(TalkingPhotoError):
    """The bytes are no JPEG, PNG or WebP picture, or a broken one."""

    code = "unreadable_image"
    http_status = 422


class ImageTooLarge(TalkingPhotoError):
    """The picture has more bytes or pixels than the limit."""

    code = "image_too_large"
    http_status = 413


class UnreadableClip(TalkingPhotoError):
    """The bytes are no MP4, MOV or WebM with pictures in it, or a broken one."""

    code = "unreadable_clip"
    http_status = 422


class ClipTooLarge(TalkingPhotoError):
    """The clip has more bytes, pixels or seconds than the limit."""

    code = "clip_too_large"
    http_status = 413


class ClipUnsupported(TalkingPhotoError):
    """The engine that runs moves the mouths of photos only."""

    code = "clip_unsupported"
    http_status = 422


class NoFace(TalkingPhotoError):
    """No face was found, or not the one that was asked for."""

    code = "no_face"
    http_status = 422


class EmptyText(TalkingPhotoError):
    """There is nothing to say."""

    code = "empty_text"
    http_status = 422


class TextTooLong(TalkingPhotoError):
    """The text is over the limit."""

    code = "text_too_long"
    http_status = 422


class InvalidScript(TalkingPhotoError):
    """The SSML is broken, or asks for what is not done here.

    `data` holds the `line`, and the `element`, `attribute` and what is `supported` where that is known.
    """

    code = "invalid_ssml"
    http_status = 422


class UnspeakableText(TalkingPhotoError):
    """The voice makes no sound of this text: another script, or only punctuation."""

    code = "unspeakable_text"
    http_status = 422


class UnknownVoice(TalkingPhotoError):
    """No voice has that voiceId.

    `data["known"]` lists those that exist.
    """

    code = "unknown_voice"
    http_status = 422

    @classmethod
    def among(cls, voice_id: str, voices: Iterable[str]) -> Self:
        """The error that lists `voices`."""
        known = sorted(voices)
        return cls(f"There is no voice {voice_id!r}; choose one of {_some(known)}.", {"known": known})


class VoiceLanguageMismatch(TalkingPhotoError):
    """The voice speaks another language than was asked for, or cannot read the text's letters.

    `data["suggested"]` lists the voices that could.
    """

    code = "voice_language_mismatch"
    http_status = 422

    @classmethod
    def suggesting(cls, problem: str, voices: list[str]) -> Self:
        """The error that says what is wrong, and which voices to choose from."""
        advice = f"Choose one of {_some(voices)}." if voices else "No voice here does: GET /v1/voices lists all."
        return cls(f"{problem} {advice}", {"suggested": voices})


class EngineUnavailable(TalkingPhotoError):
    """This service does not run that engine.

    `data["known"]` lists those that it does.
    """

    code = "engine_unavailable"
    http_status = 422

    @classmethod
    def among(cls, name: str, engines: Iterable[str]) -> Self:
        """The error that lists `engines`."""
        known = [*engines]
        weights = " It needs its weights: scripts/fetch-weights gets them." if name == "wav2lip" else ""
        detail = f"The {name} engine does not run here.{weights} Choose 'auto' or one of {', '.join(known)}."
        return cls(detail, {"param": "engine", "known": known})


class UnreadableAudio(TalkingPhotoError):
    """The bytes are no sound file that can be decoded, or hold no sound."""

    code = "unreadable_audio"
    http_status = 422


class AudioTooLong(TalkingPhotoError):
    """The sound is longer, or has more bytes, than the limit."""

    code = "audio_too_long"
    http_status = 413


class SpeechServerFailed(TalkingPhotoError):
    """The speech server behind a voice did not answer, or answered with an error."""

    code = "speech_server_failed"
    http_status = 502
    retryable = True


class CheckpointUnusable(TalkingPhotoError):
    """The file is not a Wav2Lip checkpoint, or is not there."""

    code = "checkpoint_unusable"


class StageFailed(TalkingPhotoError):
    """A stage broke for a reason of ours; asking again may help."""

    code = "stage_failed"
    http_status = 503
    retryable = True


class StorageUnavailable(TalkingPhotoError):
    """The object store did not answer."""

    code = "storage_unavailable"
    http_status = 503
    retryable = True


def _some(names: list[str]) -> str:
    """Return the first names; an error's data has all."""
    more = len(names) - SUGGESTIONS
    return ", ".join(names[:SUGGESTIONS]) + (f" and {more} more" if more > 0 else "")
