"""The URL plays: ranges, HEAD, ETag, and a real browser."""

import shutil
import subprocess

import httpx
import pytest
from client import mobile


@pytest.fixture(scope="module")
def video(http):
    body = {"imageId": "astronaut", "text": "Play me, and play me again."}
    reply = mobile(http, **body).json()
    assert http.post("/lipsync/generate-talking-photo", json=body).json() == reply
    return reply


def test_the_mobile_answer_has_exactly_its_fields(video):
    assert set(video) == {"success", "videoId", "videoUrl", "duration", "status", "error"}
    assert (video["success"], video["status"], video["error"]) == (True, "completed", None)
    assert 1 < video["duration"] < 5


def test_the_whole_video(video):
    answer = httpx.get(video["videoUrl"])
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.content[4:8] == b"ftyp"


@pytest.mark.ffmpeg
def test_ffmpeg_has_nothing_to_complain_of_and_both_ways_show_the_same(video):
    shown = []
    for url in (video["videoUrl"], video["videoUrl"].replace("/content", "/stream.m3u8")):
        command = ["ffmpeg", "-v", "warning", "-xerror", "-i", url, "-map", "0:v", "-f", "framemd5", "-"]
        done = subprocess.run(command, capture_output=True, check=True)
        assert done.stderr == b""
        shown.append([line.rsplit(b",", 1)[1] for line in done.stdout.splitlines() if not line.startswith(b"#")])
    assert shown[0] == shown[1]
    assert len(shown[0]) == round(25 * video["duration"])


def test_ranges_are_parts_of_the_whole(video):
    whole = httpx.get(video["videoUrl"]).content
    for asked, part in (("0-1", whole[:2]), ("100-199", whole[100:200]), ("-50", whole[-50:]), ("1000-", whole[1000:])):
        answer = httpx.get(video["videoUrl"], headers={"range": f"bytes={asked}"})
        assert answer.status_code == 206
        assert answer.content == part
        assert answer.headers["content-range"].endswith(f"/{len(whole)}")


def test_an_impossible_range_is_416_with_the_size(video):
    answer = httpx.get(video["videoUrl"], headers={"range": "bytes=999999999-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"].startswith("bytes */")


def test_head_tells_the_size_without_the_bytes(video):
    answer = httpx.head(video["videoUrl"])
    assert answer.status_code == 200
    assert int(answer.headers["content-length"]) > 1000
    assert answer.content == b""


def test_an_etag_saves_the_second_download_and_guards_a_resumed_one(video):
    etag = httpx.get(video["videoUrl"]).headers["etag"]
    assert httpx.get(video["videoUrl"], headers={"if-none-match": etag}).status_code == 304
    assert httpx.get(video["videoUrl"], headers={"if-none-match": "*"}).status_code == 304
    resumed = {"range": "bytes=0-9", "if-range": etag}
    assert httpx.get(video["videoUrl"], headers=resumed).status_code == 206
    assert httpx.get(video["videoUrl"], headers=resumed | {"if-range": '"another"'}).status_code == 200


def test_the_video_object_tells_what_was_made(http, video):
    seen = http.get(f"/v1/videos/{video['videoId']}").json()
    assert (seen["status"], seen["engine"], seen["poster_id"]) == ("completed", "preview", "astronaut")
    assert seen["video_url"] == video["videoUrl"]
    assert (seen["width"], seen["height"], seen["fps"]) == (512, 512, 25.0)


PAGE = """<!doctype html><title>waiting</title><video muted autoplay src="{url}"></video><pre id=out></pre><script>
const video = document.querySelector("video");
const say = what => fetch("http://127.0.0.1:{port}/" + encodeURIComponent(what), {{mode: "no-cors"}});
video.onended = () => say(`ended ${{video.currentTime.toFixed(2)}} ${{video.videoWidth}}x${{video.videoHeight}}`);
video.onerror = () => say("error " + video.error.message);
</script>"""


@pytest.mark.chromium
def test_a_browser_plays_it_to_the_end(video, tmp_path):
    import http.server
    import threading
    import urllib.parse

    told = []
    heard = threading.Event()

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            if self.path == "/":
                self.wfile.write(PAGE.format(url=video["videoUrl"], port=self.server.server_port).encode())
            elif self.path != "/favicon.ico":
                told.append(urllib.parse.unquote(self.path[1:]))
                heard.set()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = subprocess.Popen(
            [
                shutil.which("chromium"),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--autoplay-policy=no-user-gesture-required",
                f"--user-data-dir={tmp_path}",
                "--remote-debugging-port=0",
                f"http://127.0.0.1:{server.server_port}/",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert heard.wait(60)
        finally:
            browser.terminate()
            browser.wait(10)
            server.shutdown()
    what, seconds, size = told[0].split()
    assert (what, size) == ("ended", "512x512")
    assert float(seconds) == pytest.approx(video["duration"], abs=0.1)
