"""A store in a bucket of MinIO, or of any other server that speaks S3."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import IO, BinaryIO, cast

import certifi
import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from deployments.errors import StorageUnavailable
from deployments.storage.store import ObjectMissing, StoredObject, as_file, checked_key, checked_range

logger = logging.getLogger("ray.serve")

# A store that is up answers within these; minio's own default is to wait 5 minutes, 6 times.
CONNECT_S = 1.0
READ_S = 10.0
RETRIES = urllib3.Retry(total=2, read=1, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504))

CONNECTIONS = 16  # as many as the storage stage has threads
PART_BYTES = 5 * 2**20  # S3's least: what an upload holds in memory

MISSING = ("NoSuchKey", "NoSuchBucket")


class MinioStore:
    """Keeps objects in one bucket, which is made when it is missing. See `Store` for the methods.

    An endpoint is `host:port`, with `http://` or `https://` before it where it differs from `secure`.
    URLs are signed for `public_endpoint`, since the host is part of what is signed; that calls nobody.
    """

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        secure: bool = False,
        public_endpoint: str | None = None,
        region: str = "us-east-1",
    ) -> None:
        def client(url: str) -> Minio:
            scheme, _, host = url.rpartition("://")
            https = scheme == "https" if scheme else secure
            return Minio(host.rstrip("/"), access_key, secret_key, secure=https, region=region, http_client=_http())

        self._client = client(endpoint)
        self._signer = client(public_endpoint or endpoint)
        self._bucket = bucket
        self._endpoint = endpoint

    def put(self, key: str, content: bytes | IO[bytes], content_type: str) -> None:
        """Store an object, in one request up to `PART_BYTES`."""
        checked_key(key)
        data = as_file(content)
        with self._server_errors():
            try:
                self._put(key, data, content_type)
            except S3Error as error:
                if error.code != "NoSuchBucket":
                    raise
                self._make_bucket()
                self._put(key, data, content_type)

    def stat(self, key: str) -> StoredObject | None:
        """Return what is known of an object, None if it is not there."""
        try:
            with self._server_errors(key):
                found = self._client.stat_object(self._bucket, checked_key(key))
        except ObjectMissing:
            return None
        facts = (found.size, found.content_type, found.etag, found.last_modified)  # a HEAD tells all four
        return StoredObject(key, *cast("tuple[int, str, str, datetime]", facts))

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Return an object's bytes from `start` on."""
        checked_range(start, length)
        with self._server_errors(key):
            try:
                answer = self._client.get_object(self._bucket, checked_key(key), start, length or 0)
            except S3Error as error:
                if error.code == "InvalidRange":  # `start` is the object's end, or beyond
                    return b""
                raise
            try:
                return answer.read()
            finally:
                answer.close()
                answer.release_conn()

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        try:
            with self._server_errors(key):
                self._client.remove_object(self._bucket, checked_key(key))
        except ObjectMissing:
            return

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`, sorted."""
        try:
            with self._server_errors(prefix):
                return sorted(
                    found.object_name for found in self._client.list_objects(self._bucket, prefix, recursive=True)
                )
        except ObjectMissing:
            return []

    def url(self, key: str, expires_s: int) -> str:
        """Return a presigned URL for GET (a HEAD with it is refused); at most 7 days long."""
        return self._signer.presigned_get_object(self._bucket, checked_key(key), timedelta(seconds=expires_s))

    def check(self) -> None:
        """Ask for the bucket, and make it if it is missing."""
        with self._server_errors():
            if not self._client.bucket_exists(self._bucket):
                self._make_bucket()

    def _put(self, key: str, data: IO[bytes], content_type: str) -> None:
        size_bytes = data.seek(0, os.SEEK_END)
        data.seek(0)
        self._client.put_object(
            self._bucket, key, cast("BinaryIO", data), size_bytes, content_type, part_size=PART_BYTES
        )

    def _make_bucket(self) -> None:
        try:
            self._client.make_bucket(self._bucket)
        except S3Error as error:
            if error.code != "BucketAlreadyOwnedByYou":  # another replica was first
                raise

    @contextmanager
    def _server_errors(self, key: str | None = None) -> Iterator[None]:
        """Turn the server's errors into `StorageUnavailable`, and into `ObjectMissing` where `key` is not there."""
        try:
            yield
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            code = error.code if isinstance(error, S3Error) else type(error).__name__
            if key is not None and code in MISSING:
                raise ObjectMissing(key) from error
            logger.warning("the object store at %s: %s", self._endpoint, error)
            raise StorageUnavailable(
                f"The object store did not do its work ({code}): see that it runs, "
                "and check its address, keys and bucket.",
                {"code": code},
            ) from error


def _http() -> urllib3.PoolManager:
    return urllib3.PoolManager(
        maxsize=CONNECTIONS,
        timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
        retries=RETRIES,
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
    )
