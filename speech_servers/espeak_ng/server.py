# SPDX-License-Identifier: GPL-3.0-or-later
"""espeak-ng behind OpenAI's speech API, as a process of its own; README.md has the routes.

Each request is answered in a fork of a process that has loaded espeak-ng and spoken nothing: equal requests get equal
bytes, several are answered at once, and a text that breaks espeak-ng breaks nothing else.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import re
import signal
import socketserver
import sys
import wave
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from library import Espeak, Spoken
from voices import offered

MAX_BODY_BYTES = 64_000
MAX_CHARS = 4096  # OpenAI's
SPEEDS = (0.5, 2.5)  # espeak-ng speaks 80 to 450 words a minute
PITCHES = (0, 99)
LIMIT_S = 60  # of a request's process: it is a thousand times what speech takes
IDLE_S = 10  # a caller who sends nothing


class Refused(Exception):
    """What a caller did wrong: a status and a sentence."""

    def __init__(self, status: int, detail: str, param: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.param = param


class Speaker:
    """What the routes do, free of HTTP."""

    def __init__(self) -> None:
        self._espeak = Espeak()
        self._voices = offered(self._espeak.languages())

    def voices(self) -> dict[str, Any]:
        """Who speaks, and with what."""
        listed = [
            {"id": voice.id, "language": voice.language, "gender": voice.gender, "name": voice.name}
            for voice in self._voices.values()
        ]
        return {"engine": "espeak-ng", "version": self._espeak.version, "timed": True, "voices": listed}

    def speak(self, asked: dict[str, Any]) -> Spoken:
        """Speak what the JSON asks for. Raises `Refused`."""
        text = asked.get("input")
        if not isinstance(text, str) or not text.strip():
            raise Refused(400, "input: give the text to speak.", "input")
        if len(text) > MAX_CHARS:
            raise Refused(400, f"input: {len(text)} characters are more than {MAX_CHARS}.", "input")
        if asked.get("response_format", "wav") != "wav":
            raise Refused(400, "response_format: only wav is made here.", "response_format")
        speed = _number(asked, "speed", 1.0, SPEEDS)
        pitch = round(_number(asked, "pitch", 50, PITCHES))
        return self._espeak.speak(_speakable(text), self._voice(asked.get("voice")), speed, pitch)

    def _voice(self, name: Any) -> str:  # noqa: ANN401 - whatever JSON holds
        """Return espeak-ng's name of a voice's id, which may be followed by a variant such as +m3."""
        named = re.fullmatch(r"([\w-]+)(\+f[1-5]|\+m[1-8])?", name) if isinstance(name, str) else None
        if not named or named[1] not in self._voices:
            raise Refused(400, f"voice: there is no {name!r}; GET /v1/voices lists the voices.", "voice")
        return self._voices[named[1]].espeak + (named[2] or "")


def _number(asked: dict[str, Any], name: str, usual: float, limits: tuple[float, float]) -> float:
    value = asked.get(name, usual)
    if isinstance(value, bool) or not isinstance(value, int | float) or not limits[0] <= value <= limits[1]:
        raise Refused(400, f"{name}: give a number from {limits[0]} to {limits[1]}.", name)
    return float(value)


def _speakable(text: str) -> str:
    """Return the text without what UTF-8 or a C string cannot hold; each character keeps its place."""
    return text.encode(errors="replace").decode().replace("\0", " ")


def wav(spoken: Spoken) -> bytes:
    """The sound as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setparams((1, 2, spoken.rate_hz, 0, "NONE", ""))
        target.writeframes(spoken.samples.tobytes())
    return file.getvalue()


def timed(spoken: Spoken) -> dict[str, Any]:
    """The sound as base64 of a WAV file, with the times of what is heard in it."""
    return {
        "audio": base64.b64encode(wav(spoken)).decode(),
        "phonemes": [
            {"symbol": sound.text, "start_s": sound.start_s, "end_s": sound.end_s} for sound in spoken.phonemes
        ],
        "words": [{"text": word.text, "start_s": word.start_s, "end_s": word.end_s} for word in spoken.words],
    }


class Handler(BaseHTTPRequestHandler):
    """One request, in a process of its own."""

    server: Server
    timeout = IDLE_S

    def do_GET(self) -> None:
        """`GET /v1/voices`."""
        self._answer({"/v1/voices": lambda: self._json(200, self.server.speaker.voices())})

    def do_POST(self) -> None:
        """`POST /v1/audio/speech` and `/v1/audio/speech/timed`."""
        speak = self.server.speaker.speak
        self._answer(
            {
                "/v1/audio/speech": lambda: self._send(200, "audio/wav", wav(speak(self._asked()))),
                "/v1/audio/speech/timed": lambda: self._json(200, timed(speak(self._asked()))),
            }
        )

    def _answer(self, routes: dict[str, Callable[[], None]]) -> None:
        signal.alarm(LIMIT_S)
        try:
            route = routes.get(self.path)
            if route is None:
                raise Refused(404, f"There is no {self.command} {self.path}.")
            route()
        except Refused as refused:
            error = {"message": refused.detail, "type": "invalid_request_error", "param": refused.param}
            self._json(refused.status, {"error": error})

    def _asked(self) -> dict[str, Any]:
        size = self.headers.get("Content-Length", "")
        if not size.isascii() or not size.isdigit():
            raise Refused(411, "Send the body with its Content-Length.")
        if int(size) > MAX_BODY_BYTES:
            raise Refused(413, f"The body is larger than {MAX_BODY_BYTES} bytes.")
        try:
            asked = json.loads(self.rfile.read(int(size)))
        except (ValueError, RecursionError):
            raise Refused(400, "The body is no JSON.") from None
        if not isinstance(asked, dict):
            raise Refused(400, "The body is no JSON object.")
        return asked

    def _json(self, status: int, content: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(content, ensure_ascii=False).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base class
        """Say nothing: texts and callers are nobody's business."""


class Server(socketserver.ForkingMixIn, HTTPServer):
    """Forks for each connection; when all its processes are at work, callers wait."""

    max_children = 2 * (os.cpu_count() or 1)
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], speaker: Speaker, parent: int | None) -> None:
        super().__init__(address, Handler)
        self.speaker = speaker
        self._parent = parent

    def service_actions(self) -> None:
        """Called twice a second: end with the process that started this one, where that is wanted."""
        super().service_actions()
        if self._parent is not None and os.getppid() != self._parent:
            sys.exit()


def main() -> None:
    """Serve until killed; the first line of output is the base URL."""
    parser = argparse.ArgumentParser(prog="scripts/espeak-ng-server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8883, help="0 is any free one (default: 8883)")
    parser.add_argument("--with-parent", action="store_true", help="end when the process that starts this one ends")
    given = parser.parse_args()
    try:
        speaker = Speaker()
    except OSError as error:
        sys.exit(f"espeak-ng cannot be used: {error}. On Debian: apt-get install espeak-ng")
    with Server((given.host, given.port), speaker, os.getppid() if given.with_parent else None) as server:
        sys.stdout.write(f"http://{given.host}:{server.server_port}/v1\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
