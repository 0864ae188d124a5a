"""Who may call what, over a small app."""

import asyncio
import base64
import hashlib
import logging
import re
import time

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import ValidationError

from serve_app.access import Access, KeyMissing, Keyring
from serve_app.access_settings import AccessSettings
from serve_app.rates import Rates
from serve_app.request_id import RequestId
from serve_app.signing import Signer

KEY = "tk_live_5f2c8e0b9d"
OTHER_KEY = "tk_live_other"
DID_KEY = "bWVAZXhhbXBsZS5vcmc:Xy_z-1"  # as D-ID gives them out: with a colon, sent as it is or in base64
VIDEO = f"/v1/videos/vid_{'a' * 32}"
SIGNER = Signer(b"s" * 48)
MOBILE = "/api/lipsync/generate-talking-photo"


def sha256(key):
    return hashlib.sha256(key.encode()).hexdigest()


def settings(**changes):
    keys = (
        {"name": "backend", "sha256": sha256(KEY), "concurrent_jobs": 3} | changes,
        {"name": "partner", "sha256": sha256(OTHER_KEY), "requests_per_minute": 1},
        {"name": "did", "sha256": sha256(DID_KEY)},
    )
    return AccessSettings.model_validate({"keys": keys})


def make_app(access, signer=SIGNER, window_s=60):
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"])
    async def echo(path: str, request: Request):
        caller = request.state.caller
        return {"caller": caller and caller.name, "concurrent_jobs": caller and caller.concurrent_jobs}

    app.add_middleware(Access, keyring=Keyring(access), signer=signer, rates=Rates(window_s))
    app.add_middleware(RequestId)
    return app


