"""Downloads against a real server on this machine: one that works, breaks off, redirects or lies."""

import fcntl
import hashlib
import os
import random
import re
import resource
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import yaml

import fetch_weights
from deployments.lipsync.published import PublishedCheckpoint, read_published

PAYLOAD = random.Random(1).randbytes(300_000)
SIZE = len(PAYLOAD)
OTHER = PAYLOAD[:-1] + bytes([PAYLOAD[-1] ^ 1])
ETAG = '"first"'
HALF = SIZE // 2


class Web(ThreadingHTTPServer):
    """Its paths are what it does; `asked` is the Range of each request, with the path."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked = []

    def url(self, path):
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        name = self.path.strip("/")
        first = name not in [path for path, _ in self.server.asked]
        self.server.asked.append((name, self.headers.get("Range")))
        getattr(self, name.replace("-", "_"))(first)

    def answer(self, body=PAYLOAD, status=200, cut=None, length=None, **headers):
        """`length` 0 leaves the length to the end of the connection; `cut` ends it early."""
        self.send_response(status)
        if length != 0:
            self.send_header("Content-Length", str(length or len(body)))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body[:cut])
        self.close_connection = True

    def ranged(self, cut=None, etag=ETAG, **headers):
        """What a server does that knows ranges: RFC 9110, sections 13.1.5 and 14.2."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        strong = None if etag.startswith("W/") else etag
        if not asked or self.headers.get("If-Range") not in (None, strong, headers.get("Last_Modified")):
            return self.answer(cut=cut, ETag=etag, **headers)
        start = int(asked[1])
        span = f"bytes {start}-{SIZE - 1}/{SIZE}"
        return self.answer(PAYLOAD[start:], 206, cut, Content_Range=span, ETag=etag, **headers)

    def good(self, _):
        self.ranged()

    def old_version(self, first):
        if first:
            return self.answer(PAYLOAD[::-1], cut=HALF, ETag=ETAG)
        return self.ranged(cut=0)

    def changed(self, _):
        self.ranged(etag='"second"')

    def breaks_once(self, first):
        self.ranged(cut=HALF if first else None)

    def breaks_always(self, _):
        self.ranged(cut=SIZE // 5)

    def breaks_at_once(self, _):
        self.ranged(cut=0)

    def stops_at_half(self, first):
        self.ranged(cut=HALF if first else 0)

    def dated(self, _):
        self.ranged(cut=HALF, etag='W/"weak"', Last_Modified="Sat, 08 Apr 2023 10:37:47 GMT")

    def nameless(self, first):
        self.answer(cut=HALF if first else None)

    def ignores_ranges(self, first):
        self.answer(cut=HALF if first else None, ETag=ETAG)

    def wrong_range(self, first):
        if first:
            return self.ranged(cut=HALF)
        return self.answer(PAYLOAD[HALF + 1 :], 206, Content_Range=f"bytes {HALF + 1}-{SIZE - 1}/{SIZE}")

    def moved(self, _):
        self.answer(b"", 302, Location="/good")

    def loop(self, _):
        self.answer(b"", 302, Location="/loop")

    def leaves_the_web(self, _):
        self.answer(b"", 302, Location="ftp://127.0.0.1/weights")

    def leads_nowhere(self, _):
        self.answer(b"", 302, Location="http://[:/")

    def wrong_bytes(self, _):
        self.answer(OTHER)

    def web_page(self, _):
        self.answer(b"<html>Quota exceeded</html>".ljust(SIZE), Content_Type="text/html; charset=utf-8")

    def other_length(self, _):
        self.answer(PAYLOAD[:-5])

    def ends_early(self, _):
        self.answer(PAYLOAD[:-5], length=0)

    def too_long(self, _):
        self.answer(PAYLOAD + b"more", length=0)

    def gone(self, _):
        self.answer(b"no", 404)


@pytest.fixture(scope="module")
def running():
    web = Web()
    thread = threading.Thread(target=web.serve_forever, args=(0.02,))
    thread.start()
    yield web
    web.shutdown()
    thread.join()
    web.server_close()


@pytest.fixture
def web(running):
    running.asked.clear()
    return running


@pytest.fixture
def target(tmp_path):
    return tmp_path / "weights" / "wav2lip_gan.pth"


def listed(*mirrors, name="wav2lip_gan.pth"):
    return {
        "name": name,
        "sha256": hashlib.sha256(PAYLOAD).hexdigest(),
        "size_bytes": SIZE,
        "layout": "training checkpoint",
        "licence": "For research only.",
        "mirrors": mirrors,
    }


def fetch(web, target, *paths):
    fetch_weights.fetch(PublishedCheckpoint(**listed(*map(web.url, paths))), target)


def failure(web, target, *paths):
    with pytest.raises(fetch_weights.FetchFailed) as caught:
        fetch(web, target, *paths)
    assert not target.exists()
    return str(caught.value)


def left(target):
    return sorted(path.name for path in target.parent.iterdir())


def test_the_file_arrives_whole_and_alone(web, target):
    fetch(web, target, "good")
    assert target.read_bytes() == PAYLOAD
    assert left(target) == [target.name]


def test_a_break_is_resumed_where_it_was(web, target):
    fetch(web, target, "breaks-once")
    assert target.read_bytes() == PAYLOAD
    assert web.asked == [("breaks-once", None), ("breaks-once", f"bytes={HALF}-")]
    assert left(target) == [target.name]


def test_many_breaks_are_resumed_while_each_request_gets_something(web, target):
    fetch(web, target, "breaks-always")
    assert target.read_bytes() == PAYLOAD
    assert [span for _, span in web.asked] == [None, *(f"bytes={SIZE // 5 * n}-" for n in range(1, 5))]


def test_a_later_run_goes_on_where_the_earlier_one_stopped(web, target):
    said = failure(web, target, "stops-at-half")
    assert f"{HALF} bytes are kept" in said
    assert target.with_name("wav2lip_gan.pth.part").read_bytes() == PAYLOAD[:HALF]
    web.asked.clear()
    fetch(web, target, "good")
    assert web.asked == [("good", f"bytes={HALF}-")]
    assert target.read_bytes() == PAYLOAD
    assert left(target) == [target.name]


def test_a_part_that_was_complete_is_verified_and_takes_its_name(web, target):
    target.parent.mkdir()
    target.with_name("wav2lip_gan.pth.part").write_bytes(PAYLOAD)
    fetch(web, target, "good")
    assert web.asked == []
    assert target.read_bytes() == PAYLOAD


def test_a_part_that_cannot_be_of_this_file_is_thrown_away(web, target):
    target.parent.mkdir()
    target.with_name("wav2lip_gan.pth.part").write_bytes(OTHER + b"more")
    fetch(web, target, "good", "good")
    assert target.read_bytes() == PAYLOAD


def test_another_mirror_goes_on_with_the_same_file(web, target):
    fetch(web, target, "stops-at-half", "good")
    assert web.asked[-1] == ("good", f"bytes={HALF}-")
    assert target.read_bytes() == PAYLOAD


def test_a_file_that_has_changed_since_is_taken_from_its_beginning(web, target):
    failure(web, target, "old-version")
    fetch(web, target, "changed")
    assert web.asked[-1] == ("changed", f"bytes={HALF}-")
    assert target.read_bytes() == PAYLOAD


def test_a_weak_etag_does_not_resume_but_a_date_does(web, target):
    fetch(web, target, "dated")
    assert web.asked == [("dated", None), ("dated", f"bytes={HALF}-")]
    assert target.read_bytes() == PAYLOAD


def test_nothing_is_resumed_where_the_server_names_no_version(web, target):
    fetch(web, target, "nameless")
    assert web.asked == [("nameless", None), ("nameless", None)]
    assert target.read_bytes() == PAYLOAD


def test_a_server_that_ignores_ranges_starts_again(web, target):
    fetch(web, target, "ignores-ranges")
    assert web.asked[-1] == ("ignores-ranges", f"bytes={HALF}-")
    assert target.read_bytes() == PAYLOAD


def test_redirects_are_followed(web, target):
    fetch(web, target, "moved")
    assert [path for path, _ in web.asked] == ["moved", "good"]
    assert target.read_bytes() == PAYLOAD


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("wrong-bytes", f"has another file: {SIZE} bytes with sha256 {hashlib.sha256(OTHER).hexdigest()}"),
        ("web-page", "sends a web page"),
        ("other-length", f"has another file: {SIZE - 5} bytes, not {SIZE}"),
        ("ends-early", f"has another file: {SIZE - 5} bytes with sha256"),
        ("too-long", f"sends more than {SIZE} bytes"),
        ("gone", "answers 404 Not Found"),
        ("breaks-at-once", "failed: "),
        ("loop", "failed: Exceeded maximum allowed redirects"),
        ("leaves-the-web", "redirects from http to ftp"),
        ("leads-nowhere", "failed: "),
    ],
)
def test_a_mirror_that_fails_or_lies_leaves_nothing_and_the_next_one_is_tried(web, target, path, told):
    said = failure(web, target, path)
    assert f"{web.url(path)} {told}" in said
    assert left(target) == []
    fetch(web, target, path, "good")
    assert target.read_bytes() == PAYLOAD
    assert left(target) == [target.name]


