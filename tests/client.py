"""What a caller does: order a video, wait for its end, fetch it."""

import time

MOBILE = "/api/lipsync/generate-talking-photo"


def order(http, files=None, wait_s=7, **fields):
    """POST /v1/videos as a form; return the answer."""
    return http.post("/v1/videos", data=fields, files=files, headers={"prefer": f"wait={wait_s}"})


def finished(http, answer, timeout_s=120):
    """The video's last state."""
    video = answer.json()
    video_id = video["id"]
    deadline = time.monotonic() + timeout_s
    while answer.status_code == 503 or video["status"] in ("queued", "processing"):
        assert time.monotonic() < deadline, video
        time.sleep(0.1)
        answer = http.get(f"/v1/videos/{video_id}")
        video = answer.json()
    return video


def mobile(http, **body):
    """POST the mobile route as an app does: again while the answer is that it is being made."""
    while (answer := http.post(MOBILE, json=body)).status_code == 202:
        pass  # each answer took the seconds that the service waits
    return answer


def counts(http):
    """Answers and stage runs so far."""
    return http.get("/readyz").json()["counts"]
