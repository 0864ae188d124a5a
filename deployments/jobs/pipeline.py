"""The way of one video through the stages: speech and faces side by side, then drive and video."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from deployments.errors import StageFailed, TalkingPhotoError
from deployments.jobs.records import Rendered, VideoRecord
from deployments.media import Clip

logger = logging.getLogger("ray.serve")

RETRY_AFTER_S = 0.5
"""Long enough for the router to learn that a replica is gone."""


def root_cause(error: Exception) -> Exception:
    """The error as the stage raised it: Ray hands over a wrapper that holds it as `cause`."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, Exception) else error


@dataclass(frozen=True)
class Stages:
    """A Serve handle for each stage (or what behaves like one: `stage.method.remote(...)`, awaitable)."""

    speech: Any
    faces: Any
    lipsync: Any
    video: Any
    storage: Any


class Trace:
    """How far a run is: `stage` names what runs now, `timings_s` what is done."""

    def __init__(self) -> None:
        self.stage: str | None = None
        self.timings_s: dict[str, float] = {}


class Pipeline:
    """Runs orders. `runs` counts, by stage name, how often a stage was asked for work."""

    def __init__(self, stages: Stages, fps: float, stage_limit_s: float) -> None:
        self._stages = stages
        self._fps = fps
        self._stage_limit_s = stage_limit_s
        self.runs: Counter[str] = Counter()

    async def run(self, record: VideoRecord, trace: Trace) -> tuple[str, Rendered]:
        """Make the video and store it; return the engine that did it, and the measures.

        Raises a `TalkingPhotoError` that says which stage failed and why.
        """
        stages, order = self._stages, record.order
        speech, track = await asyncio.gather(
            self._stage(trace, "speech", lambda: self._speech(record)),
            self._stage(
                trace,
                "faces",
                lambda: stages.faces.track.remote(stages.storage.read.remote(order.poster_key), order.face_index),
            ),
        )
        drive = await self._stage(trace, "drive", lambda: stages.lipsync.drive.remote(speech, self._fps))
        rendered = await self._stage(
            trace, "video", lambda: stages.video.render.remote(track, speech, drive, record.content_key)
        )
        clip: Clip = await rendered
        return (await drive).engine, Rendered(**asdict(clip), duration_s=clip.duration_s)

    def _speech(self, record: VideoRecord) -> Any:  # noqa: ANN401 - a response
        order = record.order
        if order.audio_key is None:
            return self._stages.speech.speak.remote(order.text, order.voice_id)
        return self._stages.speech.decode.remote(self._stages.storage.read.remote(order.audio_key))

    async def _stage(self, trace: Trace, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - a response
        """Await a call, a second time where that can help; return the response, to be passed on by reference."""
        trace.stage, began = name, time.perf_counter()
        try:
            return await self._attempt(name, call)
        except Exception as error:
            cause = root_cause(error)
            if isinstance(cause, TalkingPhotoError) and not cause.retryable:
                raise cause from None
            logger.warning("stage %s failed, trying once more: %s", name, cause)
            await asyncio.sleep(RETRY_AFTER_S)
            return await self._last_attempt(name, call)
        finally:
            trace.timings_s[name] = round(time.perf_counter() - began, 4)

    async def _attempt(self, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - a response
        self.runs[name] += 1
        response = call()
        await asyncio.wait_for(response, self._stage_limit_s)
        return response

    async def _last_attempt(self, name: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - a response
        try:
            return await self._attempt(name, call)
        except Exception as error:
            cause = root_cause(error)
            logger.exception("stage %s failed twice", name)
            if isinstance(cause, TalkingPhotoError):
                raise cause from None
            raise StageFailed(f"The {name} stage failed twice ({type(cause).__name__}). Ask again.") from None
