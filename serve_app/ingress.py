"""The Serve ingress: the ASGI app, and the service behind its routes in terms of handles."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from fastapi import FastAPI
from ray import serve
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import DeploymentStatusOverview

from deployments.errors import StageFailed, TalkingPhotoError
from deployments.inspection import Inspection
from deployments.jobs.deliveries import Delivery
from deployments.jobs.index import Answer
from deployments.jobs.order import VideoOrder
from deployments.jobs.posters import Poster
from deployments.retry import root_cause, twice
from deployments.storage.store import StoredObject
from deployments.voices import VoiceList
from serve_app.api import make_api
from serve_app.service import Readiness
from serve_app.settings import Settings

T = TypeVar("T")

PIECE_BYTES = 1 << 20
ANSWER_WITHIN_S = 8.0
"""For calls that only look something up: OkHttp gives up at 10 s."""

SUBMIT_GRACE_S = 2.0
"""How much later than the wait itself an order's answer may come."""

UPLOAD_WITHIN_S = 60.0
READY_WITHIN_S = 5.0
READY = "ready"


class RayService:
    """`Service` by handles."""

    def __init__(self, jobs: DeploymentHandle[Any], storage: DeploymentHandle[Any]) -> None:
        self._jobs = jobs
        self._storage = storage

    async def submit(
        self, order: VideoOrder, wait_s: float, most: int | None = None, idempotency_key: str | None = None
    ) -> Answer:
        """See `Service`."""
        deadline_s = time.monotonic() + wait_s
        within_s = max(wait_s + SUBMIT_GRACE_S, ANSWER_WITHIN_S)

        def call() -> Awaitable[Answer | TalkingPhotoError]:
            left_s = max(0.0, deadline_s - time.monotonic())
            return self._jobs.submit.remote(order, left_s, most, idempotency_key)

        answer = await _call(call, within_s)
        if isinstance(answer, TalkingPhotoError):
            raise answer
        return answer

    async def find(self, video_id: str, owner: str | None = None) -> Answer:
        """See `Service`."""
        return await _call(partial(self._jobs.find.remote, video_id, owner))

    async def page(self, owner: str, after: str, limit: int) -> tuple[list[Answer], str | None]:
        """See `Service`."""
        return await _call(partial(self._jobs.page.remote, owner, after, limit))

    async def cancel(self, video_id: str, owner: str | None) -> Answer:
        """See `Service`."""
        return await _call(partial(self._jobs.cancel.remote, video_id, owner))

    async def delete(self, video_id: str, owner: str | None) -> None:
        """See `Service`."""
        await _call(partial(self._jobs.delete.remote, video_id, owner), UPLOAD_WITHIN_S)

    async def deliveries(self, video_id: str, owner: str | None) -> list[Delivery]:
        """See `Service`."""
        return await _call(partial(self._jobs.deliveries.remote, video_id, owner))

    async def redeliver(self, video_id: str, delivery_id: str, owner: str | None) -> Delivery:
        """See `Service`."""
        return await _call(partial(self._jobs.redeliver.remote, video_id, delivery_id, owner))

    async def engines(self) -> list[str]:
        """See `Service`."""
        return await _call(self._jobs.engines.remote)

    async def voices(self) -> VoiceList:
        """See `Service`."""
        return await _call(self._jobs.voices.remote)

    async def voice_sample(self, voice_id: str) -> StoredObject:
        """See `Service`."""
        return await _call(partial(self._jobs.voice_sample.remote, voice_id), UPLOAD_WITHIN_S)

    async def check_poster(self, image: bytes) -> Inspection:
        """See `Service`."""
        return await _call(partial(self._jobs.check_poster.remote, image), UPLOAD_WITHIN_S)

    async def keep_upload(self, data: bytes, content_type: str) -> str:
        """See `Service`."""
        sha256 = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
        key = f"uploads/{sha256}"
        await _call(partial(self._storage.put.remote, key, data, content_type), UPLOAD_WITHIN_S)
        return key

    async def put_poster(self, poster_id: str, image: bytes) -> Poster:
        """See `Service`."""
        return await _call(partial(self._jobs.put_poster.remote, poster_id, image), UPLOAD_WITHIN_S)

    async def get_poster(self, poster_id: str) -> Poster:
        """See `Service`."""
        return await _call(partial(self._jobs.get_poster.remote, poster_id))

    async def delete_poster(self, poster_id: str) -> None:
        """See `Service`."""
        await _call(partial(self._jobs.delete_poster.remote, poster_id))

    async def content(self, key: str) -> StoredObject | None:
        """See `Service`."""
        return await _call(partial(self._storage.stat.remote, key))

    async def read(self, key: str, start: int, stop: int) -> AsyncIterator[bytes]:
        """See `Service`."""
        for first in range(start, stop, PIECE_BYTES):
            yield await _call(partial(self._storage.read.remote, key, first, min(PIECE_BYTES, stop - first)))

    async def presigned_url(self, key: str, expires_s: int) -> str | None:
        """See `Service`."""
        return await _call(partial(self._storage.url.remote, key, expires_s))

    async def readiness(self) -> Readiness:
        """A stage is ready when Serve has a healthy replica of it and, for jobs and storage, when it answers.

        Where it has fewer than it wants, its state tells why: which resources no node has, for example.
        """
        replicas, jobs, storage = await asyncio.gather(_replica_states(), self._status(), self._storage_state())
        stages = replicas | {name: state for name, state in (("jobs", jobs[0]), ("storage", storage)) if state != READY}
        ready = all(state.startswith(READY) for state in stages.values())
        return Readiness(ready, jobs[1].get("engine"), stages, {k: v for k, v in jobs[1].items() if k != "engine"})

    async def _status(self) -> tuple[str, dict[str, Any]]:
        try:
            status = await _call(self._jobs.status.remote, READY_WITHIN_S)
        except TalkingPhotoError as error:
            return f"no answer: {error}", {}
        return (READY if status["engine"] else "waiting for the other stages"), status

    async def _storage_state(self) -> str:
        try:
            await _call(self._storage.check.remote, READY_WITHIN_S)
        except TalkingPhotoError as error:
            return f"no answer: {error}"
        return READY


