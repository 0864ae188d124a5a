"""A voice behind an HTTP server, tried on a real one that answers well, badly or not at all."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from sounds import sound_file, tone

from deployments.errors import SpeechServerFailed, UnspeakableText
from deployments.speech.openai_http import OpenAiSpeechEngine, SpeechServerRefused


@dataclass
class Server:
    """What it answers, and what it was asked."""

    status: int = 200
    body: bytes = b""
    wait_s: float = 0.0
    dribble_s: float = 0.0
    url: str = ""
    asked: list[dict] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.asked.append({"path": handler.path, "key": handler.headers["Authorization"], "body": body})
        self.stopped.wait(self.wait_s)
        handler.send_response(self.status)
        handler.end_headers()
        step = 100 if self.dribble_s else len(self.body) or 1
        for start in range(0, len(self.body), step):
            if self.dribble_s and self.stopped.wait(self.dribble_s):
                return
            handler.wfile.write(self.body[start : start + step])
            handler.wfile.flush()


@contextmanager
def running(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            with suppress(BrokenPipeError, ConnectionResetError):
                server.answer(self)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.02,)).start()
        server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
        try:
            yield server
        finally:
            server.stopped.set()
            http.shutdown()


def engine(url: str, api_key: str | None = None, timeout_s: float = 5.0) -> OpenAiSpeechEngine:
    return OpenAiSpeechEngine(url, "kokoro", "af_heart", api_key, timeout_s)


@pytest.mark.parametrize("kind", ["wav", "mp3"])
def test_the_servers_sound_is_decoded(kind):
    with running(Server(body=sound_file(kind, tone()))) as server:
        speech = engine(server.url).speak("Hello.")
    assert speech.phonemes == ()
    assert speech.waveform.rate_hz == 24000
    assert speech.waveform.duration_s == pytest.approx(1.0, abs=0.05)
    assert np.abs(speech.waveform.samples).max() > 5000


def test_the_request_is_that_of_openais_clients():
    with running(Server(body=sound_file("wav", tone()))) as server:
        engine(server.url + "/", api_key="secret").speak("Grüße 👋")
        engine(server.url).speak("again", seed=7)
    wanted = {"model": "kokoro", "voice": "af_heart", "response_format": "wav", "input": "Grüße 👋"}
    assert server.asked[0] == {"path": "/v1/audio/speech", "key": "Bearer secret", "body": wanted}
    assert server.asked[1]["key"] is None
    assert set(server.asked[1]["body"]) == set(wanted)


def test_a_server_that_fails_may_be_asked_again():
    for status in (429, 500, 503):
        with running(Server(status=status, body=b"overloaded")) as server, pytest.raises(SpeechServerFailed) as caught:
            engine(server.url).speak("Hello.")
        assert caught.value.retryable
        assert caught.value.data == {"status": status}


def test_a_server_that_refuses_is_not_asked_again():
    for status in (301, 400, 401, 404):
        with running(Server(status=status, body=b"{}")) as server, pytest.raises(SpeechServerRefused) as caught:
            engine(server.url, api_key="secret").speak("Hello.")
        assert not caught.value.retryable
        assert caught.value.code == "speech_server_failed"
        assert str(status) in caught.value.detail
        assert "secret" not in caught.value.detail


@pytest.mark.parametrize("server", [Server(wait_s=30), Server(body=sound_file("wav", tone()), dribble_s=0.1)])
def test_a_server_that_hangs_or_dribbles_is_left_in_time(server):
    with running(server):
        started_s = time.monotonic()
        with pytest.raises(SpeechServerFailed, match="did not answer") as caught:
            engine(server.url, timeout_s=0.4).speak("Hello.")
        assert time.monotonic() - started_s < 2
    assert caught.value.retryable


def test_a_server_that_is_not_there_is_named_in_the_log_and_not_to_the_caller(caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(SpeechServerFailed, match="did not answer") as caught:
            engine(url).speak("Hello.")
    assert url in caplog.text
    assert url not in caught.value.detail


@pytest.mark.parametrize("body", [b"not a sound", b'{"error": "no"}', sound_file("wav", tone())[:20000]])
def test_an_answer_that_is_no_whole_sound_is_the_servers_failure(body):
    with running(Server(body=body)) as server, pytest.raises(SpeechServerFailed, match="no usable sound"):
        engine(server.url).speak("Hello.")


@pytest.mark.parametrize("body", [b"", sound_file("wav", np.zeros(24000, np.int16)), sound_file("wav", tone())[:78]])
def test_no_sound_means_the_text_cannot_be_spoken(body):
    streamed = body[:4] + b"\xff" * 4 + body[8:] if body else body
    with running(Server(body=streamed)) as server, pytest.raises(UnspeakableText):
        engine(server.url).speak("?!")


def test_the_version_tells_voices_apart():
    def version(**changes: str) -> str:
        options = {"base_url": "http://a/v1", "model": "m", "voice": "v", "response_format": "wav"} | changes
        return OpenAiSpeechEngine(**options, api_key="secret", timeout_s=1.0).version

    versions = {
        version(),
        version(base_url="http://b/v1"),
        version(model="n"),
        version(voice="w"),
        version(response_format="mp3"),
    }
    assert len(versions) == 5
    assert version() in versions
    assert not any("secret" in text for text in versions)
