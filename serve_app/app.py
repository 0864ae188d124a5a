"""The whole graph on one screen: `serve run configs/local.yaml` calls `build` with the file's `args`."""

from collections.abc import Callable, Iterable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from ray.serve import Application

from deployments.faces.deployment import FacesStage
from deployments.jobs.deployment import JobsStage
from deployments.lipsync.deployment import LipsyncStage
from deployments.lipsync.engine import LipsyncEngine
from deployments.speech.deployment import SpeechStage
from deployments.storage.deployment import StorageStage
from deployments.video.deployment import VideoStage
from serve_app import engines
from serve_app.ingress import Ingress
from serve_app.settings import Settings

SAMPLES = {"astronaut": "astronaut.png", "illustration": "illustration.png"}


def build(args: Settings) -> Application:
    """The graph as a config file wants it."""
    return graph(args, partial(engines.lipsync, args.lipsync))


def graph(args: Settings, make_engines: Callable[[float, float], Iterable[LipsyncEngine]]) -> Application:
    """Wire ingress - jobs - (speech, faces) - video - lipsync, and storage. `make_engines` is `LipsyncStage`'s."""
    make_store = partial(engines.store, args.storage)
    storage = _bind(StorageStage, make_store)
    speech = _bind(
        SpeechStage,
        partial(engines.voices, args.speech),
        args.speech.max_audio_s,
        args.speech.max_audio_bytes,
    )
    keep_s = args.jobs.cache_hours * 3600
    cache_dir = args.jobs.cache_dir.absolute()
    faces = _bind(
        FacesStage, partial(engines.face_finder, args.faces, args.video.fps), cache_dir / "face-tracks", keep_s
    )
    lipsync = _bind(LipsyncStage, make_engines)
    video = _bind(
        VideoStage, speech, lipsync, partial(engines.renderer, args.video), make_store, args.video.chunk_frames
    )
    jobs = _bind(
        JobsStage,
        speech,
        faces,
        lipsync,
        video,
        storage,
        video_options=args.video.model_dump(exclude={"chunk_frames"}) | {"max_side_px": args.faces.max_side_px},
        max_text_chars=args.speech.max_text_chars,
        paste=args.lipsync.paste,
        cache_dir=cache_dir,
        keep_s=keep_s,
        running=args.jobs.running,
        queue=args.jobs.queue,
        deadline_s=args.jobs.deadline_s,
        stage_limit_s=args.jobs.stage_limit_s,
        dollars_per_place_hour=args.jobs.dollars_per_place_hour,
        make_webhooks=partial(engines.webhooks, args.webhooks, args.outbound),
        make_video_object=partial(engines.video_object, args),
        samples=_samples() if args.jobs.samples else {},
    )
    return _bind(Ingress, jobs, storage, args)


def _bind(stage: Any, *args: Any, **kwargs: Any) -> Application:  # noqa: ANN401 - Ray types a deployment as its class
    """The stage with its constructor's arguments; a bound stage among them becomes a handle."""
    bound: Application = stage.bind(*args, **kwargs)
    return bound


def _samples() -> dict[str, Path]:
    folder = Path(str(files("serve_app"))) / "samples"
    return {poster_id: folder / name for poster_id, name in SAMPLES.items()}
