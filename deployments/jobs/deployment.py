"""Jobs as a Serve deployment: one replica, since it holds the index of work in flight."""

import asyncio
import contextvars
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve import metrics
from ray.serve.context import _get_serve_request_context, _set_request_context
from ray.serve.handle import DeploymentHandle

from deployments.errors import (
    InvalidRequest,
    QueueFull,
    StageFailed,
    TooManyJobs,
    UnknownPoster,
    UnknownVideo,
    UnknownVoice,
)
from deployments.inspection import Inspection
from deployments.jobs.dedupe import Dedupe
from deployments.jobs.deliveries import Delivery, Kind, UnknownDelivery
from deployments.jobs.index import Answer, JobIndex, Limits
from deployments.jobs.order import Capabilities, VideoOrder, digest_of
from deployments.jobs.pipeline import Pipeline, Stages
from deployments.jobs.posters import Poster, Posters
from deployments.jobs.records import Records, VideoRecord
from deployments.jobs.voice_samples import VoiceSamples
from deployments.jobs.webhooks import Webhooks
from deployments.logs import name_videos, trace_id
from deployments.media import Paste
from deployments.meters import JobMeters
from deployments.retry import root_cause
from deployments.storage.store import StoredObject
from deployments.voices import VoiceList

logger = logging.getLogger("ray.serve")

ASK_AGAIN_AFTER_S = 0.5
REFRESH_S = 30.0
COUNT_EVERY_S = 2.0

ALONE_WITHIN_S = 60.0
"""How long a replica that is replaced may take to go: longer than its `graceful_shutdown_timeout_s`."""

RESUME_EVERY = 20
"""Refreshes, ten minutes: a cluster that this one replaces may leave orders behind it after this one began."""


def _is_alone() -> bool:
    """Whether Serve knows of no other replica of this deployment, in whatever state."""
    me = serve.get_replica_context()
    try:
        states = serve.status().applications[me.app_name].deployments[me.deployment].replica_states
    except Exception as error:
        logger.warning("Serve does not tell how many replicas there are: %s", root_cause(error))
        return False
    return sum(states.values()) <= 1


class LiveLimits(BaseModel):
    """What may change while the service runs; what is not given is as `jobs` has it."""

    model_config = ConfigDict(extra="forbid")

    running: int | None = Field(default=None, ge=1)
    queue: int | None = Field(default=None, ge=1)


def _apart(video_id: str) -> contextvars.Context:
    """A context without the request's cancellation, whose calls and log lines carry its id and the video's."""
    request_id = _get_serve_request_context().request_id
    context = contextvars.Context()
    context.run(_set_request_context, request_id=trace_id(request_id, video_id))
    return context


