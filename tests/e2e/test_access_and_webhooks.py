"""A service with API keys and webhooks, from the first refused call to the signed event."""

import json
import time

import httpx
import pytest
from client import MOBILE, finished
from keyed import KEYS, NEW_SECRET
from log_leaks import leaks

from cluster.testbed.webhooks import SECRET, webhook_receiver
from deployments.storage.disk import DiskStore

TEXT = "These very words must not be in any log."


@pytest.fixture(scope="module")
def receiver():
    with webhook_receiver() as running:
        yield running


@pytest.fixture(scope="module")
def service(keyed_service):
    return keyed_service


def client(service, name):
    return httpx.Client(base_url=service.url, timeout=60, headers={"authorization": f"Bearer {KEYS[name]}"})


@pytest.fixture(scope="module")
def http(service):
    with client(service, "backend") as http:
        yield http


def keys_of(store, *ids):
    """What is stored under a key that has one of the ids in it."""
    return [key for key in store.list("") if any(name in key for name in ids)]


@pytest.fixture(scope="module")
def video(http, receiver):
    fields = {
        "poster_id": "astronaut",
        "text": TEXT,
        "metadata": json.dumps({"order": "7"}),
        "webhook": receiver.url,
    }
    return finished(http, http.post("/v1/videos", data=fields))


def routes(service):
    return [
        ("GET", "/v1/videos"),
        ("POST", "/v1/videos"),
        ("GET", f"/v1/videos/vid_{'0' * 32}"),
        ("GET", f"/v1/videos/vid_{'0' * 32}/content"),
        ("GET", f"/v1/videos/vid_{'0' * 32}/stream.m3u8"),
        ("GET", "/v1/posters/astronaut"),
        ("GET", "/v1/voices"),
        ("GET", "/v1/limits"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("POST", MOBILE),
    ]


def test_without_a_key_every_route_but_health_is_refused(service):
    for method, path in routes(service):
        answer = httpx.request(method, f"{service.url}{path}")
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json().get("code") == "unauthorized" or answer.json()["status"] == "failed"
    assert httpx.get(f"{service.url}/healthz").status_code == 200
    assert httpx.get(f"{service.url}/readyz").status_code == 200


def test_a_key_has_a_rate_that_its_answers_tell(http):
    answer = http.get("/v1/limits")
    assert answer.status_code == 200
    assert answer.headers["ratelimit-policy"].endswith("q=300;w=60")


def test_a_phone_plays_the_signed_url_without_a_key_and_no_other(service, video):
    assert video["status"] == "completed", video
    assert httpx.get(video["video_url"]).headers["content-type"] == "video/mp4"
    assert httpx.get(video["stream_url"]).text.startswith("#EXTM3U")
    assert httpx.get(video["video_url"][:-3] + "abc").status_code == 403
    assert httpx.get(f"{service.url}/v1/videos/{video['id']}?{video['video_url'].partition('?')[2]}").status_code == 401


def test_a_video_is_its_owners_alone(service, http, video):
    with client(service, "other") as other:
        for method, path in (
            ("GET", ""),
            ("POST", "/cancel"),
            ("DELETE", ""),
            ("GET", "/content"),
            ("GET", "/deliveries"),
        ):
            assert other.request(method, f"/v1/videos/{video['id']}{path}").status_code == 404, path
        assert other.get("/v1/videos").json() == {"videos": [], "next_cursor": None}
    (listed,) = http.get("/v1/videos").json()["videos"]
    assert (listed["id"], listed["metadata"]) == (video["id"], {"order": "7"})


def test_the_end_is_told_once_signed_and_can_be_told_again(http, video, receiver):
    deadline = time.monotonic() + 20
    while not receiver.events:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    webhook_id, event = receiver.events[0]
    assert (event["type"], event["data"]["id"]) == ("video.completed", video["id"])
    assert (event["data"]["metadata"], event["data"]["duration_s"]) == ({"order": "7"}, video["duration_s"])
    assert set(event["data"]) == set(video)
    assert http.get(event["data"]["video_url"]).headers["content-type"] == "video/mp4"
    (delivery,) = http.get(f"/v1/videos/{video['id']}/deliveries").json()["deliveries"]
    again = http.post(f"/v1/videos/{video['id']}/deliveries/{delivery['id']}/redeliver")
    assert again.status_code == 202, again.text
    while len(receiver.events) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert receiver.events[1][0] == webhook_id


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/latest", "http://10.0.0.1/", "ftp://example.org/", "http://[::1]/"]
)
def test_a_webhook_that_leads_inside_is_refused(http, url):
    answer = http.post("/v1/videos", data={"poster_id": "astronaut", "text": "No.", "webhook": url})
    assert (answer.status_code, answer.json()["code"]) == (422, "url_refused")
    assert answer.json()["param"] == "webhook"


def test_deleting_a_video_leaves_nothing(service, http, video):
    store = DiskStore(service.log.parent / "objects")
    ids = video["id"], json.loads(store.read(f"videos/{video['id']}.json"))["content_id"]
    kinds = {key.partition("/")[0] for key in keys_of(store, *ids)}
    assert kinds >= {"contents", "index", "streams", "videos"}
    assert http.delete(f"/v1/videos/{video['id']}").status_code == 204
    assert http.get(f"/v1/videos/{video['id']}").status_code == 404
    assert keys_of(store, *ids) == []


def test_neither_keys_nor_texts_are_in_the_log(service, video):
    for key in (*KEYS.values(), SECRET, NEW_SECRET):
        assert leaks([service.log], key=key, text=TEXT) == []
