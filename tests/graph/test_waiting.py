"""Work that takes longer than a caller waits: the answer says so, and asking again gives the result."""

import time

import pytest
from client import finished, order

LONG = "A poster that has a great deal to say takes its time, and nobody should have to hold the line for that. " * 9


@pytest.fixture(scope="module")
def body():
    return {"imageId": "illustration", "text": LONG}


def test_the_mobile_route_answers_processing_in_time_and_the_video_when_asked_again(http, body):
    began = time.monotonic()
    answer = http.post("/api/lipsync/generate-talking-photo", json=body)
    assert 6 < time.monotonic() - began < 10  # OkHttp gives up at 10 s
    assert answer.status_code == 202
    reply = answer.json()
    assert (reply["success"], reply["status"], reply["videoUrl"]) == (True, "processing", None)
    early = http.get(f"/v1/videos/{reply['videoId']}/content")
    assert (early.status_code, early.json()["code"]) == (409, "video_not_ready")
    while (again := http.post("/api/lipsync/generate-talking-photo", json=body)).status_code == 202:
        assert time.monotonic() - began < 120
    assert (again.status_code, again.json()["videoId"]) == (200, reply["videoId"])
    assert again.json()["duration"] > 30


def test_a_caller_chooses_how_long_to_wait(http):
    answer = order(http, wait_s=0, poster_id="astronaut", text="I do not wait for you.")
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/videos/{answer.json()['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    assert finished(http, answer)["status"] == "completed"
