"""A real HTTP server that answers well, badly or not at all."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


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
        body = json.loads(handler.rfile.read(int(handler.headers.get("Content-Length", 0))) or "null")
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

        def do_GET(self):
            self.do_POST()

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
