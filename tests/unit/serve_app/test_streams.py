"""The stream's routes over a real folder: what a player gets while the video is made, and after."""

import asyncio
from fractions import Fraction

import httpx
import pytest

from deployments.errors import UnknownVideo
from deployments.jobs.index import Answer
from deployments.jobs.order import VideoOrder
from deployments.jobs.records import VideoRecord
from deployments.storage.disk import DiskStore
from deployments.video.stream import Stream
from serve_app.api import make_api
from serve_app.settings import Settings

RECORD = VideoRecord(
    id=f"vid_{'a' * 32}",
    content_id="c" * 32,
    order=VideoOrder(poster_key="posters/a/abc", poster_id="a", text="Hello."),
    engine="preview",
    status="processing",
)
URL = f"/v1/videos/{RECORD.id}"


class FolderService:
    """One record, and a folder of objects."""

    def __init__(self, root):
        self.store = DiskStore(root)
        self.record = RECORD

    async def find(self, video_id, owner):
        if video_id != self.record.id:
            raise UnknownVideo("There is no such video.")
        return Answer(self.record)

    async def content(self, key):
        return self.store.stat(key)

    async def read(self, key, start, stop):
        yield self.store.read(key, start, stop - start)


class Http:
    """A client of an ASGI app."""

    def __init__(self, api):
        self._api = api

    def request(self, method, url, headers=None):
        async def answer():
            transport = httpx.ASGITransport(self._api)
            async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
                return await client.request(method, url, headers=headers)

        return asyncio.run(answer())

    def get(self, url, headers=None):
        return self.request("GET", url, headers)


@pytest.fixture
def service(tmp_path):
    return FolderService(tmp_path)


@pytest.fixture
def http(service):
    return Http(make_api(service, Settings()))


@pytest.fixture
def stream(service):
    with Stream(service.store, RECORD.stream_prefix) as stream:
        stream.begin(b"the init segment", 2)
        stream.add(b"the first segment", Fraction(3, 5))
        stream._worker.submit(lambda: None).result(10)
        yield stream


def links(playlist):
    init = next(line for line in playlist.splitlines() if "MAP" in line).split('"')[1]
    return [init, *[line for line in playlist.splitlines() if not line.startswith("#")]]


def test_before_the_first_segment_a_player_is_told_to_ask_again(http):
    answer = http.get(f"{URL}/stream.m3u8")
    assert answer.status_code == 409
    assert answer.headers["retry-after"] == "1"
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.json()["code"], answer.json()["retryable"]) == ("video_not_ready", True)


def test_a_growing_playlist_is_not_kept_and_its_links_lead_to_the_segments(http, stream):
    answer = http.get(f"{URL}/stream.m3u8")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert answer.headers["cache-control"] == "no-cache"
    assert "#EXT-X-ENDLIST" not in answer.text
    parts = [http.get(f"{URL}/{link}") for link in links(answer.text)]
    assert [part.content for part in parts] == [b"the init segment", b"the first segment"]
    assert all("immutable" in part.headers["cache-control"] for part in parts)
    assert all(part.headers["content-type"] == "video/mp4" for part in parts)


def test_a_whole_playlist_stays_when_the_video_is_done(http, service, stream):
    stream.end()
    service.record = RECORD.with_(status="completed")
    answer = http.get(f"{URL}/stream.m3u8")
    assert answer.text.endswith("#EXT-X-ENDLIST\n")
    assert "max-age" in answer.headers["cache-control"]


@pytest.mark.parametrize("status", ["completed", "failed", "canceled"])
def test_a_stream_that_broke_off_is_gone_once_nothing_more_can_come(http, service, stream, status):
    service.record = RECORD.with_(status=status)
    answer = http.get(f"{URL}/stream.m3u8")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (410, "stream_unavailable", False)


def test_a_completed_video_without_a_stream_says_so(http, service):
    service.record = RECORD.with_(status="completed")
    assert http.get(f"{URL}/stream.m3u8").status_code == 410


def test_unknown_videos_and_segments_are_404(http, stream):
    other = f"/v1/videos/vid_{'b' * 32}"
    for url in (f"{other}/stream.m3u8", f"{other}/stream/x.m4s", f"{URL}/stream/x.m4s", f"{URL}/stream/%2e%2e"):
        answer = http.get(url)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_signature_reaches_the_segments_and_nothing_else_of_the_query_does(http, stream):
    playlist = http.get(f"{URL}/stream.m3u8?exp=17&sig=a%2Bb%22&other=1").text
    assert all(link.endswith("?exp=17&sig=a%2Bb%22") for link in links(playlist))


def test_a_segment_answers_ranges_head_and_etag(http, stream):
    url = f"{URL}/{links(http.get(f'{URL}/stream.m3u8').text)[1]}"
    part = http.get(url, headers={"range": "bytes=4-8"})
    assert (part.status_code, part.content) == (206, b"first")
    head = http.request("HEAD", url)
    assert (head.content, head.headers["content-length"]) == (b"", "17")
    assert http.get(url, headers={"if-none-match": head.headers["etag"]}).status_code == 304


def test_a_page_of_another_origin_may_read_answers_and_errors(http, stream):
    origin = {"origin": "http://player.example"}
    for url in (f"{URL}/stream.m3u8", f"{URL}/stream/none.m4s"):
        answer = http.get(url, headers=origin)
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "Content-Range" in answer.headers["access-control-expose-headers"]
    asked = origin | {"access-control-request-method": "GET", "access-control-request-headers": "range"}
    preflight = http.request("OPTIONS", f"{URL}/stream/none.m4s", asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-headers"] == "range"


def test_other_routes_are_not_opened_to_other_origins(http):
    assert "access-control-allow-origin" not in http.get(URL, headers={"origin": "http://player.example"}).headers
