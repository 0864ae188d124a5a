"""The contract of an object store, and what all stores share: the shape of keys and of ranges."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Protocol

MAX_PART_CHARS = 200  # a file name may have 255 bytes, and the disk store needs some of them
KEY_PART = re.compile(rf"(?!\.{{1,2}}$)[A-Za-z0-9._-]{{1,{MAX_PART_CHARS}}}")


class ObjectMissing(Exception):
    """No object has the key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class InvalidKey(ObjectMissing):
    """No object can have the key."""


@dataclass(frozen=True)
class StoredObject:
    """What is known of an object without reading it.

    `etag` (without quotes) is a strong validator: other bytes have another one. `modified_at` is in UTC.
    """

    key: str
    size_bytes: int
    content_type: str
    etag: str
    modified_at: datetime


class Store(Protocol):
    """Objects by key: parts of `A-Za-z0-9._-` between slashes, none of them empty, `.` or `..`.

    Blocking and thread-safe. An object appears whole or not at all, and the last of several writers wins.
    Every method raises `StorageUnavailable` where the store does not do its work.
    """

    def put(self, key: str, content: bytes | IO[bytes], content_type: str) -> None:
        """Store an object, replacing what was there; a file is read in parts. Raises `InvalidKey`."""

    def stat(self, key: str) -> StoredObject | None:
        """Return what is known of an object, None if it is not there."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Return an object's bytes from `start` on: as many as there are, at most `length` (1 or more).

        Raises `ObjectMissing`.
        """

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`, sorted."""

    def url(self, key: str, expires_s: int) -> str | None:
        """Return a URL at which anybody may GET the object for that long, None if the store has no such."""

    def check(self) -> None:
        """Return if the store answers; make its folder or bucket if it is missing."""


def checked_key(key: str) -> str:
    """Return `key`. Raises `InvalidKey` where it is none."""
    if not all(KEY_PART.fullmatch(part) for part in key.split("/")):
        raise InvalidKey(key)
    return key


def as_file(content: bytes | IO[bytes]) -> IO[bytes]:
    """Return a seekable file of the content."""
    return io.BytesIO(content) if isinstance(content, bytes) else content


def checked_range(start: int, length: int | None) -> None:
    """Raise `ValueError` where no bytes can be meant."""
    if start < 0 or (length is not None and length < 1):
        raise ValueError(f"A range starts at 0 or later and has 1 byte or more, not {start} and {length}.")
