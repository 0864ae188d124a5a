"""The folder store: crashes, a disk that fails, and what lies on it."""

import os
import signal
import subprocess
import sys
import time

import pytest

from deployments.errors import StorageUnavailable
from deployments.storage.disk import DiskStore

WRITER = """
import sys
from pathlib import Path
from deployments.storage.disk import DiskStore

store = DiskStore(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    for letter in b"abc":
        store.put("videos/one.mp4", bytes([letter]) * 3_000_000, "video/mp4")
"""


def test_a_killed_writer_leaves_a_whole_object(tmp_path):
    for wait_s in (0.11, 0.16, 0.23):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        with writer:
            writer.stdout.readline()
            time.sleep(wait_s)
            writer.send_signal(signal.SIGKILL)
        store = DiskStore(tmp_path)
        data = store.read("videos/one.mp4")
        assert data in [letter * 3_000_000 for letter in (b"a", b"b", b"c")]
        assert store.stat("videos/one.mp4").size_bytes == 3_000_000
        assert store.list("") == ["videos/one.mp4"]


def test_what_a_crash_left_half_written_is_no_object(tmp_path):
    store = DiskStore(tmp_path)
    store.put("a/b", b"whole", "text/plain")
    (tmp_path / "a" / "tmpx1y2+half").write_bytes(b"ha")
    (tmp_path / "tmpx1y2+half").write_bytes(b"")
    assert store.list("") == ["a/b"]
    assert store.read("a/b") == b"whole"


def test_nothing_but_the_object_is_left_behind(tmp_path):
    store = DiskStore(tmp_path)
    store.put("a/b", b"1", "text/plain")
    store.put("a/b", b"2", "text/plain")
    store.check()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["b+object"]


def test_another_store_on_the_same_folder_sees_the_objects(tmp_path):
    DiskStore(tmp_path).put("a/b", b"data", "text/plain")
    again = DiskStore(tmp_path)
    assert again.read("a/b") == b"data"
    assert again.stat("a/b") == DiskStore(tmp_path).stat("a/b")


def test_a_folder_has_no_urls(tmp_path):
    store = DiskStore(tmp_path)
    store.put("a", b"data", "text/plain")
    assert store.url("a", 60) is None


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = DiskStore(tmp_path / "file" / "objects")
    for call in (store.check, lambda: store.put("a", b"data", "text/plain"), lambda: store.read("a")):
        with pytest.raises(StorageUnavailable, match="see its disk and rights") as caught:
            call()
        assert caught.value.retryable


def test_a_disk_that_fills_while_it_is_written_is_unavailable_and_left_clean(tmp_path):
    import resource

    store = DiskStore(tmp_path)
    store.put("a", b"before", "text/plain")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # as a full disk does, it fails in the middle
    try:
        with pytest.raises(StorageUnavailable):
            store.put("a", bytes(1_000_000), "text/plain")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert store.read("a") == b"before"
    assert os.listdir(tmp_path) == ["a+object"]
