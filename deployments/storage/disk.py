"""A store in a folder: for one machine, or several that mount the same folder."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from deployments.errors import StorageUnavailable
from deployments.storage.store import InvalidKey, ObjectMissing, StoredObject, as_file, checked_key, checked_range

logger = logging.getLogger("ray.serve")

# No key has a plus: an object's file is no other object's folder, and half-written files are told from whole ones.
OBJECT = "+object"
HALF = "+half"

BLOCK_BYTES = 1 << 20


class DiskStore:
    """Keeps each object in one file: a line of JSON (content type, etag), then the bytes.

    One file holds both, so that one rename makes both appear and a HEAD request need not hash a video.
    See `Store` for the methods.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, content: bytes | IO[bytes], content_type: str) -> None:
        """Store an object: written beside its place, flushed to the disk, then renamed."""
        path, source = self._path(key), as_file(content)
        with _disk_errors():
            facts = {"content_type": content_type, "etag": _sha256(source)}
            path.parent.mkdir(parents=True, exist_ok=True)
            half = _write_beside(path, json.dumps(facts).encode() + b"\n", source)
            half.replace(path)
            _flush_folder(path.parent)

    def stat(self, key: str) -> StoredObject | None:
        """Return what is known of an object, None if it is not there."""
        try:
            with _disk_errors(), self._path(key).open("rb") as file:
                facts = json.loads(file.readline())
                status = os.fstat(file.fileno())
                size_bytes = status.st_size - file.tell()
        except (FileNotFoundError, InvalidKey):
            return None
        modified_at = datetime.fromtimestamp(status.st_mtime, UTC)
        return StoredObject(key, size_bytes, facts["content_type"], facts["etag"], modified_at)

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Return an object's bytes from `start` on."""
        checked_range(start, length)
        try:
            with _disk_errors(), self._path(key).open("rb") as file:
                file.readline()
                file.seek(start, os.SEEK_CUR)
                return file.read(-1 if length is None else length)
        except FileNotFoundError:
            raise ObjectMissing(key) from None

    def delete(self, key: str) -> None:
        """Remove an object, if it is there; its folder stays, another writer may be about to use it."""
        with _disk_errors(), suppress(FileNotFoundError, InvalidKey):
            self._path(key).unlink()

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`, sorted."""
        parent = prefix.rpartition("/")[0]
        try:
            folder = self._root / checked_key(parent) if "/" in prefix else self._root
        except InvalidKey:
            return []
        with _disk_errors():
            names = (path.relative_to(self._root).as_posix() for path in folder.rglob(f"*{OBJECT}"))
            return sorted(name.removesuffix(OBJECT) for name in names if name.startswith(prefix))

    def url(self, key: str, expires_s: int) -> None:
        """Return None: a folder serves nothing."""

    def check(self) -> None:
        """Write a file and remove it."""
        with _disk_errors():
            self._root.mkdir(parents=True, exist_ok=True)
            with NamedTemporaryFile(dir=self._root, suffix=HALF):
                pass

    def _path(self, key: str) -> Path:
        return self._root / f"{checked_key(key)}{OBJECT}"


def _sha256(source: IO[bytes]) -> str:
    """Return the digest of a file from its start to its end, and go back to its start."""
    source.seek(0)
    digest = hashlib.sha256()
    for block in iter(partial(source.read, BLOCK_BYTES), b""):
        digest.update(block)
    source.seek(0)
    return digest.hexdigest()


def _write_beside(path: Path, head: bytes, source: IO[bytes]) -> Path:
    """Return a finished file in the folder of `path`, whose bytes have reached the disk."""
    with NamedTemporaryFile(dir=path.parent, suffix=HALF, delete=False) as file:
        try:
            file.write(head)
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:
            os.unlink(file.name)
            raise
    return Path(file.name)


def _flush_folder(folder: Path) -> None:
    """Bring a rename in `folder` to the disk (POSIX: a file's own fsync does not)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Turn what a broken or full disk raises into `StorageUnavailable`; a missing file is none of that."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        logger.warning("the object folder cannot be used: %s", error)
        raise StorageUnavailable(
            f"The object folder cannot be used ({error.strerror}): see its disk and rights."
        ) from error
