"""What HAProxy answers by itself, in front of the service."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cluster.testbed.service import ROOT, free_port

UNKNOWN_PATH = 'backend default_backend\n    http-request return status 404 content-type text/plain lf-string "Path '
CONFIG = """
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    errorfile 502 {folder}/500.http
    errorfile 503 {folder}/500.http
    errorfile 504 {folder}/500.http
frontend http_frontend
    bind 127.0.0.1:{port}
    use_backend app if {{ path_beg /v1/ }}
    default_backend default_backend
{unknown_path}\\'%[path]\\' not found."
backend app
    server replica 127.0.0.1:{nobody}
"""


@pytest.fixture
def haproxy(tmp_path):
    """Serve's configuration, shortened, of an application whose only replica is gone."""
    port = free_port()
    (tmp_path / "500.http").write_text("HTTP/1.1 500 Internal Server Error\r\n\r\n")
    config = tmp_path / "haproxy.cfg"
    config.write_text(CONFIG.format(folder=tmp_path, port=port, nobody=free_port(), unknown_path=UNKNOWN_PATH))
    command = [sys.executable, str(ROOT / "scripts" / "haproxy"), "-db", "-f", str(config)]
    with subprocess.Popen(command, env=os.environ | {"RAY_SERVE_HAPROXY_BINARY_PATH": command[1]}) as process:
        yield httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=8))
        process.kill()


@pytest.mark.parametrize("path", ["/v1/videos/vid_1", "/before-it-knows-of-the-application"])
def test_what_it_answers_by_itself_says_when_to_ask_again(haproxy, path):
    with haproxy as http:
        answer = http.get(path)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["retryable"] is True


def test_serve_still_writes_the_lines_that_are_changed():
    [serve] = importlib.util.find_spec("ray.serve").submodule_search_locations
    template = (Path(serve) / "_private" / "haproxy_templates.py").read_text()
    assert UNKNOWN_PATH in template.replace('\\"', '"')
    assert "    errorfile 503 {{ config.error_file_path }}\n" in template
