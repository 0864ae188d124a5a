"""The way of one video through the stages: speech and faces side by side, then video."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from deployments.errors import StageFailed, TalkingPhotoError
from deployments.jobs.order import VideoOrder
from deployments.jobs.records import Rendered, VideoRecord
from deployments.media import Clip
from deployments.retry import root_cause, twice

logger = logging.getLogger("ray.serve")


@dataclass(frozen=True)
class Stages:
    """A Serve handle for each stage (or what behaves like one: `stage.method.remote(...)`, awaitable)."""

    speech: Any
    faces: Any
    lipsync: Any
    video: Any
    storage: Any


class Trace:
    """How far a run is: `stage` is what runs now, `timings_s` what is done; `frames_done` of `frames` are encoded."""

    def __init__(self) -> None:
        self.started_at: datetime | None = None
        self.stage: str | None = None
        self.timings_s: dict[str, float] = {}
        self.frames: int | None = None
        self.frames_done = 0


class Pipeline:
    """Runs orders. `runs` counts, by stage name, how often a stage was asked for work."""

    def __init__(self, stages: Stages, stage_limit_s: float) -> None:
        self._stages = stages
        self._stage_limit_s = stage_limit_s
        self.runs: Counter[str] = Counter()

    async def run(self, record: VideoRecord, trace: Trace) -> Rendered:
        """Make the video and store it; return its measures.

        Raises a `TalkingPhotoError` that says which stage failed and why.
        """
        trace.started_at = datetime.now(UTC)
        order = record.order
        spoken, track = await asyncio.gather(
            self._stage(trace, "speech", lambda: self._speech(order)),
            self._stage(trace, "faces", lambda: self._faces(order)),
        )
        source = order.poster_key, track, spoken

        async def render() -> Any:  # noqa: ANN401 - a response
            return asyncio.create_task(self._video(record, trace, *source))

        rendered = await self._stage(trace, "video", render)
        clip: Clip = await rendered
        measures = asdict(clip) | {"duration_s": clip.duration_s}
        trace.timings_s |= {name: round(seconds, 4) for name, seconds in measures.pop("timings_s").items()}
        return Rendered(**measures)

    async def _speech(self, order: VideoOrder) -> Any:  # noqa: ANN401 - a response
        if order.audio_key:
            return self._stages.speech.decode.remote(await self._read(order.audio_key))
        said = order.passages(), order.voice_id, order.spoken_language, order.seed
        return self._stages.speech.begin.remote(*said, order.owner)

    async def _faces(self, order: VideoOrder) -> Any:  # noqa: ANN401 - a response
        return self._stages.faces.track.remote(await self._read(order.poster_key), order.source)

    async def _read(self, key: str) -> Any:  # noqa: ANN401 - a response
        """An object's bytes, by reference, once they are there.

        Were they handed on before, and the replica that reads them died, Serve would take that for the stage's own
        replica being unavailable, and try it again for ever.
        """
        response = self._stages.storage.read.remote(key)
        await response
        return response

    async def _video(self, record: VideoRecord, trace: Trace, *source: Any) -> Clip:  # noqa: ANN401 - responses
        """Follow the rendering to its end."""
        render = self._stages.video.options(stream=True).render
        keys = record.content_key, record.stream_prefix
        steps = render.remote(*source, record.order.acting(), *keys, record.order.owner)
        try:
            async for step in steps:
                if isinstance(step, Clip):
                    return step
                trace.frames_done, trace.frames = step.frames_done, step.frames
        except asyncio.CancelledError:
            steps.cancel()
            raise
        raise StageFailed("The video stage ended without a video. Ask again.")

    async def _stage(self, trace: Trace, name: str, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - a response
        """Make a call, a second time where that can help; return its response, to be passed on by reference."""
        trace.stage, began = name, time.perf_counter()

        async def attempt() -> Any:  # noqa: ANN401 - a response
            self.runs[name] += 1
            response = await call()
            try:
                await asyncio.wait_for(response, self._stage_limit_s)
            except (asyncio.CancelledError, TimeoutError):
                response.cancel()  # the stage stops, too
                raise
            return response

        try:
            return await twice(f"stage {name}", attempt, retryable_too=True)
        except Exception as error:
            cause = root_cause(error)
            if isinstance(cause, TalkingPhotoError):
                raise cause from None
            logger.exception("stage %s failed twice", name)
            raise StageFailed(f"The {name} stage failed twice ({type(cause).__name__}). Ask again.") from None
        finally:
            trace.timings_s[name] = round(time.perf_counter() - began, 4)
