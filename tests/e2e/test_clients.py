"""What docs/api.md and the Node example show, against a service with keys and webhooks."""

import json
import os
import re
import shutil
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from keyed import KEYS, NEW_SECRET
from standardwebhooks import Webhook

from cluster.testbed.service import free_port
from cluster.testbed.webhooks import SECRET

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "node" / "talking-poster.mjs"
POSTER = ROOT / "tests" / "assets" / "poster.png"
KEY = KEYS["clients"]
OLD, NEW = SECRET, NEW_SECRET
BODY = '{"type":"video.completed","data":{"id":"vid_ä"}}'
VERIFY = f"""
import {{ verify }} from "{EXAMPLE.as_uri()}";
const [headers, body, secret] = JSON.parse(process.argv[1]);
console.log(verify(headers, Buffer.from(body), secret));
"""

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def ran(command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, **options)


def signed(*secrets, age_s=0):
    at = datetime.fromtimestamp(int(time.time()) - age_s, UTC)
    signatures = [Webhook(secret).sign("msg_1", at, BODY) for secret in secrets]
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def verified(headers, body=BODY, secret=NEW):
    done = ran(["node", "--input-type=module", "-e", VERIFY, json.dumps([headers, body, secret])])
    assert done.returncode == 0, done.stderr
    return {"true": True, "false": False}[done.stdout.strip()]


@needs_node
def test_the_example_takes_what_standard_webhooks_signs_also_while_a_secret_is_rotated():
    assert verified(signed(NEW))
    assert verified(signed(OLD, NEW))
    assert verified(signed(NEW, OLD))
    assert verified(signed(NEW, age_s=200))


@needs_node
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(OLD), BODY),
        (signed(NEW), BODY + " "),
        (signed(NEW) | {"webhook-id": "msg_2"}, BODY),
        (signed(NEW) | {"webhook-timestamp": str(int(time.time()) + 60)}, BODY),
        (signed(NEW) | {"webhook-signature": "v1," + "A" * 40}, BODY),
        (signed(NEW) | {"webhook-signature": signed(NEW)["webhook-signature"].replace("v1,", "v2,")}, BODY),
        (signed(NEW, age_s=1000), BODY),
        (signed(NEW, age_s=-1000), BODY),
        ({}, BODY),
    ],
    ids=["secret", "body", "id", "timestamp", "length", "version", "old", "early", "unsigned"],
)
def test_the_example_refuses_any_other(headers, body):
    assert not verified(headers, body)


@pytest.fixture
def service(keyed_service):
    return keyed_service


def example(service, tmp_path, **changes):
    (tmp_path / "me.png").write_bytes(POSTER.read_bytes())
    env = {"BASE_URL": service.url, "API_KEY": KEY, "WEBHOOK_SECRET": OLD, "POSTER": str(tmp_path / "me.png")}
    return ran(["node", str(EXAMPLE), "Good morning from Node."], env=os.environ | env | changes)


@needs_node
@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("turn", ["made", "known already"])
def test_the_example_makes_a_video_and_is_told_by_webhook(service, tmp_path, turn):
    done = example(service, tmp_path)
    assert done.returncode == 0, done.stderr
    poster, mobile, webhook, video = done.stdout.splitlines()
    with httpx.Client(headers={"authorization": f"Bearer {KEY}"}) as http:
        known = http.get(f"{service.url}/v1/posters/me").json()
    assert poster == f"poster  me: {known['width']}x{known['height']}, faces: 1"
    assert re.fullmatch(rf"mobile  completed, [1-9][\d.]* s: {service.url}/v1/videos/vid_\w+/content\?exp=\S+", mobile)
    told = re.fullmatch(r"webhook video.completed of (vid_\w+) as msg_\w+", webhook)
    assert told, webhook
    url = video.removeprefix("video   ")
    assert url.startswith(f"{service.url}/v1/videos/{told[1]}/content?exp=")
    played = httpx.get(url)
    assert (played.status_code, played.content[4:8]) == (200, b"ftyp")


@needs_node
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"API_KEY": "not-a-key"}, "401 unauthorized: Send a known API key"),
        ({"WEBHOOK_URL": "http://10.0.0.1/hook"}, "422 url_refused: "),
    ],
    ids=["key", "webhook"],
)
def test_the_example_says_what_is_wrong(service, tmp_path, changes, sentence):
    done = example(service, tmp_path, **changes)
    assert (done.returncode, done.stderr.startswith(sentence)) == (1, True), done.stderr


@needs_curl
def test_the_curl_commands_of_the_api_document_work_as_they_stand(service, tmp_path):
    (tmp_path / "me.jpg").write_bytes(POSTER.read_bytes())
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.DOTALL)
    commands = "\n".join(blocks)
    assert commands.count("curl ") >= 10
    strict = 'curl() { command curl -sS --fail-with-body "$@"; }\n'
    nobody = f"http://127.0.0.1:{free_port()}/hook"
    env = os.environ | {"BASE_URL": service.url, "API_KEY": KEY, "WEBHOOK_URL": nobody}
    done = ran(["bash", "-euo", "pipefail", "-c", strict + commands], cwd=tmp_path, env=env)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert (tmp_path / "me.mp4").read_bytes()[4:8] == b"ftyp"
    assert (tmp_path / "first-bytes").stat().st_size == 2
    assert json.JSONDecoder().raw_decode(done.stdout)[0]["max_text_chars"] == 1000
    assert done.stdout.count('"status":"completed"') >= 3, done.stdout
