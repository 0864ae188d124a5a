"""Visitors of an exhibition, for Locust: each user of it is a source of visits, and the shape says how many there are.

A visit is a greenlet of its own, so that a slow answer keeps no other visitor from coming. It orders, looks again when
`Retry-After` says so until the video is there, and plays it piece by piece. `python -m cluster.load` runs this file;
by itself: `locust -f cluster/load/locustfile.py --headless --host http://127.0.0.1:8000`.
"""

import os
import time
from typing import Any

import gevent
from gevent.pool import Group
from locust import FastHttpUser, LoadTestShape, events, task
from locust.stats import CSV_STATS_INTERVAL_SEC

from cluster.drills.load import go_first
from cluster.load.plan import Pair, Phases, Visitors, add_options

MOBILE = "/api/lipsync/generate-talking-photo"
PLAYED_AT_ONCE = 256 * 1024
"""Bytes of a range, as a player fetches them."""
DONE_WITHIN_S = 120.0
"""A video that is not there by then is a failure."""
MANY = 10_000
"""Connections that a source may have: none waits for another's."""


events.init_command_line_parser.add_listener(add_options)


class World:
    """What the visits of one run share: who comes, which pairs have been made, and the visits under way."""

    visitors: Visitors
    phases: Phases
    made: set[Pair]
    visits: Group


@events.init.add_listener  # not test_start: the shape is asked before that
def begin(environment: Any, **_: Any) -> None:
    """Open the doors."""
    given = environment.parsed_options
    World.visitors = Visitors(given.pairs, given.seed or int(time.time()))
    World.phases = Phases.of(given)
    World.made, World.visits = set(), Group()
    go_first()


@events.test_stop.add_listener
def end(**_: Any) -> None:
    """Let those who have come have what they came for."""
    World.visits.join(timeout=DONE_WITHIN_S)
    gevent.sleep(2 * CSV_STATS_INTERVAL_SEC)  # the tables are written so often, and not once more at the end


class Exhibition(LoadTestShape):
    """Quiet, a burst, quiet; then it closes."""

    def tick(self) -> tuple[int, float] | None:
        """The sources there are now, and how many may come or go in a second."""
        sources = World.phases.sources(self.get_run_time())
        return None if sources is None else (sources, 100.0)


class Source(FastHttpUser):
    """Sends visitors at exponential gaps."""

    concurrency = MANY
    network_timeout = 70.0
    connection_timeout = 10.0

    def on_start(self) -> None:
        """Show the key, where the environment has one; the first visitor comes after a gap, too."""
        if key := os.environ.get("API_KEY"):
            self.client.auth_header = f"Bearer {key}"
        gevent.sleep(self.wait_time())

    def wait_time(self) -> float:
        """The seconds until its next visitor."""
        return World.visitors.gap_s(World.phases.quiet_per_s)

    @task
    def send(self) -> None:
        """Send one, and do not wait for them."""
        visit = self.mobile if World.visitors.by_mobile_route() else self.video
        visitor = gevent.spawn(visit, World.visitors.next())
        visitor.link_exception(lambda broken: self._ended("broken", time.time(), broken.exception))
        World.visits.add(visitor)

    def mobile(self, pair: Pair) -> None:
        """A visit by the app: the service holds the answer for some seconds."""
        body = {"imageId": pair.poster_id, "text": pair.text, "voiceId": "default"}
        self._visit(pair, "mobile", MOBILE, body, {}, "videoId")

    def video(self, pair: Pair) -> None:
        """A visit by /v1/videos, whose answer comes at once: it looks again until the video is there."""
        body = {"poster_id": pair.poster_id, "text": pair.text}
        self._visit(pair, "videos", "/v1/videos", body, {"prefer": "wait=0"}, "id")

    def _visit(
        self, pair: Pair, route: str, path: str, body: dict[str, Any], headers: dict[str, str], id_field: str
    ) -> None:
        began_s, kind = time.time(), "cached" if pair in World.made else "new"
        with self.client.post(path, json=body, headers=headers, name=f"{route}, {kind}", catch_response=True) as answer:
            known, pause_s = _read(answer, {200, 202}), _pause_s(answer)
        if known is None:
            return
        if error := self._awaited(known[id_field], known, pause_s, began_s + DONE_WITHIN_S):
            self._ended(kind, began_s, error)
            return
        self._ended(kind, began_s, None)
        World.made.add(pair)
        self._play(known[id_field])

    def _awaited(self, video_id: str, video: dict[str, Any], pause_s: float, deadline_s: float) -> Exception | None:
        """Look until the video is completed; what became of it otherwise."""
        known: dict[str, Any] | None = video
        while known and known["status"] in ("queued", "processing") and time.time() < deadline_s:
            known, pause_s = self._looked(video_id, pause_s)
        completed = known and known["status"] == "completed"
        return None if completed else RuntimeError(f"{video_id} was not completed")

    def _looked(self, video_id: str, pause_s: float) -> tuple[dict[str, Any] | None, float]:
        """The video when it was time to look, and the seconds until it is again."""
        gevent.sleep(pause_s)
        with self.client.get(f"/v1/videos/{video_id}", name="status", catch_response=True) as answer:
            return _read(answer, {200}), _pause_s(answer)

    def _ended(self, kind: str, began_s: float, error: Exception | None) -> None:
        """Count a visit by how long it took from the order to the video."""
        took_ms = 1000 * (time.time() - began_s)
        self.environment.events.request.fire(
            request_type="visit",
            name=f"to the video, {kind}",
            response_time=took_ms,
            response_length=0,
            exception=error,
        )

    def _play(self, video_id: str) -> None:
        """Fetch it range by range."""
        first, size = 0, 1
        while first < size:
            ranges = {"range": f"bytes={first}-{first + PLAYED_AT_ONCE - 1}"}
            path = f"/v1/videos/{video_id}/content"
            with self.client.get(path, headers=ranges, name="content", catch_response=True) as answer:
                if answer.status_code != 206:
                    answer.failure(f"{answer.status_code} to a range")
                    return
                first, size = first + len(answer.content or b""), int(answer.headers["content-range"].split("/")[1])


def _read(answer: Any, wanted: set[int]) -> dict[str, Any] | None:
    """What it says; an answer that is not wanted is a failure, also a refusal that says when to ask again."""
    if answer.status_code in wanted:
        answer.success()
        said: dict[str, Any] = answer.json()
        return said
    answer.failure(f"{answer.status_code}: {(answer.text or '')[:200]}")
    return None


def _pause_s(answer: Any) -> float:
    """The seconds that it asks to wait for; the mobile contract's answers name none, and its app takes one."""
    return float((answer.headers or {}).get("retry-after", 1))
