"""What the drills share: orders, the wait for their end, and the form in which is told what was found."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

LIMIT_S = 60.0


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


async def order(http: httpx.AsyncClient, text: str, **fields: Any) -> httpx.Response:
    """Order a video of the sample poster, and do not wait for it."""
    asked = {"poster_id": "astronaut", "text": text, **fields}
    return await http.post("/v1/videos", json=asked, headers={"prefer": "wait=0"})


def client(url: str) -> httpx.AsyncClient:
    """A client of the service that waits for no free connection."""
    return httpx.AsyncClient(base_url=url, timeout=LIMIT_S, limits=httpx.Limits(max_connections=None))


async def ended(http: httpx.AsyncClient, video_ids: Iterable[str], within_s: float) -> list[dict[str, Any]]:
    """The videos as they ended, or as they stand when the time is over."""
    deadline_s = time.monotonic() + within_s
    videos = []
    for video_id in video_ids:
        while (video := (await http.get(f"/v1/videos/{video_id}")).json())["status"] in ("queued", "processing"):
            if time.monotonic() > deadline_s:
                break
            await asyncio.sleep(0.25)
        videos.append(video)
    return videos


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
