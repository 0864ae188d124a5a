"""What every store does: the same tests for a folder and for a bucket on a real S3 server."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.storage.store import InvalidKey, ObjectMissing, checked_key

DATA = bytes(range(256)) * 4
BAD_KEYS = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "../a",
    "a/.",
    "a b",
    "a\\b",
    "ä",
    "a+object",
    "a\n",
    "x" * 201,
]


def test_what_is_put_is_read(store):
    store.put("videos/one.mp4", DATA, "video/mp4")
    assert store.read("videos/one.mp4") == DATA


def test_stat_tells_size_type_and_time(store):
    store.put("videos/one.mp4", DATA, "video/mp4")
    store.put("posters/one/image", b"", "image/png; odd=yes")
    found = store.stat("videos/one.mp4")
    assert (found.key, found.size_bytes, found.content_type) == ("videos/one.mp4", len(DATA), "video/mp4")
    assert abs(found.modified_at - datetime.now(UTC)) < timedelta(seconds=30)
    empty = store.stat("posters/one/image")
    assert (empty.size_bytes, empty.content_type) == (0, "image/png; odd=yes")
    with pytest.raises(FrozenInstanceError):
        found.key = "other"


def test_the_etag_names_the_content(store):
    def etag(key: str, data: bytes) -> str:
        store.put(key, data, "video/mp4")
        return store.stat(key).etag

    first = etag("a.mp4", DATA)
    assert first
    assert '"' not in first
    assert etag("a.mp4", DATA) == first
    assert etag("a.mp4", DATA[::-1]) != first


def test_a_second_put_replaces_the_first(store):
    store.put("a.json", b"the first and longer one", "text/plain")
    store.put("a.json", b"{}", "application/json")
    assert store.read("a.json") == b"{}"
    assert store.stat("a.json").content_type == "application/json"


def test_a_file_is_stored_as_its_bytes_are(store, tmp_path):
    (tmp_path / "file").write_bytes(DATA)
    with (tmp_path / "file").open("rb") as file:
        file.read(3)
        store.put("file.mp4", file, "video/mp4")
    store.put("bytes.mp4", DATA, "video/mp4")
    assert store.read("file.mp4") == DATA
    assert store.stat("file.mp4").etag == store.stat("bytes.mp4").etag


def test_an_object_larger_than_an_upload_part_is_whole(store):
    large = DATA * 7 * 1024
    store.put("large.mp4", large, "video/mp4")
    assert store.stat("large.mp4").size_bytes == 7 * 2**20
    assert store.read("large.mp4") == large
    assert store.read("large.mp4", 6 * 2**20 + 1, 300) == large[6 * 2**20 + 1 :][:300]


@pytest.mark.parametrize(
    ("start", "length"),
    [(0, None), (0, 1), (0, 2), (5, None), (5, 10), (1023, 1), (1000, 100), (1023, None), (1024, None), (2000, 5)],
)
def test_a_range_is_read(store, start, length):
    store.put("a", DATA, "video/mp4")
    stop = None if length is None else start + length
    assert store.read("a", start, length) == DATA[start:stop]


def test_an_empty_object_is_read(store):
    store.put("empty", b"", "text/plain")
    assert store.read("empty") == b""


@pytest.mark.parametrize(("start", "length"), [(-1, None), (0, 0), (0, -1)])
def test_a_range_that_means_no_bytes_is_refused(store, start, length):
    store.put("a", DATA, "video/mp4")
    with pytest.raises(ValueError, match="1 byte or more"):
        store.read("a", start, length)


def test_an_object_that_is_not_there_is_missing(store):
    for put_another in (False, True):
        if put_another:
            store.put("another", DATA, "video/mp4")
        assert store.stat("a/b.mp4") is None
        with pytest.raises(ObjectMissing) as caught:
            store.read("a/b.mp4")
        assert caught.value.key == "a/b.mp4"
        assert pickle.loads(pickle.dumps(caught.value)).key == "a/b.mp4"
        with pytest.raises(ObjectMissing):
            store.read("a/b.mp4", 1, 1)


def test_a_deleted_object_is_gone_and_may_be_deleted_again(store):
    store.delete("a")
    store.put("a", DATA, "video/mp4")
    store.put("b", DATA, "video/mp4")
    store.delete("a")
    store.delete("a")
    assert store.stat("a") is None
    assert store.list("") == ["b"]


def test_list_gives_the_keys_of_a_prefix_sorted(store):
    assert store.list("") == []
    keys = ["b", "posters/1/image", "posters/1/record.json", "posters/10/image", "videos/a.json"]
    for key in reversed(keys):
        store.put(key, b"x", "text/plain")
    assert store.list("") == keys
    assert store.list("posters/1/") == ["posters/1/image", "posters/1/record.json"]
    assert store.list("posters/1") == ["posters/1/image", "posters/1/record.json", "posters/10/image"]
    assert store.list("videos/a.json") == ["videos/a.json"]
    assert store.list("none/") == []
    assert store.list("posters/1/image/") == []


def test_a_key_may_begin_with_another_key_and_a_slash(store):
    store.put("a", b"1", "text/plain")
    store.put("a/b", b"2", "text/plain")
    store.put("a.object/c", b"3", "text/plain")
    assert store.list("a") == ["a", "a.object/c", "a/b"]
    assert [store.read(key) for key in ("a", "a/b", "a.object/c")] == [b"1", b"2", b"3"]


def test_more_keys_than_a_page_are_listed(store):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: store.put(f"many/{i:04}", b"x", "text/plain"), range(1010)))
    assert store.list("many/") == [f"many/{i:04}" for i in range(1010)]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_bad_key_names_no_object(store, key):
    with pytest.raises(InvalidKey):
        store.put(key, DATA, "video/mp4")
    with pytest.raises(ObjectMissing):
        store.read(key)
    assert store.stat(key) is None
    store.delete(key)
    assert store.list("") == []


def test_a_prefix_does_not_leave_the_store(store, tmp_path):
    (tmp_path / "secret+object").write_bytes(b"{}\n")
    store.put("a/b", DATA, "video/mp4")
    for prefix in ["../", "../secret", "a/../../", "/", "//"]:
        assert store.list(prefix) == []


@given(st.text(max_size=12) | st.from_regex(r"[A-Za-z0-9._/-]{1,12}", fullmatch=True))
def test_a_checked_key_has_only_safe_parts(key):
    try:
        checked_key(key)
    except InvalidKey:
        return
    assert key.isascii()
    assert not set(key.split("/")) & {"", ".", ".."}
    assert not set(key) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/")


def test_readers_see_whole_objects_while_writers_replace_them(store):
    versions = [bytes([i]) * 50_000 for i in range(6)]
    store.put("shared", versions[0], "text/plain")
    done = threading.Event()
    seen = []

    def read_on():
        while not done.is_set():
            seen.append(store.read("shared"))

    with ThreadPoolExecutor(8) as pool:
        readers = [pool.submit(read_on) for _ in range(2)]
        list(pool.map(lambda i: store.put("shared", versions[i % 6], "text/plain"), range(40)))
        done.set()
        for reader in readers:
            reader.result()
    assert seen
    assert all(data in versions for data in seen)
    assert store.read("shared") in versions
    assert store.list("") == ["shared"]


def test_a_store_that_works_passes_its_check(store):
    store.check()
    store.check()
    assert store.list("") == []
