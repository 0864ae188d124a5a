"""The bucket store: presigned URLs, wrong keys, and servers that are down or silent."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from cluster.testbed.s3 import free_port
from deployments.errors import StorageUnavailable
from deployments.storage import minio
from deployments.storage.minio import MinioStore

DATA = bytes(range(256)) * 40
KEY = "videos/one.mp4"


@contextmanager
def silent_server():
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def every_call(store: MinioStore):
    return [
        store.check,
        lambda: store.put(KEY, DATA, "video/mp4"),
        lambda: store.stat(KEY),
        lambda: store.read(KEY),
        lambda: store.delete(KEY),
        lambda: store.list(""),
    ]


def test_a_presigned_url_plays(minio_store):
    minio_store.put(KEY, DATA, "video/mp4")
    url = minio_store.url(KEY, 60)
    whole = httpx.get(url)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, DATA, "video/mp4")
    assert whole.headers["etag"] == f'"{minio_store.stat(KEY).etag}"'
    part = httpx.get(url, headers={"Range": "bytes=0-1"})
    assert (part.status_code, part.content) == (206, DATA[:2])
    assert part.headers["content-range"] == f"bytes 0-1/{len(DATA)}"


def test_an_unsigned_or_tampered_url_is_refused(minio_store):
    minio_store.put(KEY, DATA, "video/mp4")
    minio_store.put("videos/two.mp4", DATA, "video/mp4")
    url = minio_store.url(KEY, 60)
    signature = parse_qs(urlsplit(url).query)["X-Amz-Signature"][0]
    for tampered in [
        url.partition("?")[0],
        url.replace("one.mp4", "two.mp4"),
        url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        url.replace(signature, signature[::-1]),
    ]:
        assert tampered != url
        assert httpx.get(tampered).status_code == 403
    assert httpx.get(url).status_code == 200


def test_an_expired_url_is_refused(minio_store):
    minio_store.put(KEY, DATA, "video/mp4")
    url = minio_store.url(KEY, 1)
    time.sleep(2.1)
    assert httpx.get(url).status_code == 403


def test_a_url_is_signed_for_the_public_endpoint_without_a_call(server):
    store = MinioStore(
        "127.0.0.1:9", server.access_key, server.secret_key, "videos", public_endpoint="https://media.example.org"
    )
    url = urlsplit(store.url(KEY, 3600))
    assert (url.scheme, url.netloc, url.path) == ("https", "media.example.org", f"/videos/{KEY}")
    query = parse_qs(url.query)
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-SignedHeaders"] == ["host"]


def test_a_url_signed_for_a_public_endpoint_plays_there_and_not_elsewhere(server):
    port = server.endpoint.partition(":")[2]
    public = f"http://localhost:{port}"
    store = MinioStore(server.endpoint, server.access_key, server.secret_key, "public-endpoint", public_endpoint=public)
    store.put(KEY, DATA, "video/mp4")
    url = store.url(KEY, 60)
    assert url.startswith(public)
    assert httpx.get(url).content == DATA
    assert httpx.get(url.replace("localhost", "127.0.0.1")).status_code == 403


def test_an_endpoint_may_be_a_url(server):
    store = MinioStore(f"http://{server.endpoint}/", server.access_key, server.secret_key, "with-scheme", secure=True)
    store.put(KEY, DATA, "video/mp4")
    assert store.read(KEY) == DATA


def test_the_bucket_is_made_by_the_first_of_many(server):
    stores = [MinioStore(server.endpoint, server.access_key, server.secret_key, "raced-for") for _ in range(8)]
    with ThreadPoolExecutor(16) as pool:
        checks = [pool.submit(store.check) for store in stores]
        puts = [pool.submit(store.put, f"{i}", DATA, "video/mp4") for i, store in enumerate(stores)]
        for done in checks + puts:
            done.result()
    assert stores[0].list("") == [f"{i}" for i in range(8)]


def test_a_bucket_that_is_made_already_is_used(minio_store):
    minio_store._make_bucket()
    minio_store._make_bucket()
    minio_store.put(KEY, DATA, "video/mp4")
    assert minio_store.list("") == [KEY]


def test_keys_that_the_server_refuses_are_unavailable_storage(server, minio_store):
    minio_store.put(KEY, DATA, "video/mp4")
    for access_key, secret_key in [(server.access_key, "wrong"), ("nobody", server.secret_key)]:
        store = MinioStore(server.endpoint, access_key, secret_key, minio_store._bucket)
        for call in every_call(store):
            with pytest.raises(StorageUnavailable, match="check its address, keys and bucket") as caught:
                call()
            assert caught.value.data["code"] in ("AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId")
            assert server.secret_key not in caught.value.detail
    assert minio_store.read(KEY) == DATA


def test_a_server_that_is_down_is_unavailable_soon():
    store = MinioStore(f"127.0.0.1:{free_port()}", "key", "secret", "videos")
    for call in every_call(store):
        started_s = time.monotonic()
        with pytest.raises(StorageUnavailable) as caught:
            call()
        assert time.monotonic() - started_s < 3
        assert caught.value.retryable


def test_an_address_that_nobody_answers_is_unavailable_soon():
    store = MinioStore("192.0.2.1:9000", "key", "secret", "videos")  # reserved for documentation (RFC 5737)
    started_s = time.monotonic()
    with pytest.raises(StorageUnavailable):
        store.check()
    assert time.monotonic() - started_s < 5


def test_a_server_that_never_answers_is_left(monkeypatch):
    monkeypatch.setattr(minio, "READ_S", 0.3)
    with silent_server() as endpoint:
        store = MinioStore(endpoint, "key", "secret", "videos")
        started_s = time.monotonic()
        with pytest.raises(StorageUnavailable):
            store.read(KEY)
    assert time.monotonic() - started_s < 2