def ask(app, path="/v1/videos", method="GET", **headers):
    """One request; header names with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def one():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.request(method, path, headers=named)

    return asyncio.run(one())


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.fixture
def app():
    return make_app(settings())


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"authorization": f"bearer  {KEY} "},
        {"x_api_key": KEY},
        {"authorization": f"Basic {KEY}"},
        {"authorization": basic(KEY)},
        {"authorization": basic(f"{KEY}:")},
        {"authorization": basic(f"me:{KEY}")},
        {"authorization": basic("me:wrong"), "x_api_key": KEY},
    ],
)
def test_a_key_is_taken_as_bearer_header_or_basic(app, headers):
    assert ask(app, **headers).json() == {"caller": "backend", "concurrent_jobs": 3}


@pytest.mark.parametrize("credentials", [f"Basic {DID_KEY}", basic(DID_KEY), f"Bearer {DID_KEY}"])
def test_a_key_with_a_colon_is_taken_whole(app, credentials):
    assert ask(app, authorization=credentials).json()["caller"] == "did"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {KEY}x"},
        {"authorization": f"Bearer {KEY[:-1]}"},
        {"authorization": f"Digest {KEY}"},
        {"authorization": KEY},
        {"authorization": f"Bearer {sha256(KEY)}"},
        {"authorization": "Basic not base64!"},
        {"authorization": "Basic é".encode()},
        {"x_api_key": "backend"},
    ],
)
@pytest.mark.parametrize("path", ["/v1/videos", "/docs", "/openapi.json", "/healthz/x", "/", f"{VIDEO}/content"])
def test_without_a_known_key_every_route_is_401(app, headers, path):
    answer = ask(app, path, **headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"], problem["retryable"]) == (401, "unauthorized", False)
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "ratelimit" not in answer.headers


def test_a_digest_of_nothing_lets_nobody_in():
    app = make_app(settings(sha256=sha256("")))
    for headers in ({}, {"authorization": "Bearer "}, {"authorization": "Basic "}, {"x_api_key": ""}):
        assert ask(app, **headers).status_code == 401
    assert ask(app, authorization=basic(":")).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_needs_no_key(app, path):
    assert ask(app, path).json()["caller"] is None


@pytest.mark.parametrize("path", [MOBILE, MOBILE.removeprefix("/api")])
def test_the_mobile_route_is_refused_in_its_own_shape(app, path):
    answer = ask(app, path, "POST")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json() == {
        "success": False,
        "videoId": None,
        "videoUrl": None,
        "duration": None,
        "status": "failed",
        "error": "Send a known API key as 'Authorization: Bearer <key>' or 'X-API-Key: <key>'.",
    }


@pytest.mark.parametrize("path", ["/talks", "/talks/tlk_1"])
def test_talks_are_refused_in_the_shape_of_d_id(app, path):
    answer = ask(app, path, authorization="Basic d3Jvbmc=")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert set(answer.json()) == {"kind", "description", "details"}
    assert answer.json()["kind"] == "AuthorizationError"


def test_a_key_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("BACKEND_KEY", f"{KEY}\n")
    app = make_app(settings(sha256=None, env="BACKEND_KEY"))
    assert ask(app, x_api_key=KEY).json()["caller"] == "backend"


def test_a_key_that_is_missing_in_the_environment_stops_the_service_with_its_name(monkeypatch):
    monkeypatch.setenv("BACKEND_KEY", "")
    with pytest.raises(KeyMissing, match="BACKEND_KEY must hold the API key 'backend'"):
        Keyring(settings(sha256=None, env="BACKEND_KEY"))


def test_without_keys_anyone_may_call_and_the_log_says_so(caplog):
    with caplog.at_level(logging.WARNING, "ray.serve"):
        app = make_app(AccessSettings())
    assert "no API keys are configured" in caplog.text
    answer = ask(app)
    assert answer.json() == {"caller": "anyone", "concurrent_jobs": None}
    assert "ratelimit" not in answer.headers


def test_with_keys_the_log_has_neither_warning_nor_key(caplog):
    with caplog.at_level(logging.DEBUG):
        app = make_app(settings())
        ask(app, authorization=f"Bearer {KEY}")
        ask(app, authorization=f"Bearer {KEY}x")
    assert "no API keys" not in caplog.text
    assert KEY not in caplog.text
    assert sha256(KEY) not in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        {"required": True},
        {"keys": [{"name": "a"}]},
        {"keys": [{"name": "a", "sha256": "0" * 64, "env": "A"}]},
        {"keys": [{"name": "a", "sha256": KEY}]},
        {"keys": [{"name": "a", "key": KEY}]},
        {"keys": [{"name": "A key", "env": "A"}]},
        {"keys": [{"name": "a", "env": "A"}, {"name": "a", "env": "B"}]},
        {"keys": [{"name": "a", "env": "A", "requests_per_minute": 0}]},
    ],
)
def test_settings_that_would_leave_access_in_doubt_are_refused(content):
    with pytest.raises(ValidationError):
        AccessSettings.model_validate(content)


def test_a_caller_is_told_its_rate_with_every_answer():
    app = make_app(settings(requests_per_minute=5))
    first, second = ask(app, x_api_key=KEY), ask(app, "/healthz", x_api_key=KEY)
    assert [answer.headers["ratelimit-policy"] for answer in (first, second)] == ['"default";q=5;w=60'] * 2
    assert re.fullmatch('"default";r=4;t=(59|60)', first.headers["ratelimit"])
    assert re.fullmatch('"default";r=3;t=(5.|60)', second.headers["ratelimit"])


def test_beyond_its_rate_a_caller_is_told_when_to_ask_again_and_others_are_served():
    app = make_app(settings(requests_per_minute=2))
    assert [ask(app, x_api_key=KEY).status_code for _ in range(4)] == [200, 200, 429, 429]
    refused = ask(app, x_api_key=KEY)
    problem = refused.json()
    assert (problem["status"], problem["code"], problem["retryable"]) == (429, "rate_limited", True)
    assert 55 <= int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"] == f'"default";r=0;t={refused.headers["retry-after"]}'
    assert refused.headers["ratelimit-policy"] == '"default";q=2;w=60'
    assert ask(app, x_api_key=OTHER_KEY).status_code == 200


@pytest.mark.parametrize(("path", "field"), [(MOBILE, "error"), ("/talks", "description")])
def test_beyond_its_rate_a_caller_is_refused_in_the_shape_of_the_route(path, field):
    app = make_app(settings())
    assert ask(app, path, "POST", x_api_key=OTHER_KEY).status_code == 200
    refused = ask(app, path, "POST", x_api_key=OTHER_KEY)
    assert (refused.status_code, refused.json()[field][:28]) == (429, "More than 1 requests in a mi")
    assert int(refused.headers["retry-after"]) > 0


def test_asking_again_when_told_is_served_and_what_was_refused_does_not_count():
    app = make_app(settings(requests_per_minute=1), window_s=2)
    assert ask(app, x_api_key=KEY).status_code == 200
    time.sleep(1)
    refused = ask(app, x_api_key=KEY)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    time.sleep(1)
    assert ask(app, x_api_key=KEY).status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(
    "path", [f"{VIDEO}/content", f"{VIDEO}/captions.srt", f"{VIDEO}/stream.m3u8", f"{VIDEO}/stream/1.m4s"]
)
def test_a_signed_url_plays_without_a_key(app, method, path):
    answer = ask(app, f"{path}?{SIGNER.sign(f'{VIDEO}/content', int(time.time()) + 60)}", method)
    assert answer.status_code == 200
    assert method == "HEAD" or answer.json()["caller"] is None


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", f"{VIDEO}/content"), ("POST", f"{VIDEO}/content"), ("GET", VIDEO), ("GET", "/v1/videos")],
)
def test_a_signed_url_does_nothing_but_play(app, method, path):
    query = SIGNER.sign(f"{VIDEO}/content", int(time.time()) + 60)
    assert ask(app, f"{path}?{query}", method).json()["code"] == "unauthorized"


def test_an_expired_url_says_that_it_has_expired(app):
    answer = ask(app, f"{VIDEO}/content?{SIGNER.sign(f'{VIDEO}/content', int(time.time()))}")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (403, "url_expired", False)


def test_a_forged_url_is_a_bad_signature(app):
    query = Signer(b"t" * 48).sign(f"{VIDEO}/content", int(time.time()) + 60)
    answer = ask(app, f"{VIDEO}/content?{query}")
    assert (answer.status_code, answer.json()["code"]) == (403, "bad_signature")
    assert "www-authenticate" not in answer.headers


def test_a_known_key_is_let_in_whatever_the_signature(app):
    assert ask(app, f"{VIDEO}/content?exp=1&sig=x", x_api_key=KEY).status_code == 200


def test_without_a_signer_no_signature_opens_anything():
    app = make_app(settings(), signer=None)
    query = SIGNER.sign(f"{VIDEO}/content", int(time.time()) + 60)
    assert ask(app, f"{VIDEO}/content?{query}").status_code == 401