def test_another_range_than_the_one_asked_for_is_not_taken(web, target):
    said = failure(web, target, "wrong-range")
    assert f"sends bytes {HALF + 1}-{SIZE - 1}/{SIZE}, not bytes {HALF}-{SIZE - 1}/{SIZE}" in said
    fetch(web, target, "good")
    assert target.read_bytes() == PAYLOAD


def test_a_server_that_is_not_there_is_a_sentence(web, target):
    url = "http://127.0.0.1:1/weights"
    with pytest.raises(fetch_weights.FetchFailed, match=f"{url} failed: .*refused"):
        fetch_weights.fetch(PublishedCheckpoint(**listed(url)), target)
    assert left(target) == []


@pytest.mark.parametrize(
    ("status", "location", "refused"),
    [
        (302, "http://example.org/weights", True),
        (307, "file:///etc/passwd", True),
        (302, "https://example.net/weights", False),
        (302, "/elsewhere", False),
        (200, "http://example.org/weights", False),
    ],
)
def test_https_is_never_left_for_less(status, location, refused):
    request = httpx.Request("GET", "https://example.org/")
    response = httpx.Response(status, headers={"location": location}, request=request)
    if refused:
        with pytest.raises(fetch_weights.MirrorFailed, match=r"redirects from https to (http|file)"):
            fetch_weights.check_redirect(response)
    else:
        fetch_weights.check_redirect(response)


