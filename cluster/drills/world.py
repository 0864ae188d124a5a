"""What the drills share: orders, the wait for their end, and the form in which is told what was found."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from cluster.testbed.webhooks import SECRET, Receiver
from deployments.jobs.records import VideoRecord
from deployments.storage.store import Store

LIMIT_S = 60.0
LOOK_AGAIN_AFTER_S = 0.1

WITH_WEBHOOKS = {
    "lipsync": {"engine": "preview"},
    "webhooks": {"secrets_env": "WEBHOOK_SECRETS"},
    "outbound": {"allow_networks": ["127.0.0.0/8"]},
}
"""`args` of a service that tells the receiver on this machine."""

WEBHOOK_ENV = {"WEBHOOK_SECRETS": SECRET}


@dataclass(frozen=True)
class Found:
    """What a drill found: `figures`, and lines that must hold, with whether they did.

    `held` must hold on any machine; `in_time` needs one with nothing else to do.
    """

    figures: dict[str, Any]
    held: dict[str, bool]
    in_time: dict[str, bool]

    def missed(self) -> list[str]:
        """The lines that were not met."""
        return [line for line, met in (self.held | self.in_time).items() if not met]

    def as_json(self) -> dict[str, Any]:
        """The figures, the lines, and whether all were met."""
        return self.figures | {"lines": self.held | self.in_time, "met": not self.missed()}

    def report(self) -> str:
        """The same in words."""
        figures = [f"  {name}: {_words(value)}" for name, value in self.figures.items()]
        lines = [f"  {'ok ' if met else 'NOT'} {line}" for line, met in (self.held | self.in_time).items()]
        return "\n".join([*figures, *lines])


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_words(part)}" for name, part in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


async def order(http: httpx.AsyncClient, text: str, wait_s: int = 0, **fields: Any) -> httpx.Response:
    """Order a video of the sample poster, and wait so long for its end."""
    asked = {"poster_id": "astronaut", "text": text, **fields}
    return await http.post("/v1/videos", json=asked, headers={"prefer": f"wait={wait_s}"})


def client(url: str) -> httpx.AsyncClient:
    """A client of the service that waits for no free connection."""
    return httpx.AsyncClient(base_url=url, timeout=LIMIT_S, limits=httpx.Limits(max_connections=None))


async def ended(http: httpx.AsyncClient, video_ids: Iterable[str], within_s: float) -> list[dict[str, Any]]:
    """The videos as they ended, or as they stand when the time is over."""
    deadline_s = time.monotonic() + within_s
    videos = []
    for video_id in video_ids:
        while (video := await _seen(http, video_id))["status"] in ("queued", "processing", "unknown"):
            if time.monotonic() > deadline_s:
                break
            await asyncio.sleep(0.25)
        videos.append(video)
    return videos


async def _seen(http: httpx.AsyncClient, video_id: str) -> dict[str, Any]:
    with contextlib.suppress(httpx.HTTPError):
        answer = await http.get(f"/v1/videos/{video_id}")
        if answer.is_success:
            return dict(answer.json())
    return {"id": video_id, "status": "unknown"}


async def listed(http: httpx.AsyncClient) -> list[str]:
    """The ids in the list of videos, from its first page to its last."""
    ids, cursor = [], ""
    while cursor is not None:
        page = (await http.get("/v1/videos", params={"limit": 100, "cursor": cursor})).json()
        ids += [video["id"] for video in page["videos"]]
        cursor = page["next_cursor"]
    return ids


async def playable(http: httpx.AsyncClient, video: dict[str, Any]) -> bool:
    """Whether its content is an MP4."""
    answer = await http.get(f"/v1/videos/{video['id']}/content", headers={"range": "bytes=4-7"})
    return answer.content == b"ftyp"


def all_completed(videos: Iterable[dict[str, Any]]) -> bool:
    """Whether every one of them is."""
    return all(video["status"] == "completed" for video in videos)


def records_in(store: Store) -> list[VideoRecord]:
    """Every record that is there."""
    return [VideoRecord.model_validate_json(store.read(key)) for key in store.list("videos/")]


def contents_of(records: Iterable[VideoRecord]) -> list[str]:
    """The keys of their MP4s and captions, sorted."""
    return sorted(key for record in records for key in (record.content_key, *map(record.captions_key, ("vtt", "srt"))))


def nothing_owed(store: Store) -> bool:
    """Whether every accepted video has ended, and been told."""
    return not (store.list("pending/") or store.list("webhooks/pending/"))


def written_at(store: Store, key: str) -> datetime | None:
    """When the object was written, if it is there."""
    found = store.stat(key)
    return found.modified_at if found else None


def webhook_ids(receiver: Receiver) -> dict[str, set[str]]:
    """By video, the ids under which its end was told."""
    told = defaultdict(set)
    for event in list(receiver.events):
        told[event.payload["data"]["id"]].add(event.webhook_id)
    return told


def wait_until(true: Callable[..., bool], *args: object, within_s: float) -> bool:
    """Wait until the function says so; return whether it did in time."""
    deadline_s = time.monotonic() + within_s
    while not (done := true(*args)) and time.monotonic() < deadline_s:
        time.sleep(LOOK_AGAIN_AFTER_S)
    return done
