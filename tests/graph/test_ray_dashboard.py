"""What operators see of a running service: its metrics, by the names they are asked for, and Ray's own dashboard."""

import contextlib
import http.server
import json
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
from client import mobile

from deployments.meters import JobMeters, LipsyncMeters

ROOT = Path(__file__).parents[2]
DASHBOARD = ROOT / "cluster" / "monitoring" / "grafana" / "dashboards" / "talking-posters.json"
SUFFIXES = {"Counter": "_total", "Gauge": "", "Histogram": "_bucket"}
STAGES = ("Ingress", "JobsStage", "StorageStage", "SpeechStage", "FacesStage", "LipsyncStage", "VideoStage")
NOT_HERE = re.compile(r"ray_node_g|ray_cluster_pending_nodes|error_counter|photo_dollars")
"""Series that this service has no reason for: no GPU, no node on its way, no exception, no price."""


class Names:
    """Like `ray.serve.metrics`, but only notes the name under which each metric is exported."""

    def __init__(self):
        self.names = []

    def __getattr__(self, kind):
        return lambda name, *rest: self.names.append(f"ray_{name}{SUFFIXES[kind]}")


def scraped(service):
    """All that Ray exports of this service, as Prometheus finds it: from the file that Ray keeps for it."""
    sessions = {
        found[0]
        for process in service.processes()
        if (found := re.findall(r"/tmp/ray/session_[\w-]+", commands(process)))
    }
    assert len(sessions) == 1
    (found,) = json.loads((Path(sessions.pop()) / "prom_metrics_service_discovery.json").read_text())
    return "".join(map(answered, found["targets"]))


def answered(target):
    """What a target says; that of the autoscaler has one port for all clusters of a machine, and may be another's."""
    with contextlib.suppress(httpx.ConnectError):
        return httpx.get(f"http://{target}/metrics", timeout=30).text
    return ""


def commands(process):
    with contextlib.suppress(Exception):  # it has ended meanwhile
        return " ".join(process.cmdline())
    return ""


def series(text):
    return {re.match(r"[\w:]+", line)[0] for line in text.splitlines() if line and not line.startswith("#")}


def own():
    """The series of the project, one for each of its metrics."""
    kinds = Names()
    LipsyncMeters(kinds)
    JobMeters(kinds)
    return {name for name in kinds.names if not NOT_HERE.search(name)}


def asked():
    """The series that Grafana asks for."""
    board = json.loads(DASHBOARD.read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel.get("targets", [])]
    found = {name for expression in expressions for name in re.findall(r"\bray_\w+", expression)}
    return {name for name in found if not NOT_HERE.search(name)}


@pytest.fixture(scope="module")
def exported(service, http):
    """The names of all series after a video was made: every process passes its figures on each ten seconds."""
    mobile(http, imageId="astronaut", text="Metrics are for operators.")
    began = time.monotonic()
    while (own() | asked()) - (names := series(scraped(service))) and time.monotonic() - began < 90:
        time.sleep(2)
    return names


def test_every_metric_of_the_project_is_exported_under_the_name_that_is_asked_for(exported):
    assert len(own()) == 10
    assert sorted(own() - exported) == []


def test_every_series_that_grafana_asks_for_is_there(exported):
    assert len(asked()) >= 20
    assert sorted(asked() - exported) == []


@contextlib.contextmanager
def with_the_token(url):
    """The dashboard at another port, where the token that it asks for is put into each request."""
    token = Path.home() / ".ray" / "auth_token"
    headers = {"authorization": f"Bearer {token.read_text().strip()}"} if token.exists() else {}
    upstream = httpx.Client(base_url=url, headers=headers, timeout=60)

    class Proxy(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer = upstream.get(self.path)
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers.get("content-type", "text/plain"))
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *args):
            pass

    with upstream, http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def browse(url, profile, shot):
    """The page that headless Chromium has built when its requests have been answered, and a picture of it in `shot`."""
    fixed = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"]
    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    wait = ["--virtual-time-budget=15000", "--window-size=1400,1080", f"--user-data-dir={profile}"]
    command = [shutil.which("chromium"), *fixed, *quiet, *wait, "--dump-dom", f"--screenshot={shot}", url]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=True).stdout


@pytest.mark.chromium
def test_rays_dashboard_shows_every_stage(service, tmp_path):
    shot = tmp_path / "dashboard.png"
    (url,) = set(re.findall(r"View the dashboard at \S*?(http://[\d.:]+)", service.log.read_text()))
    with with_the_token(url) as open_url:
        page = browse(f"{open_url}/#/serve/applications/talking-photo", tmp_path / "profile", shot)
    shown = re.findall(r">(\w+)</a>", page)
    assert [stage for stage in STAGES if stage not in shown] == []
    assert len(re.findall(">(HEALTHY|UPSCALING|DOWNSCALING)<", page)) == len(STAGES)
    assert shot.read_bytes()[:4] == b"\x89PNG"
