"""D-ID's talks over ASGI, with pictures and sounds that are really fetched from a server of this machine."""

import asyncio
import base64
import hashlib
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from fastapi import FastAPI

from deployments.errors import NoFace, QueueFull, UnknownVideo
from deployments.jobs.index import Answer
from deployments.jobs.order import Capabilities
from deployments.jobs.records import Failure, Rendered, VideoRecord
from deployments.outbound import OutboundPolicy
from deployments.voices import VoiceFacts
from serve_app import refusals
from serve_app.access import Access, Keyring
from serve_app.access_settings import AccessSettings, ApiKey
from serve_app.body_limit import BodyLimit
from serve_app.links import Links
from serve_app.routes import talks
from serve_app.settings import FacesSettings, Settings

PICTURE, SOUND = b"the bytes of a picture", b"the bytes of a sound"
FILES = {
    "/face.jpg": ("image/jpeg", PICTURE),
    "/face": ("application/octet-stream", PICTURE),
    "/voice.mp3": ("audio/mpeg", SOUND),
    "/page.html": ("text/html", b"<html>"),
    "/large.png": ("image/png", bytes(2000)),
}
KEYS = {"alice": "user:of-alice", "bob": "user:of-bob"}
ABLE = Capabilities(
    voices=dict.fromkeys(("default", "amy"), VoiceFacts("1", "hibari")),
    max_text_chars=1000,
    engines={"preview": "1"},
    video={"fps": 25.0},
)
RENDERED = Rendered(duration_s=2.0, width=640, height=480, frames=50, fps=25.0, size_bytes=10_240)
UNKNOWN = f"tlk_{'0' * 32}"


class MemoryService:
    """Checks and names orders as the jobs stage does, and renders nothing."""

    def __init__(self):
        self.records = {}
        self.uploads = {}
        self.refusal = None

    async def submit(self, order, wait_s, most=None, idempotency_key=None):
        if self.refusal:
            raise self.refusal
        order = order.checked(ABLE)
        record = VideoRecord(
            id=order.video_id(ABLE), content_id=order.content_id(ABLE), order=order, engine=order.engine
        )
        self.records[record.id] = record
        return Answer(record)

    async def find(self, video_id, owner=None):
        record = self.records.get(video_id)
        if record is None or owner not in (None, record.order.owner):
            raise UnknownVideo(f"There is no video {video_id!r}.")
        return Answer(record)

    async def delete(self, video_id, owner):
        del self.records[video_id]

    async def keep_upload(self, data, content_type):
        key = f"uploads/{hashlib.sha256(data).hexdigest()}"
        self.uploads[key] = (data, content_type)
        return key

    def change(self, talk_id, **changes):
        video_id = talk_id.replace("tlk_", "vid_")
        self.records[video_id] = self.records[video_id].with_(**changes)


