"""What the settings choose, as factories that run in the replica that needs them.

The imports stand inside the functions: neither the builder nor another replica loads what it does not use
(torch, OpenCV and onnxruntime take seconds each on two cores).
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from deployments.errors import CheckpointUnusable, SpeechServerFailed, StorageUnavailable
from serve_app.settings import (
    DiskStorage,
    FacesSettings,
    HibariVoice,
    LipsyncSettings,
    OutboundSettings,
    Settings,
    SpeechSettings,
    Storage,
    VideoSettings,
    VoiceServer,
    VoiceSettings,
    WebhooksSettings,
)

if TYPE_CHECKING:
    from deployments.faces.finder import FaceFinder
    from deployments.jobs.records import VideoRecord
    from deployments.jobs.webhooks import Webhooks
    from deployments.lipsync.engine import LipsyncEngine
    from deployments.speech.engine import SpeechEngine
    from deployments.speech.voices import Voice, Voices
    from deployments.storage.store import Store
    from deployments.video.render import Renderer

logger = logging.getLogger("ray.serve")

MINIO_VARIABLES = ("MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_BUCKET")


def voices(settings: SpeechSettings) -> Voices:
    """The voices that the settings name, and those of the servers that are there."""
    from deployments.speech.voices import Voice, Voices
    from deployments.voices import VoiceFacts

    def named(voice_id: str, settings: VoiceSettings) -> Voice:
        engine = voice(settings)
        return Voice(VoiceFacts(engine.version, settings.engine, settings.language, settings.gender, voice_id), engine)

    return Voices(
        {voice_id: named(voice_id, each) for voice_id, each in settings.voices.items()},
        {prefix: _voices_of(server) for prefix, server in settings.servers.items()},
    )


def voice(settings: VoiceSettings) -> SpeechEngine:
    """The engine behind a voiceId."""
    if isinstance(settings, HibariVoice):
        from deployments.speech.hibari import HibariEngine

        return HibariEngine(settings.speed)
    from deployments.speech.openai_http import OpenAiSpeechEngine, client_of

    client = client_of(_api_key(settings.api_key_env), settings.timeout_s)
    return OpenAiSpeechEngine(settings.base_url, settings.model, settings.voice, client, settings.timeout_s)


def _voices_of(server: VoiceServer) -> Callable[[], Mapping[str, Voice]]:
    """What asks a server for its voices, and raises `SpeechServerFailed` where they are not to be had."""
    from deployments.speech.voices import SpeechServer

    base_url = server.base_url or os.environ.get(server.base_url_env or "")
    unset = [name for name in (server.base_url_env, server.api_key_env) if name and not os.environ.get(name)]
    if base_url and not unset:
        return SpeechServer(base_url, _api_key(server.api_key_env), server.timeout_s).voices

    def missing() -> Mapping[str, Voice]:
        raise SpeechServerFailed(f"It needs the environment: {', '.join(unset)} is not set.")

    return missing


def _api_key(variable: str | None) -> str | None:
    return os.environ[variable].strip() if variable else None  # a secret made with `echo` ends a line


def face_finder(settings: FacesSettings, photo_fps: float) -> FaceFinder:
    """The face finder with its limits."""
    from deployments.faces.finder import FaceFinder
    from deployments.footage import ClipLimits

    _one_opencv_thread()
    return FaceFinder(
        settings.max_image_bytes,
        settings.max_pixels,
        settings.max_side_px,
        photo_fps=photo_fps,
        limits=ClipLimits(max_bytes=settings.max_clip_bytes, max_s=settings.max_clip_s),
    )


def lipsync(settings: LipsyncSettings, cpus: float, gpu_share: float) -> list[LipsyncEngine]:
    """The engines that move mouths, the default first, for a replica that has so much of the machine.

    The preview is always among them: beside Wav2Lip it takes 0.1 s to load and 4 MB. Raises `CheckpointUnusable` with
    the path where `wav2lip` finds no file.
    """
    from deployments.lipsync.preview.engine import PreviewEngine

    _one_opencv_thread()
    path = settings.checkpoint.absolute()
    if settings.engine == "preview" or (settings.engine == "auto" and not path.exists()):
        reason = "as configured" if settings.engine == "preview" else f"no checkpoint at {path}"
        logger.info("lip-sync engine: preview (%s)", reason)
        return [PreviewEngine()]
    if not path.exists():
        problem = f"lipsync.engine is wav2lip, but there is no checkpoint at {path}"
        raise CheckpointUnusable(f"{problem}: scripts/fetch-weights gets the published one.")
    # Threads that wait for each other shall not spin, since the encoder needs the cores: 10 % less time a video. It is
    # read when PyTorch is loaded, which this replica has not done yet.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from deployments.lipsync.wav2lip_engine import Options, Wav2LipEngine

    logger.info("lip-sync engine: wav2lip (%s)", path)
    options = Options(
        sha256=settings.checkpoint_sha256,
        device=settings.device,
        threads=settings.threads or max(1, math.ceil(cpus)),
        gpu_share=gpu_share or 1.0,  # none is reserved where Serve does not place by GPU
        silence=settings.silence,
        alignment=settings.alignment,
        precision=settings.precision,
    )
    return [Wav2LipEngine(path, options), PreviewEngine()]


def renderer(settings: VideoSettings) -> Renderer:
    """The renderer with its encoder options."""
    from deployments.video.encode import Encoding
    from deployments.video.render import Renderer

    _one_opencv_thread()
    return Renderer(Encoding(crf=settings.crf, preset=settings.preset))


def store(settings: Storage) -> Store:
    """The object store. Raises `StorageUnavailable` where a MINIO_* variable is missing."""
    if isinstance(settings, DiskStorage):
        from deployments.storage.disk import DiskStore

        return DiskStore(settings.root.absolute())
    from deployments.storage.minio import MinioStore

    if missing := [name for name in MINIO_VARIABLES if not os.environ.get(name)]:
        raise StorageUnavailable(f"storage.kind is minio, but these variables are not set: {', '.join(missing)}.")
    endpoint, access_key, secret_key, bucket = (os.environ[name] for name in MINIO_VARIABLES)
    return MinioStore(
        endpoint,
        access_key,
        secret_key,
        bucket,
        public_endpoint=settings.public_endpoint,
        region=settings.region,
    )


def webhooks(settings: WebhooksSettings, outbound: OutboundSettings, storage: Any) -> Webhooks | None:  # noqa: ANN401 - a handle
    """The sender of webhooks, if there are secrets to sign them with."""
    from deployments.jobs.webhooks import Webhooks
    from deployments.outbound import OutboundPolicy

    if settings.secrets_env is None:
        return None
    policy = OutboundPolicy(allow_networks=outbound.allow_networks)
    return Webhooks(storage, os.environ[settings.secrets_env].split(), policy, concurrent=settings.concurrent)


def video_object(settings: Settings, storage: Any) -> Callable[[VideoRecord], Awaitable[dict[str, Any]]]:  # noqa: ANN401 - a handle
    """What makes a record the API's video object, as plain JSON."""
    from deployments.jobs.index import Answer
    from serve_app.links import Links
    from serve_app.schemas import Video
    from serve_app.signing import Signer

    links = Links(SimpleNamespace(presigned_url=storage.url.remote), settings.http, Signer.of(settings.access))

    async def described(record: VideoRecord) -> dict[str, Any]:
        return Video.of(Answer(record), await links.all(record)).model_dump(mode="json")

    return described


def _one_opencv_thread() -> None:
    """Keep OpenCV from starting a thread a core in every replica: together they would fight for the same cores."""
    import cv2

    cv2.setNumThreads(1)
