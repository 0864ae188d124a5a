"""What a caller does: order a video, wait for its end, fetch it."""

import time


def order(http, files=None, wait_s=7, **fields):
    """POST /v1/videos as a form; return the answer."""
    return http.post("/v1/videos", data=fields, files=files or {"": b""}, headers={"prefer": f"wait={wait_s}"})


def finished(http, answer, timeout_s=120):
    """The video's last state."""
    video = answer.json()
    deadline = time.monotonic() + timeout_s
    while video["status"] in ("queued", "processing"):
        assert time.monotonic() < deadline, video
        time.sleep(0.1)
        video = http.get(f"/v1/videos/{video['id']}").json()
    return video


def counts(http):
    """Answers and stage runs so far."""
    return http.get("/readyz").json()["counts"]
