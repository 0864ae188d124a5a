"""Deliveries of webhooks: a message to one receiver, when it is tried again, and where it is kept.

`webhooks/log/<video id>/<delivery id>.json` is a delivery with its attempts, kept until the video is deleted;
`webhooks/pending/<video id>/<delivery id>` exists while it is still to be made, so that a restart finds it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import random
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from deployments.errors import TalkingPhotoError

logger = logging.getLogger("ray.serve")

Kind = Literal["video.completed", "video.failed", "video.canceled"]

DELAYS_S = (0, 5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600)
"""Before each attempt, after the one before (https://www.standardwebhooks.com: the schedule of its authors)."""

JITTER = (0.9, 1.1)
"""Receivers that were away do not get everything in one second."""

GONE = 410
MAX_BODY_BYTES = 20_000

PENDING = "webhooks/pending/"
DELIVERY_ID = r"msg_[0-9a-f]{32}"


class UnknownDelivery(TalkingPhotoError):
    """The video has no webhook delivery with that id."""

    code = "unknown_delivery"
    http_status = 404


class Attempt(BaseModel):
    """One request to the receiver: the status that it answered, or what kept it from answering."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    status: int | None = None
    error: str | None = None
    seconds: float


class Delivery(BaseModel):
    """One message to one receiver. `tried` counts the attempts since it was announced, or last asked for again."""

    model_config = ConfigDict(frozen=True)

    id: str
    video_id: str
    kind: Kind
    url: str
    body: str
    created_at: datetime
    state: Literal["pending", "delivered", "failed"] = "pending"
    tried: int = 0
    next_attempt_at: datetime | None
    attempts: list[Attempt] = []

    @classmethod
    def of(cls, key: Key, kind: Kind, url: str, data: dict[str, Any], now: datetime) -> Delivery:
        """The delivery of that event, due now. Data that is too long for a webhook is replaced by its id and status."""
        return cls(
            id=key.delivery_id,
            video_id=key.video_id,
            kind=kind,
            url=url,
            body=_body(key.video_id, kind, now, data),
            created_at=now,
            next_attempt_at=now,
        )

    def after(self, attempt: Attempt, now: datetime) -> Delivery:
        """The delivery with one more attempt: done, given up, or due again."""
        tried = self.tried + 1
        made = self.model_copy(
            update={"attempts": [*self.attempts, attempt], "tried": tried, "next_attempt_at": None, "state": "failed"}
        )
        if attempt.status is not None and 200 <= attempt.status < 300:
            return made.model_copy(update={"state": "delivered"})
        if attempt.status == GONE or tried == len(DELAYS_S):
            return made
        delay = timedelta(seconds=DELAYS_S[tried] * random.uniform(*JITTER))  # noqa: S311 - no secret
        return made.model_copy(update={"state": "pending", "next_attempt_at": now + delay})

    def again(self, now: datetime) -> Delivery:
        """The delivery as if it had just been announced, with its past."""
        return self.model_copy(update={"state": "pending", "tried": 0, "next_attempt_at": now})


class Key(NamedTuple):
    """Where a delivery is kept."""

    video_id: str
    delivery_id: str

    @classmethod
    def of(cls, video_id: str, kind: Kind, run: str) -> Key:
        """The same for the same event, however often it is announced."""
        event = json.dumps([video_id, kind, run]).encode()
        return cls(video_id, "msg_" + hashlib.sha256(event).hexdigest()[:32])

    @property
    def log(self) -> str:
        """The storage key of the delivery."""
        return f"{log_prefix(self.video_id)}{self.delivery_id}.json"

    @property
    def marker(self) -> str:
        """The storage key that exists while it is pending."""
        return f"{pending_prefix(self.video_id)}{self.delivery_id}"


def log_prefix(video_id: str) -> str:
    """Below it are the deliveries of a video."""
    return f"webhooks/log/{video_id}/"


def pending_prefix(video_id: str) -> str:
    """Below it are the markers of those that are pending."""
    return f"{PENDING}{video_id}/"


def _body(video_id: str, kind: Kind, now: datetime, data: dict[str, Any]) -> str:
    body = _message(kind, now, data)
    if len(body.encode()) < MAX_BODY_BYTES:
        return body
    logger.warning("the webhook of %s tells only its status: its data is over %d bytes", video_id, MAX_BODY_BYTES)
    return _message(kind, now, {"id": video_id, "status": kind.removeprefix("video."), "truncated": True})


def _message(kind: Kind, now: datetime, data: dict[str, Any]) -> str:
    timestamp = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    message = {"type": kind, "timestamp": timestamp, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