async def _call(call: Callable[[], Awaitable[T]], within_s: float = ANSWER_WITHIN_S) -> T:
    """Await a handle's answer; every call here can be repeated."""
    try:
        async with asyncio.timeout(within_s):
            return await twice("a call", call)
    except TimeoutError:
        raise StageFailed(f"The service did not answer within {within_s:g} s. Ask again.") from None
    except Exception as error:
        if isinstance(cause := root_cause(error), TalkingPhotoError):
            raise cause from None
        raise StageFailed(f"A part of the service failed twice ({type(cause).__name__}). Ask again.") from error


async def _replica_states() -> dict[str, str]:
    """Each deployment of this application: `ready` with a running replica, otherwise what Serve says of it."""
    name = serve.get_replica_context().app_name
    try:
        status = await asyncio.wait_for(asyncio.to_thread(serve.status), READY_WITHIN_S)
    except Exception as error:
        return {"Serve": f"the controller does not answer ({type(error).__name__})"}
    return {deployment: _state(info) for deployment, info in status.applications[name].deployments.items()}


def _state(info: DeploymentStatusOverview) -> str:
    status = info.status.value
    told = f"{status}: {info.message}".rstrip(": ")
    if not _running(info):
        return told
    return READY if status == "HEALTHY" or not info.message else f"{READY}, but {told}"


def _running(info: DeploymentStatusOverview) -> bool:
    counts: Mapping[Any, int] = info.replica_states  # typed by Ray with its enum's members, filled with their names
    return counts.get("RUNNING", 0) > 0


@serve.deployment
@serve.ingress()
class Ingress:
    """The ASGI app as a deployment."""

    def __init__(self, jobs: DeploymentHandle[Any], storage: DeploymentHandle[Any], settings: Settings) -> None:
        self._service = RayService(jobs, storage)
        self._settings = settings

    def __serve_build_asgi_app__(self) -> FastAPI:
        """Called by Serve in the replica, after the constructor."""
        return make_api(self._service, self._settings)
