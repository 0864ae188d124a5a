"""A receiver of webhooks on this machine, which verifies what comes."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


class Event(NamedTuple):
    """What was told, under which `webhook-id`."""

    webhook_id: str
    payload: dict[str, Any]


class Receiver(ThreadingHTTPServer):
    """`events` are those with a good signature, in the order they came; the others are counted as `refused`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/hook"
        self.events: list[Event] = []
        self.refused = 0

    def take(self, body: bytes, headers: dict[str, str]) -> int:
        """Keep an event that is signed; return the status to answer."""
        try:
            payload = Webhook(SECRET).verify(body, headers)
        except WebhookVerificationError:
            self.refused += 1
            return 400
        self.events.append(Event(headers["webhook-id"], payload))
        return 204


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(self.server.take(body, dict(self.headers)))
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Nothing."""


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    """Run a receiver on a free port."""
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.shutdown()
            thread.join()
