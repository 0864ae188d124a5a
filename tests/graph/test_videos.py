"""The resource API beside the mobile route: list, cancel, delete, idempotency, checks and limits."""

import base64
import json
import time
import uuid
from pathlib import Path

import diskcache
import psutil
import pytest
from client import finished, order

POSTER = Path(__file__).parents[1] / "assets" / "poster.png"
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
    first, again = (http.post("/v1/videos", data=form, headers=key).json() for _ in range(2))
    assert first["id"] == again["id"]
    other = http.post("/v1/videos", data=form | {"text": "Twice."}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")


def stored(service):
    """What the store and the cache of finished videos hold."""
    folder = service.log.parent
    with diskcache.Cache(folder / "cache") as cache:
        return {path for path in (folder / "objects").rglob("*") if path.is_file()} | set(cache)


def test_a_deleted_video_leaves_nothing_of_itself_or_of_its_uploads(service, http):
    before = stored(service)
    files = {"poster": POSTER.read_bytes() + uuid.uuid4().bytes}
    video = finished(http, order(http, files, text="Nobody shall find this."))
    assert video["status"] == "completed", video
    assert len(stored(service) - before) >= 9  # record, marks, upload, content, stream, memory of it
    assert http.delete(f"/v1/videos/{video['id']}").status_code == 204
    assert stored(service) - before == set()


def test_a_deleted_poster_takes_its_videos_with_it(http):
    http.put("/v1/posters/leaving", content=POSTER.read_bytes())
    video = finished(http, order(http, poster_id="leaving", text="I was here."))
    assert http.delete("/v1/posters/leaving").status_code == 204
    assert http.get(f"/v1/videos/{video['id']}").status_code == 404


def test_a_deleted_video_is_gone_and_made_anew_when_it_is_asked_for(http):
    video = finished(http, order(http, poster_id="astronaut", text="To be deleted."))
    assert http.delete(f"/v1/videos/{video['id']}").status_code == 204
    for path in ("", "/content", "/stream.m3u8", "/deliveries"):
        assert http.get(f"/v1/videos/{video['id']}{path}").status_code == 404
    assert order(http, poster_id="astronaut", text="To be deleted.").json()["cache"] == "miss"


def test_a_picture_can_be_checked_before_it_is_a_poster(http):
    picture = http.get("/v1/posters/astronaut").json()
    found = http.post("/v1/posters/check", content=POSTER.read_bytes()).json()
    assert [face["box"] for face in found["faces"]] == picture["faces"]
    assert {name: found[name] for name in ("content_type", "width", "height")}.items() <= picture.items()


def test_an_order_as_json_is_the_same_order_as_a_form(http):
    text = f"Said twice. {uuid.uuid4().hex[:4]}"
    form = finished(http, order(http, poster_id="astronaut", text=text, pads="0 12 0 0", metadata='{"a": "b"}'))
    body = {"poster_id": "astronaut", "text": text, "pads": [0, 12, 0, 0], "metadata": {"a": "b"}}
    answer = http.post("/v1/videos", json=body)
    assert (answer.json()["id"], answer.json()["cache"]) == (form["id"], "hit")


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_a_picture_may_stand_in_the_document(http, prefix):
    picture = prefix + base64.b64encode(POSTER.read_bytes()).decode()
    video = finished(http, http.post("/v1/videos", json={"poster": picture, "text": "From a document."}))
    assert video["status"] == "completed"


def test_an_order_that_names_the_only_engine_is_the_order_that_names_none(http):
    text = f"Said by name. {uuid.uuid4().hex[:4]}"
    named = finished(http, order(http, poster_id="astronaut", text=text, engine="preview"))
    assert (named["status"], named["engine"]) == ("completed", "preview")
    again = order(http, poster_id="astronaut", text=text).json()
    assert (again["id"], again["cache"]) == (named["id"], "hit")


@pytest.mark.parametrize("script", [{"text": "Hello."}, {"audio": "UklGRg=="}])
def test_an_order_for_an_engine_that_is_not_there_is_refused_at_once_and_says_what_to_do(http, script):
    before = http.get("/v1/videos").json()
    body = {"poster_id": "astronaut", "engine": "wav2lip"} | script
    answer = http.post("/v1/videos", json=body, headers={"prefer": "wait=0"})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (422, "engine_unavailable", False)
    assert (problem["param"], problem["known"]) == ("engine", ["preview"])
    assert "scripts/fetch-weights" in problem["detail"]
    assert http.get("/v1/videos").json() == before


def test_the_engines_are_told_the_default_first(http):
    assert http.get("/v1/limits").json()["engines"] == ["preview"]
    assert http.get("/readyz").json()["engine"] == "preview"


def test_another_seed_is_another_video_of_the_same_length(http):
    text = f"Said with noise. {uuid.uuid4().hex[:4]}"
    zero, one = (finished(http, order(http, poster_id="astronaut", text=text, seed=seed)) for seed in (0, 1))
    assert zero["id"] != one["id"]
    assert zero["frames"] == one["frames"]
    sounds = [http.get(f"/v1/videos/{video['id']}/content").content for video in (zero, one)]
    assert sounds[0] != sounds[1]


BAD_JSON = {
    "two posters": (
        {"poster_id": "astronaut", "poster_url": "http://example.org/a.png", "text": "Hello."},
        "poster_id",
    ),
    "no script": ({"poster_id": "astronaut"}, "text"),
    "an unknown field": ({"poster_id": "astronaut", "text": "Hello.", "txt": "x"}, "txt"),
    "pads of three": ({"poster_id": "astronaut", "text": "Hello.", "pads": [0, 10, 0]}, "pads.3"),
    "fps of 1000": ({"poster_id": "astronaut", "text": "Hello.", "fps": 1000}, "fps"),
    "no base64": ({"poster": "!!!", "text": "Hello."}, "poster"),
    "metadata of numbers": ({"poster_id": "astronaut", "text": "Hello.", "metadata": {"a": 1}}, "metadata.a"),
    "an address inside": ({"poster_url": "http://127.0.0.1:9/a.png", "text": "Hello."}, "poster_url"),
    "a file": ({"poster_url": "file:///etc/passwd", "text": "Hello."}, "poster_url"),
    "a sound inside": ({"poster_id": "astronaut", "audio_url": "http://[::1]/a.wav"}, "audio_url"),
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_a_document_that_makes_no_sense_is_refused_and_the_field_is_named(http, name):
    body, param = BAD_JSON[name]
    answer = http.post("/v1/videos", json=body)
    assert (answer.status_code, answer.json()["param"]) == (422, param), answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff"])
def test_a_document_that_is_none_is_refused(http, body):
    answer = http.post("/v1/videos", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_a_client_of_d_id_gets_its_talk(http):
    picture = "data:image/png;base64," + base64.b64encode(POSTER.read_bytes()).decode()
    asked = {"source_url": picture, "script": {"type": "text", "input": "Moved by the base URL."}, "user_data": "7"}
    answer = http.post("/talks", json=asked)
    assert (answer.status_code, answer.json()["status"]) == (201, "created"), answer.text
    deadline = time.monotonic() + 60
    while (talk := http.get(f"/talks/{answer.json()['id']}").json())["status"] not in ("done", "error"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert talk["status"] == "done"
    assert http.get(talk["result_url"]).headers["content-type"] == "video/mp4"
    assert http.post("/talks", json={}).json()["kind"] == "BadRequestError"


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