def test_two_runs_do_not_write_the_same_file(web, target):
    target.parent.mkdir()
    with target.with_name("wav2lip_gan.pth.part").open("a+b") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        part.write(b"of the other run")
        part.flush()
        assert "another run" in failure(web, target, "good")
    assert target.with_name("wav2lip_gan.pth.part").read_bytes() == b"of the other run"


@pytest.fixture
def models(web, tmp_path):
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump({"checkpoints": [listed(web.url("good")), listed_other(web)]}))
    return path


def listed_other(web):
    return listed(web.url("wrong-bytes"), name="other.pth") | {"sha256": hashlib.sha256(OTHER).hexdigest()}


def run(models, target, *arguments):
    fetch_weights.main(["--models", str(models), "--to", str(target), *arguments])


def refusal(models, target, *arguments):
    with pytest.raises(SystemExit) as caught:
        run(models, target, *arguments)
    assert isinstance(caught.value.code, str)  # Python prints it and exits with 1
    return caught.value.code


@contextmanager
def terminal(monkeypatch, typed):
    """A real terminal for the standard streams; yields what reads its screen."""
    master, slave = os.openpty()
    with os.fdopen(os.dup(slave)) as source, os.fdopen(slave, "w") as screen:
        monkeypatch.setattr("sys.stdin", source)
        monkeypatch.setattr("sys.stdout", screen)
        os.write(master, typed)
        yield lambda: os.read(master, 100_000).decode()
        monkeypatch.undo()
    os.close(master)


