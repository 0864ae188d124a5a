"""What README shows works as shown."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import av
import pytest
import yaml

from serve_app.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ASSETS = ROOT / "tests" / "assets"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_every_script_it_names_is_there():
    named = set(re.findall(r"scripts/[a-z-]+", README))
    assert {"scripts/demo", "scripts/serve", "scripts/check", "scripts/test"} <= named
    assert all((ROOT / name).stat().st_mode & 0o111 for name in named)


def test_its_settings_are_settings():
    for block in blocks("yaml"):
        Settings.model_validate(yaml.safe_load(block))


def ran(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_its_curl_commands_make_a_video(service, tmp_path):
    (tmp_path / "me.jpg").write_bytes((ASSETS / "poster.png").read_bytes())
    (commands,) = [block for block in blocks("bash") if "curl" in block]
    commands = commands.replace("http://127.0.0.1:8000", service.url).replace("curl ", "curl -sSf ")
    answers = ran(["bash", "-euc", commands], cwd=tmp_path)
    poster, end = json.JSONDecoder().raw_decode(answers)
    reply = json.loads(answers[end:])
    assert poster["id"] == "me"
    (shown,) = blocks("json")
    assert set(reply) == set(json.loads(shown.replace("…", "")))
    assert reply["status"] == "completed"


def test_the_demo_makes_the_callers_own_video(tmp_path):
    out = tmp_path / "mine.mp4"
    given = ["--poster", str(ASSETS / "poster.png"), "--audio", str(ASSETS / "speech_16k.wav"), "--out", str(out)]
    lines = ran([ROOT / "scripts" / "demo", *given], cwd=tmp_path).strip().splitlines()
    assert lines[-1] == str(out)
    assert {"speech", "faces", "video", "total"} <= {line.split()[0] for line in lines}
    with av.open(str(out)) as container:
        assert sum(1 for _ in container.decode(video=0)) == pytest.approx(6.35 * 25, abs=1.5)
