"""The resource API beside the mobile route: list, cancel, delete, idempotency, checks and limits."""

import json
import time
import uuid

import psutil
from client import finished, order

LONG = "This is a long story that takes its time, because somebody will not want to hear all of it. " * 10


def test_videos_are_listed_the_newest_first_with_what_their_caller_said_of_them(http):
    marks = [uuid.uuid4().hex for _ in range(3)]
    for mark in marks:
        finished(http, order(http, poster_id="astronaut", text="Listed.", metadata=json.dumps({"mark": mark})))
    first = http.get("/v1/videos", params={"limit": 2}).json()
    second = http.get("/v1/videos", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    listed = [video["metadata"].get("mark") for video in first["videos"] + second["videos"]]
    assert listed[:3] == marks[::-1]


def test_a_canceled_video_stops_within_a_chunk(service, http):
    video = order(http, wait_s=0, poster_id="astronaut", text=LONG + uuid.uuid4().hex).json()
    deadline = time.monotonic() + 30
    while http.get(f"/v1/videos/{video['id']}").json()["stage"] != "video":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    answer = http.post(f"/v1/videos/{video['id']}/cancel").json()
    assert answer["status"] == "canceled"
    time.sleep(1)
    busy = [psutil.Process(p.pid) for stage in ("VideoStage", "LipsyncStage") for p in service.replicas(stage)]
    before = sum(sum(process.cpu_times()[:2]) for process in busy)
    time.sleep(1)
    used_s = sum(sum(process.cpu_times()[:2]) for process in busy) - before
    assert used_s < 0.3  # it took both cores before
    assert http.get(f"/v1/videos/{video['id']}").json()["status"] == "canceled"


def test_an_idempotency_key_replays_the_same_order_and_refuses_another(http):
    key = {"idempotency-key": uuid.uuid4().hex}
    form = {"poster_id": "astronaut", "text": "Once."}
    first, again = (http.post("/v1/videos", data=form, files={"": b""}, headers=key).json() for _ in range(2))
    assert first["id"] == again["id"]
    other = http.post("/v1/videos", data=form | {"text": "Twice."}, files={"": b""}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


def test_a_deleted_video_is_gone_and_made_anew_when_it_is_asked_for(http):
    video = finished(http, order(http, poster_id="astronaut", text="To be deleted."))
    assert http.delete(f"/v1/videos/{video['id']}").status_code == 204
    for path in ("", "/content", "/stream.m3u8", "/deliveries"):
        assert http.get(f"/v1/videos/{video['id']}{path}").status_code == 404
    assert order(http, poster_id="astronaut", text="To be deleted.").json()["cache"] == "miss"


def test_a_picture_can_be_checked_before_it_is_a_poster(http):
    picture = http.get("/v1/posters/astronaut").json()
    with open("tests/assets/poster.png", "rb") as file:
        found = http.post("/v1/posters/check", content=file.read()).json()
    assert found == {name: picture[name] for name in ("content_type", "width", "height", "faces")}


def test_metadata_must_be_strings(http):
    answer = order(http, poster_id="astronaut", text="Hello.", metadata="[1]")
    assert (answer.status_code, answer.json()["param"]) == (422, "metadata")


def test_limits_are_told(http):
    limits = http.get("/v1/limits").json()
    assert limits["max_text_chars"] == 1000
    assert limits["max_body_bytes"] > limits["max_audio_bytes"] > limits["max_image_bytes"]


def test_a_problem_names_its_request(http):
    answer = http.get("/v1/videos/vid_" + "0" * 32, headers={"x-request-id": "abc-123"})
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "abc-123"