@serve.deployment
class JobsStage:
    """Orders, records and posters."""

    def __init__(
        self,
        speech: DeploymentHandle[Any],
        faces: DeploymentHandle[Any],
        lipsync: DeploymentHandle[Any],
        video: DeploymentHandle[Any],
        storage: DeploymentHandle[Any],
        *,
        video_options: dict[str, float | int | str],
        max_text_chars: int,
        paste: Paste,
        cache_dir: Path,
        keep_s: float,
        running: int,
        queue: int,
        deadline_s: float,
        stage_limit_s: float,
        dollars_per_place_hour: float | None,
        make_webhooks: Callable[[DeploymentHandle[Any]], Webhooks | None],
        make_video_object: Callable[[DeploymentHandle[Any]], Callable[[VideoRecord], Awaitable[dict[str, Any]]]],
        samples: dict[str, Path],
    ) -> None:
        name_videos()
        self._stages = Stages(speech, faces, lipsync, video, storage)
        self._video_options = video_options
        self._pipeline = Pipeline(self._stages, stage_limit_s)
        self._posters = Posters(storage, faces)
        dedupe = Dedupe(cache_dir, keep_s)
        self._webhooks = make_webhooks(storage)
        self._video_object = make_video_object(storage)
        self._meters = JobMeters(metrics, dollars_per_place_hour)
        self._index = JobIndex(
            Records(storage),
            dedupe,
            self._pipeline,
            running,
            Limits(queue),
            deadline_s,
            self._announce,
            _apart,
            self._meters.ended,
        )
        self._max_text_chars = max_text_chars
        self._paste = paste
        self._able: Capabilities | None = None
        self._listed = VoiceList({}, {})
        self._voice_samples = VoiceSamples(speech, storage)
        self._running, self._queue = running, queue
        self._starting = asyncio.create_task(self._start(samples))
        self._counting = asyncio.create_task(self._count())

    async def reconfigure(self, user_config: dict[str, int]) -> None:
        """Take other limits while running: `user_config` of the config file, `running` and `queue` as in `jobs`."""
        limits = LiveLimits.model_validate(user_config)
        self._index.resize(limits.running or self._running, limits.queue or self._queue)

    async def submit(
        self, order: VideoOrder, wait_s: float, most: int | None, idempotency_key: str | None
    ) -> Answer | QueueFull | TooManyJobs:
        """See `JobIndex.submit`. An order that names only a poster's id is for the picture it has now.

        What is refused since there is too much to do is returned: Serve writes a traceback for whatever is raised.
        """
        able = self._capabilities()
        if order.webhook:
            await self._sender().check(order.webhook)
        if not order.poster_key:
            poster = await self._posters.get(order.poster_id or "")
            order = order.model_copy(update={"poster_key": poster.key})
        try:
            answer = await self._index.submit(order, able, wait_s, most, idempotency_key)
        except (QueueFull, TooManyJobs) as refusal:
            return refusal
        self._meters.answered(answer.cache or "miss")
        return answer

    async def find(self, video_id: str, owner: str | None) -> Answer:
        """See `JobIndex.find`."""
        return await self._index.find(video_id, owner)

    async def page(self, owner: str, after: str, limit: int) -> tuple[list[Answer], str | None]:
        """See `JobIndex.page`."""
        return await self._index.page(owner, after, limit)

    async def cancel(self, video_id: str, owner: str | None) -> Answer:
        """See `JobIndex.cancel`."""
        return await self._index.cancel(video_id, owner)

    async def delete(self, video_id: str, owner: str | None) -> None:
        """See `JobIndex.delete`; what was told of it is forgotten, too, and where faces are in its uploads."""
        uploads = await self._index.delete(video_id, owner)
        if self._webhooks:
            await self._webhooks.forget(video_id)
        for key in uploads:
            await self._stages.faces.forget.remote(digest_of(key))

    async def deliveries(self, video_id: str, owner: str | None) -> list[Delivery]:
        """See `Webhooks.deliveries`."""
        await self._index.find(video_id, owner)
        return await self._webhooks.deliveries(video_id) if self._webhooks else []

    async def redeliver(self, video_id: str, delivery_id: str, owner: str | None) -> Delivery:
        """See `Webhooks.redeliver`."""
        await self._index.find(video_id, owner)
        if self._webhooks is None:
            raise UnknownDelivery("This service sends no webhooks, so the video has no delivery.")
        return await self._webhooks.redeliver(video_id, delivery_id)

    async def check_poster(self, image: bytes) -> Inspection:
        """See `Posters.check`."""
        return await self._posters.check(image)

    async def put_poster(self, poster_id: str, image: bytes) -> Poster:
        """See `Posters.put`."""
        return await self._posters.put(poster_id, image)

    async def get_poster(self, poster_id: str) -> Poster:
        """See `Posters.get`."""
        return await self._posters.get(poster_id)

    async def delete_poster(self, poster_id: str) -> None:
        """See `Posters.delete`; the videos made from its pictures go first, whosever they are."""
        await self._posters.get(poster_id)
        for video_id in await self._index.made_from(f"posters/{poster_id}/"):
            with suppress(UnknownVideo):  # deleted meanwhile
                await self.delete(video_id, None)
        await self._posters.delete(poster_id)

    async def engines(self) -> list[str]:
        """The engines that an order may name, the default first."""
        return [*self._capabilities().engines]

    async def voices(self) -> VoiceList:
        """The voices that an order may name."""
        self._capabilities()
        return self._listed

    async def voice_sample(self, voice_id: str) -> StoredObject:
        """See `VoiceSamples.find`. Raises `UnknownVoice`."""
        voices = self._capabilities().voices
        if voice_id not in voices:
            raise UnknownVoice.among(voice_id, voices)
        return await self._voice_samples.find(voice_id, voices[voice_id])

    async def status(self) -> dict[str, Any]:
        """The engine (null until the stages answered), and counts of answers and of stage runs since the start."""
        return {
            "engine": self._able and self._able.default_engine,
            "answers": dict(self._index.counts),
            "stage_runs": dict(self._pipeline.runs),
        }

    def _sender(self) -> Webhooks:
        if self._webhooks is None:
            raise InvalidRequest(
                "This service sends no webhooks: it has no secret to sign them with.", {"param": "webhook"}
            )
        return self._webhooks

    async def _announce(self, record: VideoRecord) -> None:
        if self._webhooks and record.order.webhook:
            kind = cast("Kind", f"video.{record.status}")
            data = await self._video_object(record)
            await self._webhooks.announce(record.id, record.order.webhook, kind, data, run=record.run)

    def _capabilities(self) -> Capabilities:
        if self._able is None:
            raise StageFailed("The service is starting: its stages have not answered yet. Ask again in a few seconds.")
        return self._able

    async def _start(self, samples: dict[str, Path]) -> None:
        """Learn what the stages can do, register the samples, take up unfinished work; then keep up to date."""
        while self._able is None:
            await self._refresh(self._register(poster_id, path) for poster_id, path in samples.items())
            await asyncio.sleep(ASK_AGAIN_AFTER_S)
        await self._alone()
        unfinished = True
        for refreshed in itertools.count(1):  # the lip-sync replica may come back with another engine
            unfinished = unfinished and not await self._resumed()
            await asyncio.sleep(REFRESH_S)
            await self._refresh()
            unfinished = unfinished or refreshed % RESUME_EVERY == 0

    async def _alone(self) -> None:
        """Wait until the replica that this one replaces is gone, and with it the work that it had in hand."""
        for _ in range(round(ALONE_WITHIN_S / ASK_AGAIN_AFTER_S)):
            if await asyncio.to_thread(_is_alone):
                return
            await asyncio.sleep(ASK_AGAIN_AFTER_S)
        logger.warning("there is another replica still, or Serve does not tell: unfinished videos are taken up")

    async def _count(self) -> None:
        """Tell how many videos are in work, and webhooks owed: Ray looks at gauges every few seconds."""
        while True:
            working = self._index.working
            self._meters.working(working["queued"], working["processing"])
            self._meters.owing(*(self._webhooks.owed if self._webhooks else (0, 0.0)))
            await asyncio.sleep(COUNT_EVERY_S)

    async def _resumed(self) -> bool:
        """Take up what is unfinished; whether the store could tell."""
        try:
            if videos := await self._index.resume():
                logger.info("took up %d unfinished videos", videos)
            if self._webhooks and (deliveries := await self._webhooks.resume()):
                logger.info("took up %d deliveries", deliveries)
        except Exception as error:
            logger.warning("unfinished videos cannot be taken up yet: %s", root_cause(error))
            return False
        return True

    async def _refresh(self, besides: Iterable[Awaitable[None]] = ()) -> None:
        try:
            engines, listed, *_ = await asyncio.gather(
                self._stages.lipsync.describe.remote(), self._stages.speech.voices.remote(), *besides
            )
        except Exception as error:
            logger.warning("the stages do not answer yet: %s", root_cause(error))
            return
        if self._able is None or engines != self._able.engines:
            logger.info("engines that move mouths, the default first: %s", engines)
        self._listed = listed.after(self._listed)
        self._able = Capabilities(
            voices=self._listed.voices,
            max_text_chars=self._max_text_chars,
            engines=engines,
            paste=self._paste,
            video=self._video_options,
        )

    async def _register(self, poster_id: str, path: Path) -> None:
        """Register a sample poster, unless a caller has given that id a picture."""
        try:
            await self._posters.get(poster_id)
        except UnknownPoster:
            await self._posters.put(poster_id, await asyncio.to_thread(path.read_bytes))
