"""Short-lived signed URLs: a phone plays one video without a key of the backend's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from typing import Self
from urllib.parse import parse_qs

from deployments.errors import TalkingPhotoError
from serve_app.access_settings import AccessSettings

MIN_SECRET_CHARS = 32
"""As long as the digest: RFC 2104 section 3 discourages less."""

_PLAYED = re.compile(
    r"(/v1/videos/vid_[0-9a-f]{32})/(?:content|captions\.\w+|stream\.m3u8|stream/\w[\w.-]*)|(/v1/voices/[^/]+)/sample",
    re.ASCII,
)
_SECONDS = re.compile(r"[1-9]\d{0,11}", re.ASCII)


class SigningSecretUnusable(TalkingPhotoError):
    """The secret is not there, or too short to sign with."""

    code = "signing_secret_unusable"


class BadSignature(TalkingPhotoError):
    """The URL was not signed by this service, or was signed for another video or time."""

    code = "bad_signature"
    http_status = 403


class UrlExpired(TalkingPhotoError):
    """The URL was signed by this service, for a time that is over."""

    code = "url_expired"
    http_status = 403


class Signer:
    """Signs what is played of a video, with one signature: content, captions, playlist and the segments in that.

    The secret comes from outside, so that replicas agree on it and a URL outlives a restart. It is not made from the
    keys: their digests stand in a config file that may be public, and they change with every key that comes or goes.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    @classmethod
    def of(cls, access: AccessSettings) -> Self | None:
        """The signer of a service with keys; an open one needs none. Raises `SigningSecretUnusable`."""
        return cls.from_environment(access.signing_secret_env) if access.keys else None

    @classmethod
    def from_environment(cls, variable: str) -> Self:
        """The signer whose secret `variable` holds. Raises `SigningSecretUnusable`."""
        secret = os.environ.get(variable, "").strip()
        if len(secret) < MIN_SECRET_CHARS:
            raise SigningSecretUnusable(
                f"The environment variable {variable} must hold a signing secret of {MIN_SECRET_CHARS} characters or "
                f"more, not {len(secret)}: set it to what `openssl rand -base64 48` prints, the same on every node."
            )
        return cls(secret.encode())

    def sign(self, path: str, expires_at: int) -> str:
        """The query `exp=...&sig=...` that opens the video of `path` until `expires_at`, in Unix seconds.

        It fits every path of that video that `is_played` knows, so a playlist hands its own query on to its segments.
        """
        return f"exp={expires_at}&sig={self._signature(path, str(expires_at))}"

    def verify(self, path: str, query: str, now_s: float) -> None:
        """Raises `BadSignature` or `UrlExpired` unless `query` opens `path` at `now_s`, in Unix seconds."""
        fields = parse_qs(query)
        expires_at, signature = (fields.get(name, [""])[0] for name in ("exp", "sig"))
        expected = self._signature(path, expires_at)
        if not (_SECONDS.fullmatch(expires_at) and hmac.compare_digest(expected.encode(), signature.encode())):
            raise BadSignature("The URL was not signed by this service for this video: ask for a new one.")
        if now_s >= int(expires_at):
            raise UrlExpired("The URL has expired: ask for a new one.")

    def _signature(self, path: str, expires_at: str) -> str:
        digest = hmac.digest(self._secret, f"{_owner(path)}\n{expires_at}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_played(path: str) -> bool:
    """Whether a signature can open `path`: a video's content, captions, playlist and segments, or a voice's sample."""
    return _PLAYED.fullmatch(path) is not None


def is_signed(query: str) -> bool:
    """Whether `query` has a signature, good or bad."""
    return "sig" in parse_qs(query, keep_blank_values=True)


def _owner(path: str) -> str:
    played = _PLAYED.fullmatch(path)
    if played is None:
        raise ValueError(f"{path} is not played: no signature opens it")
    return played[1] or played[2]