def test_the_licence_is_shown_and_its_acceptance_asked_for(models, target, web, monkeypatch):
    with terminal(monkeypatch, b"yes\n") as screen:
        run(models, target)
        shown = screen()
    assert "For research only." in shown
    assert "Do you accept" in shown
    assert re.search(r"\r\[#{40}\] 100% of 0\.3 MB", shown)
    assert target.read_bytes() == PAYLOAD


@pytest.mark.parametrize("typed", [b"no\n", b"\n", b"\x04"])
def test_without_acceptance_nothing_is_asked_of_any_server(models, target, web, monkeypatch, typed):
    with terminal(monkeypatch, typed):
        assert "nothing was downloaded" in refusal(models, target)
    assert web.asked == []
    assert not target.parent.exists()


def test_without_a_terminal_the_licence_must_be_accepted_by_option(models, target, web, monkeypatch):
    with open(os.devnull) as nobody:
        monkeypatch.setattr("sys.stdin", nobody)
        assert "--yes" in refusal(models, target)
    assert web.asked == []


def test_a_name_chooses_and_progress_is_lines_where_there_is_no_terminal(models, target, capsys):
    run(models, target, "other.pth", "--yes")
    assert target.read_bytes() == OTHER
    said = capsys.readouterr().out
    assert "\r" not in said
    assert f"[{'#' * 40}] 100% of 0.3 MB" in said


def test_an_unknown_name_lists_the_known_ones(models, target):
    assert "choose one of wav2lip_gan.pth, other.pth" in refusal(models, target, "wav3lip.pth", "--yes")


def test_what_is_there_already_is_not_fetched_again(models, target, web, capsys):
    target.parent.mkdir()
    target.write_bytes(PAYLOAD)
    run(models, target)
    assert "is there already" in capsys.readouterr().out
    assert web.asked == []


def test_another_file_in_its_place_is_not_overwritten(models, target, web):
    target.parent.mkdir()
    target.write_bytes(b"my own weights")
    assert "another file" in refusal(models, target, "--yes")
    assert target.read_bytes() == b"my own weights"
    assert web.asked == []


def test_no_room_is_a_sentence_and_the_next_run_goes_on(models, target, web):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        said = refusal(models, target, "--yes")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert said.startswith(f"Cannot write {target}: File too large.")
    assert not target.exists()
    run(models, target, "--yes")
    assert web.asked == [("good", None), ("good", "bytes=100000-")]
    assert target.read_bytes() == PAYLOAD


def test_a_folder_that_cannot_be_made_is_a_sentence(models, tmp_path):
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "weights.pth"
    assert refusal(models, target, "--yes").startswith(f"Cannot write {target}: ")


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": "ca9a"},
        {"sha256": "G" * 64},
        {"size_bytes": 0},
        {"size_bytes": "many"},
        {"layout": "zip"},
        {"mirrors": []},
        {"mirrors": ["ftp://example.org/weights"]},
        {"mirror": ["https://example.org/weights"]},
        {"licence": None},
        {"name": "other.pth"},
    ],
)
def test_a_malformed_list_is_refused(models, target, web, change):
    content = {"checkpoints": [listed(web.url("good")) | change, listed_other(web)]}
    models.write_text(yaml.safe_dump(content))
    assert "does not list checkpoints as it should" in refusal(models, target, "--yes")


@pytest.mark.parametrize("text", ["", "checkpoints: []", "checkpoints: [", "- 1", "checkpoints: []\nmore: 1"])
def test_what_is_no_list_is_refused(models, target, text):
    models.write_text(text)
    assert "does not list checkpoints as it should" in refusal(models, target, "--yes")


def test_a_list_that_is_not_there_is_named(tmp_path, target):
    assert "none.yaml" in refusal(tmp_path / "none.yaml", target, "--yes")


def test_the_shipped_list_names_the_three_files_and_their_licence():
    shipped = {each.name: each for each in read_published()}
    assert list(shipped) == ["wav2lip_gan.pth", "wav2lip.pth", "Wav2Lip-SD-GAN.pt"]
    assert [each.size_bytes for each in shipped.values()] == [435_801_865, 435_807_851, 145_829_145]
    assert all("LRS2" in each.licence and "Research" in each.licence for each in shipped.values())
    assert all(url.startswith("https://") for each in shipped.values() for url in each.mirrors)