class Client:
    """What D-ID's clients do: JSON, and the key as Basic credentials."""

    def __init__(self, api):
        self._api = api

    def ask(self, method, path, json=None, content=None, who="alice"):
        async def answer():
            transport = httpx.ASGITransport(self._api, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                credentials = base64.b64encode(KEYS[who].encode()).decode() if who else "none"
                headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
                return await client.request(method, path, json=json, content=content, headers=headers)

        return asyncio.run(answer())

    def create(self, talk):
        answer = self.ask("POST", "/talks", talk)
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def get(self, talk_id):
        answer = self.ask("GET", f"/talks/{talk_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()


class FileServer(BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        content_type, content = FILES.get(path, ("text/plain", b""))
        self.send_response(200 if path in FILES else 404)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def files():
    with ThreadingHTTPServer(("127.0.0.1", 0), FileServer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def service():
    return MemoryService()


def make_api(service, policy):
    keys = tuple(ApiKey(name=name, sha256=hashlib.sha256(key.encode()).hexdigest()) for name, key in KEYS.items())
    settings = Settings(faces=FacesSettings(max_image_bytes=1000), access=AccessSettings(keys=keys))
    api = FastAPI()
    refusals.install(api)
    api.add_middleware(BodyLimit, max_bytes=10_000)
    api.add_middleware(Access, keyring=Keyring(settings.access))
    api.include_router(talks.make_router(service, Links(service, settings.http), settings, policy))
    return api


@pytest.fixture
def http(service):
    return Client(make_api(service, OutboundPolicy(allow_networks=("127.0.0.0/8",))))


def text_talk(files, **changes):
    return {"source_url": f"{files}/face.jpg", "script": {"type": "text", "input": "Hello."}} | changes


def data_url(content, content_type="image/png"):
    return f"data:{content_type};base64,{base64.b64encode(content).decode()}"


def assert_refused(answer, status, kind, words):
    body = answer.json()
    assert (answer.status_code, body["kind"]) == (status, kind), body
    assert words in body["description"]
    assert set(body) == {"kind", "description", "details"}
    return body["details"]


def test_a_talk_is_taken_on_with_the_reply_that_their_clients_expect(http, service, files):
    answer = http.ask("POST", "/talks", text_talk(files))
    (record,) = service.records.values()
    assert answer.status_code == 201
    created_at = datetime.fromisoformat(answer.json().pop("created_at"))
    assert created_at == record.created_at
    assert answer.json() | {"created_at": None} == {
        "id": record.id.replace("vid_", "tlk_"),
        "object": "talk",
        "created_at": None,
        "created_by": "alice",
        "status": "created",
    }


def test_the_order_holds_what_was_asked(http, service, files):
    script = {"type": "text", "input": " Hello. ", "provider": {"type": "microsoft", "voice_id": "amy"}, "ssml": False}
    config = {"stitch": True, "fluent": True, "pad_audio": 0.5, "result_format": "mp4", "sharpen": True}
    talk = text_talk(files, script=script, config=config, webhook="https://a.example/", user_data="7", name="First")
    http.create(talk)
    (record,) = service.records.values()
    order = record.order
    assert (order.text, order.voice_id, order.audio_key) == ("Hello.", "amy", None)
    assert (order.owner, order.webhook) == ("alice", "https://a.example/")
    assert order.metadata == {"user_data": "7", "name": "First", "source_url": f"{files}/face.jpg"}
    assert service.uploads[order.poster_key] == (PICTURE, "image/jpeg")


def test_flags_and_numbers_may_be_strings_as_in_their_samples(http, files):
    script = {"type": "text", "input": "Hello.", "ssml": "false", "subtitles": "false"}
    http.create(text_talk(files, script=script, config={"fluent": "false", "pad_audio": "0.0"}))
    answer = http.ask("POST", "/talks", text_talk(files, script=script | {"ssml": "true"}))
    assert_refused(answer, 400, "BadRequestError", "SSML")


def test_sound_is_fetched_and_spoken_instead_of_text(http, service, files):
    url = f"{files}/voice.mp3"
    talk_id = http.create(text_talk(files, script={"type": "audio", "audio_url": url}))
    (record,) = service.records.values()
    assert service.uploads[record.order.audio_key] == (SOUND, "audio/mpeg")
    assert record.order.text is None
    assert http.get(talk_id)["audio_url"] == url


def test_a_picture_may_come_as_a_data_url_which_is_not_given_back(http, service, files):
    talk_id = http.create(text_talk(files, source_url=data_url(PICTURE)))
    (record,) = service.records.values()
    assert service.uploads[record.order.poster_key] == (PICTURE, "image/png")
    assert http.get(talk_id)["source_url"] is None


def test_a_long_address_is_used_and_not_given_back(http, service, files):
    talk_id = http.create(text_talk(files, source_url=f"{files}/face.jpg?{'x' * 500}"))
    assert http.get(talk_id)["source_url"] is None


def test_a_picture_of_no_told_type_is_left_to_be_looked_at(http, service, files):
    http.create(text_talk(files, source_url=f"{files}/face"))
    assert list(service.uploads.values()) == [(PICTURE, "application/octet-stream")]


def test_a_talk_goes_from_created_over_started_to_done(http, service, files):
    talk_id = http.create(text_talk(files, user_data="7", name="First", webhook="https://a.example/"))
    created = http.get(talk_id)
    assert (created["status"], created["result_url"], created["metadata"]) == ("created", None, None)
    assert created["modified_at"] == created["created_at"]
    service.change(talk_id, status="processing", stage="video")
    assert http.get(talk_id)["status"] == "started"
    finished_at = datetime.now(UTC) + timedelta(seconds=9)
    service.change(
        talk_id, status="completed", rendered=RENDERED, timings_s={"video": 0.5, "total": 1.0}, finished_at=finished_at
    )
    done = http.get(talk_id)
    assert datetime.fromisoformat(done.pop("modified_at")) == finished_at
    assert done == {
        "id": talk_id,
        "object": "talk",
        "user_id": "alice",
        "created_by": "alice",
        "name": "First",
        "user_data": "7",
        "source_url": f"{files}/face.jpg",
        "audio_url": None,
        "result_url": f"http://service/v1/videos/{talk_id.replace('tlk_', 'vid_')}/content",
        "created_at": created["created_at"],
        "started_at": None,
        "status": "done",
        "config": {"stitch": True, "fluent": False, "pad_audio": 0.0, "result_format": "mp4"},
        "webhook": "https://a.example/",
        "duration": 2.0,
        "metadata": {
            "num_faces": 1,
            "num_frames": 50,
            "processing_fps": 100.0,
            "resolution": [640, 480],
            "size_kib": 10.0,
        },
        "error": None,
    }


def test_a_failed_talk_says_why(http, service, files):
    talk_id = http.create(text_talk(files))
    service.change(talk_id, status="failed", failure=Failure.of(NoFace("No face was found.")))
    talk = http.get(talk_id)
    assert (talk["status"], talk["result_url"]) == ("error", None)
    assert talk["error"] == {"kind": "FaceError", "description": "No face was found."}


def test_a_canceled_talk_is_an_error_that_says_so(http, service, files):
    talk_id = http.create(text_talk(files))
    service.change(talk_id, status="canceled")
    talk = http.get(talk_id)
    assert (talk["status"], talk["error"]["kind"]) == ("error", "CanceledError")


def test_an_unknown_voice_is_answered_with_those_that_are_known(http, files):
    script = {"type": "text", "input": "Hi.", "provider": {"type": "microsoft", "voice_id": "en-US-JennyNeural"}}
    answer = http.ask("POST", "/talks", text_talk(files, script=script))
    assert assert_refused(answer, 400, "BadRequestError", "amy, default") == {"known": ["amy", "default"]}


@pytest.mark.parametrize(
    ("changes", "param", "words"),
    [
        ({"script": {"type": "text", "input": "Hi.", "ssml": True}}, "script.ssml", "SSML"),
        ({"script": {"type": "text", "input": "Hi.", "subtitles": True}}, "script.subtitles", "Subtitles"),
        ({"script": {"type": "mime", "input": "Hi."}}, "script", "'text', 'audio'"),
        ({"script": {"type": "text"}}, "script.text.input", "required"),
        ({"config": {"result_format": "gif"}}, "config.result_format", "mp4"),
        ({"user_data": "x" * 1001}, "user_data", "1000"),
        ({"source_url": "data:image/png,abc"}, "source_url", "base64"),
        ({"source_url": "data:image/png;base64,a"}, "source_url", "broken"),
        ({"source_url": "data:image/png;base64,ä"}, "source_url", "broken"),
        ({"source_url": "poster:astronaut"}, "source_url", "http"),
    ],
)
def test_bad_fields_are_named(http, service, files, changes, param, words):
    answer = http.ask("POST", "/talks", text_talk(files, **changes))
    assert assert_refused(answer, 400, "BadRequestError", words)["param"] == param
    assert not service.records
    assert not service.uploads


def test_an_empty_text_is_a_bad_request(http, files):
    answer = http.ask("POST", "/talks", text_talk(files, script={"type": "text", "input": " "}))
    assert_refused(answer, 400, "BadRequestError", "empty")


def test_what_is_no_json_is_a_bad_request(http):
    assert_refused(http.ask("POST", "/talks", content=b"{"), 400, "BadRequestError", "JSON")


@pytest.mark.parametrize("source", ["/page.html", "/voice.mp3", data_url(b"GIF", "image/gif")])
def test_another_type_is_answered_with_those_that_are_taken(http, files, source):
    url = source if source.startswith("data:") else files + source
    answer = http.ask("POST", "/talks", text_talk(files, source_url=url))
    details = assert_refused(answer, 415, "UnsupportedMimeTypeError", "image/jpeg")
    assert details == {"param": "source_url", "types": ["image/jpeg", "image/jpg", "image/png", "image/webp"]}


def test_a_picture_is_no_sound(http, files):
    script = {"type": "audio", "audio_url": f"{files}/face.jpg"}
    answer = http.ask("POST", "/talks", text_talk(files, script=script))
    assert assert_refused(answer, 415, "UnsupportedMimeTypeError", "audio/")["param"] == "audio_url"


def test_a_picture_that_cannot_be_fetched_is_a_bad_request(http, files):
    answer = http.ask("POST", "/talks", text_talk(files, source_url=f"{files}/none.jpg"))
    assert assert_refused(answer, 400, "BadRequestError", "404")["param"] == "source_url"


def test_a_picture_over_the_limit_is_refused_fetched_or_sent(http, service, files):
    fetched = http.ask("POST", "/talks", text_talk(files, source_url=f"{files}/large.png"))
    assert_refused(fetched, 400, "BadRequestError", "more than 1000 bytes")
    sent = http.ask("POST", "/talks", text_talk(files, source_url=data_url(bytes(1001))))
    assert_refused(sent, 413, "PayloadTooLargeError", "1001 bytes")
    http.create(text_talk(files, source_url=data_url(bytes(1000))))


def test_a_body_over_the_limit_is_refused(http, files):
    answer = http.ask("POST", "/talks", text_talk(files, source_url=data_url(bytes(10_000))))
    assert_refused(answer, 413, "PayloadTooLargeError", "10000")


def test_the_policy_is_kept(service, files):
    answer = Client(make_api(service, OutboundPolicy())).ask("POST", "/talks", text_talk(files))
    assert_refused(answer, 400, "BadRequestError", "public internet")


def test_a_full_queue_says_when_to_ask_again(http, service, files):
    service.refusal = QueueFull("Many videos are in work.", {"retry_after_s": 17})
    answer = http.ask("POST", "/talks", text_talk(files))
    assert_refused(answer, 503, "ServiceUnavailableError", "in work")
    assert answer.headers["retry-after"] == "17"


def test_a_fault_of_ours_is_in_shape_and_tells_nothing_of_the_inside(http, service, files):
    service.refusal = RuntimeError("the inside")
    answer = http.ask("POST", "/talks", text_talk(files))
    assert_refused(answer, 500, "InternalServerError", "error of ours")
    assert "the inside" not in answer.text


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("talk_id", [UNKNOWN, UNKNOWN.replace("tlk", "vid"), "tlk_1", "x"])
def test_unknown_talks_are_not_found(http, method, talk_id):
    assert_refused(http.ask(method, f"/talks/{talk_id}"), 404, "NotFoundError", talk_id)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_talks_of_others_are_not_found(http, service, files, method):
    talk_id = http.create(text_talk(files))
    service.change(talk_id, status="completed", rendered=RENDERED)
    assert_refused(http.ask(method, f"/talks/{talk_id}", who="bob"), 404, "NotFoundError", talk_id)
    assert service.records


def test_without_a_key_there_is_nothing(http):
    assert_refused(http.ask("GET", f"/talks/{UNKNOWN}", who=None), 401, "AuthorizationError", "key")


def test_a_talk_in_work_is_not_deleted(http, service, files):
    talk_id = http.create(text_talk(files))
    for status in ("queued", "processing"):
        service.change(talk_id, status=status)
        assert_refused(http.ask("DELETE", f"/talks/{talk_id}"), 409, "ConflictError", "still in work")
    assert service.records


@pytest.mark.parametrize("status", ["completed", "failed", "canceled"])
def test_an_ended_talk_is_deleted(http, service, files, status):
    talk_id = http.create(text_talk(files))
    service.change(talk_id, status=status)
    answer = http.ask("DELETE", f"/talks/{talk_id}")
    assert (answer.status_code, answer.json()["id"], answer.json()["result_url"]) == (200, talk_id, None)
    assert http.ask("GET", f"/talks/{talk_id}").status_code == 404
