"""A stream in a store: grows in order, never in the encoder's way, whatever the store does."""

import asyncio
import io
import logging
import threading
import time
from fractions import Fraction

import av
import pytest
from test_render import SIZE, chunks, keep_in, silence

from deployments.errors import StorageUnavailable
from deployments.storage.disk import DiskStore
from deployments.video.encode import Encoding
from deployments.video.render import Renderer, finished
from deployments.video.stream import WAITING, Stream

PREFIX = "streams/abc"
TWO_S = Fraction(2)


class Files(DiskStore):
    """A folder that tells what was put, and fails or waits when it is told to."""

    def __init__(self, root):
        super().__init__(root)
        self.puts = []
        self.failing = False
        self.going = threading.Event()
        self.going.set()

    def put(self, key, content, content_type):
        assert self.going.wait(30)
        if self.failing:
            raise StorageUnavailable("away")
        super().put(key, content, content_type)
        self.puts.append(key)

    def playlist(self):
        return self.read(f"{PREFIX}/stream.m3u8").decode().splitlines()

    def segments(self):
        return [line for line in self.playlist() if not line.startswith("#")]


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def began(stream, segments=0):
    stream.begin(b"init", 2)
    for number in range(segments):
        stream.add(b"segment %d" % number, TWO_S)
    return stream


def test_a_finished_stream_is_an_ended_playlist_of_what_is_stored(files):
    with Stream(files, PREFIX) as stream:
        began(stream)
        stream.add(b"first", Fraction(3, 5))
        stream.add(b"second", Fraction(47 * 1001, 24000))
        stream.end()
    init = files.playlist()[6].split('"')[1]
    first, second = files.segments()
    assert files.playlist() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-PLAYLIST-TYPE:EVENT",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-START:TIME-OFFSET=0",
        f'#EXT-X-MAP:URI="{init}"',
        "#EXTINF:0.600000,",
        first,
        "#EXTINF:1.960292,",
        second,
        "#EXT-X-ENDLIST",
    ]
    assert [files.read(f"{PREFIX}/{name}") for name in (init, first, second)] == [b"init", b"first", b"second"]
    assert files.stat(f"{PREFIX}/stream.m3u8").content_type == "application/vnd.apple.mpegurl"
    assert files.stat(f"{PREFIX}/{first}").content_type == "video/mp4"


def test_the_playlist_grows_by_each_segment_once_that_is_stored(files):
    with Stream(files, PREFIX) as stream:
        began(stream)
        for number in range(1, 4):
            stream.add(b"segment", TWO_S)
            until(lambda number=number: len(files.puts) == 1 + 2 * number)
            assert len(files.segments()) == number
            assert "#EXT-X-ENDLIST" not in files.playlist()
    order = [key.rpartition(".")[2] for key in files.puts]
    assert order == ["mp4", "m4s", "m3u8", "m4s", "m3u8", "m4s", "m3u8"]


def test_a_slow_store_holds_nobody_up(files):
    files.going.clear()
    with Stream(files, PREFIX) as stream:
        before = time.perf_counter()
        began(stream, WAITING - 1)
        assert time.perf_counter() - before < 2  # the store never answers
        files.going.set()
        until(lambda: len(files.puts) == 1 + 2 * (WAITING - 1))
        stream.end()
    assert len(files.segments()) == WAITING - 1
    assert files.playlist()[-1] == "#EXT-X-ENDLIST"


def test_a_store_that_stays_behind_costs_the_stream_not_the_memory(files, caplog):
    files.going.clear()
    with Stream(files, PREFIX) as stream, caplog.at_level(logging.WARNING, "ray.serve"):
        began(stream, 3 * WAITING)
        files.going.set()
        stream.end()
    assert len(files.puts) <= 1
    assert [record.message for record in caplog.records] == [
        f"the stream {PREFIX} breaks off, its video does not: the store is slower than the encoder"
    ]


def test_a_stream_that_breaks_off_has_no_end(files, caplog):
    with Stream(files, PREFIX) as stream, caplog.at_level(logging.WARNING, "ray.serve"):
        began(stream, 2)
        until(lambda: len(files.puts) == 5)
        files.failing = True
        stream.add(b"lost", TWO_S)
        until(lambda: caplog.records)
        files.failing = False
        stream.add(b"after a gap", TWO_S)
        stream.end()
    assert len(files.segments()) == 2
    assert "#EXT-X-ENDLIST" not in files.playlist()
    assert len(caplog.records) == 1


def test_a_stream_left_before_its_end_stores_nothing_more(files):
    files.going.clear()
    with Stream(files, PREFIX) as stream:
        began(stream, 5)
    files.going.set()
    until(lambda: not any(thread.name.startswith("stream") for thread in threading.enumerate()))
    assert len(files.puts) <= 1
    assert files.stat(f"{PREFIX}/stream.m3u8") is None


def test_a_second_try_shows_no_segment_of_the_first_and_never_a_shorter_playlist(files):
    with Stream(files, PREFIX) as first:
        began(first, 3)
        until(lambda: len(files.puts) == 7)
    old = files.playlist()
    with Stream(files, PREFIX) as second:
        began(second, 3)
        until(lambda: len(files.puts) == 11)
        assert files.playlist() == old
        second.add(b"one more", TWO_S)
        until(lambda: len(files.puts) == 13)
        assert len(files.segments()) == 4
        second.end()
    named = [*files.segments(), next(line for line in files.playlist() if "MAP" in line).split('"')[1]]
    assert len({name.partition("-")[0] for name in named}) == 1
    assert not set(old) & set(files.segments())
    assert all(files.stat(f"{PREFIX}/{name}") for name in old if not name.startswith("#"))  # players may still ask


def test_a_second_try_that_gets_no_further_replaces_the_first_with_its_end(files):
    for _ in range(2):
        with Stream(files, PREFIX) as stream:
            began(stream, 3)
            stream.end()
    assert len(files.segments()) == 3
    assert files.playlist()[-1] == "#EXT-X-ENDLIST"
    assert files.segments()[0] in {key.rpartition("/")[2] for key in files.puts[9:]}


def rendered(stream, seconds=5.0):
    kept = io.BytesIO()
    shots = chunks(round(25 * seconds))
    renderer = Renderer(Encoding(preset="ultrafast"))
    clip = asyncio.run(finished(renderer.render(SIZE, silence(seconds), 25.0, shots, keep_in(kept), stream)))
    return clip, kept.getvalue()


def test_a_failing_segment_store_leaves_the_video_intact(files, caplog):
    files.failing = True
    with Stream(files, PREFIX) as stream, caplog.at_level(logging.WARNING, "ray.serve"):
        clip, mp4 = rendered(stream)
        stream.end()
    assert "away" in caplog.text
    assert mp4 == rendered(None)[1]
    assert clip.frames == 125
    assert files.puts == []


def test_a_render_and_its_stream_show_the_same(files):
    with Stream(files, PREFIX) as stream:
        clip, mp4 = rendered(stream)
        stream.end()
    init = files.playlist()[6].split('"')[1]
    parts = b"".join(files.read(f"{PREFIX}/{name}") for name in [init, *files.segments()])

    def frames(data):
        with av.open(io.BytesIO(data)) as file:
            return [(frame.time, frame.to_ndarray().tobytes()) for frame in file.decode(video=0)]

    assert frames(parts) == frames(mp4)
    lasting = [float(line[8:-1]) for line in files.playlist() if line.startswith("#EXTINF:")]
    assert sum(lasting) == pytest.approx(clip.duration_s, abs=1e-5)
