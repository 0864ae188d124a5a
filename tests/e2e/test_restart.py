"""The short form of the drill: everything is killed at once in the middle of work, and started again."""

import contextlib
import random
import time
from collections import Counter

import httpx
import psutil
from client import order

from local_service import local_service

JOBS = 5
TEXT = "This is order number {}, which was accepted before the power went away, and must be heard after it came back."


def killed(service):
    """SIGKILL every process of the service."""
    for process in service.processes():
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(service.processes(), 10)


def test_what_was_accepted_ends_completed_though_everything_was_killed(tmp_path):
    rng = random.Random(7)
    with local_service(tmp_path) as first, httpx.Client(base_url=first.url, timeout=60) as http:
        accepted = [order(http, wait_s=0, poster_id="astronaut", text=TEXT.format(i)) for i in range(JOBS)]
        assert {answer.status_code for answer in accepted} == {202}
        ids = [answer.json()["id"] for answer in accepted]
        time.sleep(rng.uniform(0.5, 3))
        killed(first)
    with local_service(tmp_path) as second, httpx.Client(base_url=second.url, timeout=60) as http:
        deadline = time.monotonic() + 180
        while any(http.get(f"/v1/videos/{video_id}").json()["status"] != "completed" for video_id in ids):
            assert time.monotonic() < deadline, [http.get(f"/v1/videos/{video_id}").json() for video_id in ids]
            time.sleep(0.5)
        deadline = time.monotonic() + 20
        while [*(tmp_path / "objects").glob("**/pending/*")]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for video_id in ids:
            assert http.get(f"/v1/videos/{video_id}/content", headers={"range": "bytes=4-7"}).content == b"ftyp"
        listed = Counter(video["id"] for video in http.get("/v1/videos", params={"limit": 100}).json()["videos"])
        assert listed == Counter(ids)
