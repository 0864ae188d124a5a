"""The espeak-ng server, as scripts/espeak-ng-server runs it."""

import base64
import io
import json
import socket
import subprocess
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

SERVER = Path(__file__).parents[3] / "scripts" / "espeak-ng-server"

pytestmark = pytest.mark.espeak


@pytest.fixture(scope="module")
def client(espeak_url):
    with httpx.Client(base_url=espeak_url, timeout=10) as client:
        yield client


def samples(sound: bytes) -> tuple[np.ndarray, int]:
    with wave.open(io.BytesIO(sound)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()


def timed(client, text, **asked):
    answer = client.post("/audio/speech/timed", json={"voice": "en-us", "input": text} | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_it_speaks_many_languages_as_a_man_and_as_a_woman(client):
    told = client.get("/voices").json()
    assert (told["engine"], told["timed"]) == ("espeak-ng", True)
    assert len({voice["language"] for voice in told["voices"]}) >= 40
    assert {voice["gender"] for voice in told["voices"] if voice["language"] == "de"} == {"male", "female"}
    assert len({voice["id"] for voice in told["voices"]}) == len(told["voices"])


def test_it_answers_as_openais_api_does(client):
    asked = {"model": "tts-1", "voice": "de", "input": "Guten Tag.", "response_format": "wav", "speed": 1.0}
    answer = client.post("/audio/speech", json=asked)
    assert answer.headers["content-type"] == "audio/wav"
    sound, rate_hz = samples(answer.content)
    assert 0.4 < len(sound) / rate_hz < 2
    assert np.abs(sound).max() > 5000


def test_equal_requests_get_equal_sounds_whatever_was_said_before_and_meanwhile(client):
    def spoken(text):
        return client.post("/audio/speech", json={"voice": "en-us", "input": text}).content

    alone = spoken("The same words.")
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(spoken, ["The same words.", "Other words!"] * 8))
    assert together[::2] == [alone] * 8


def test_speed_pitch_gender_and_variant_change_the_sound(client):
    sounds = {
        name: client.post("/audio/speech", json={"voice": "en-us", "input": "One two three four."} | asked).content
        for name, asked in {
            "plain": {},
            "fast": {"speed": 2},
            "high": {"pitch": 90},
            "woman": {"voice": "en-us-female"},
            "variant": {"voice": "en-us+m3"},
        }.items()
    }
    assert len(set(sounds.values())) == 5
    assert 0.4 < len(samples(sounds["fast"])[0]) / len(samples(sounds["plain"])[0]) < 0.75


def test_phonemes_are_told_in_order_while_they_are_heard(client):
    told = timed(client, "Papa bought a big map. Who is it?")
    sound, rate_hz = samples(base64.b64decode(told["audio"]))
    spans = [(phoneme["start_s"], phoneme["end_s"]) for phoneme in told["phonemes"]]
    assert "".join(phoneme["symbol"] for phoneme in told["phonemes"]).startswith("pɑːpə")
    assert all(start_s < end_s for start_s, end_s in spans)
    assert all(before[1] <= after[0] + 1e-6 for before, after in pairwise(spans))
    assert spans[-1][1] <= len(sound) / rate_hz
    silent = np.ones(len(sound), bool)
    for start_s, end_s in spans:
        silent[round(start_s * rate_hz) : round(end_s * rate_hz)] = False
    assert np.abs(sound[silent]).max() < 0.02 * np.abs(sound).max()


def test_the_closure_of_a_stop_is_part_of_it(client):
    told = timed(client, "Papa.")
    sound, rate_hz = samples(base64.b64decode(told["audio"]))
    second = told["phonemes"][2]
    assert second["symbol"] == "p"
    begin = round(second["start_s"] * rate_hz)
    assert not sound[begin : begin + rate_hz // 50].any()


def test_words_are_told_as_they_are_written_and_a_number_is_one(client):
    told = timed(client, 'He said: "Hello, 2026 well-known friends!"')
    assert [word["text"] for word in told["words"]] == ["He", "said:", '"Hello,', "2026", "well-known", 'friends!"']
    assert all(before["end_s"] <= after["start_s"] for before, after in pairwise(told["words"]))


def test_words_keep_their_places_in_letters_of_two_bytes(client):
    told = timed(client, "Привет, мир. Как дела? Папа дома.", voice="ru")
    assert [word["text"] for word in told["words"]] == ["Привет,", "мир.", "Как", "дела?", "Папа", "дома."]


def test_letters_that_are_joined_in_one_sign_are_told_one_by_one_but_for_diphthongs_and_affricates(client):
    assert {"j", "a"} <= {phoneme["symbol"] for phoneme in timed(client, "Я", voice="ru")["phonemes"]}
    assert {"tʃ", "aɪ"} <= {phoneme["symbol"] for phoneme in timed(client, "Chide.")["phonemes"]}


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({}, "input"),
        ({"input": " "}, "input"),
        ({"input": 5}, "input"),
        ({"input": "a" * 5000}, "input"),
        ({"input": "a"}, "voice"),
        ({"input": "a", "voice": "klingon"}, "voice"),
        ({"input": "a", "voice": "de+../../f2"}, "voice"),
        ({"input": "a", "voice": ["de"]}, "voice"),
        ({"input": "a", "voice": "de", "speed": 9}, "speed"),
        ({"input": "a", "voice": "de", "speed": True}, "speed"),
        ({"input": "a", "voice": "de", "pitch": "high"}, "pitch"),
        ({"input": "a", "voice": "de", "response_format": "mp3"}, "response_format"),
    ],
)
def test_what_cannot_be_done_is_refused_by_the_name_of_the_field(client, asked, param):
    for path in ("/audio/speech", "/audio/speech/timed"):
        answer = client.post(path, json=asked)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == param


def test_bodies_that_are_none_are_refused(client, espeak_url):
    for body in (b"", b"{", b"[]", b"\xff", b"[" * 60_000):
        assert client.post("/audio/speech", content=body).status_code == 400
    assert client.post("/audio/speech", content=b" " * 65_000).status_code == 413
    assert client.post("/audio/speech", content=iter([b"{}"])).status_code == 411
    assert client.post("/nothing", json={}).status_code == 404
    assert client.get("/audio/speech").status_code == 404
    address = urlsplit(espeak_url)
    with socket.create_connection((address.hostname, address.port)) as half:
        half.sendall(b"POST /v1/audio/speech HTTP/1.1\r\n")  # and then nothing: others are served meanwhile
        assert client.get("/voices").status_code == 200


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "<speak>&", "[[a", "💥" * 300, "?!", "1" * 400])
def test_no_text_breaks_it(client, text):
    body = '{"voice": "en-us", "input": ' + json.dumps(text) + "}"
    answer = client.post("/audio/speech/timed", content=body)
    assert answer.status_code in (200, 400)
    assert client.get("/voices").status_code == 200


def test_it_ends_with_the_process_that_started_it():
    script = f"{SERVER} --port 0 --with-parent & echo $!; sleep 0.5"
    with subprocess.Popen(["bash", "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        server = int(parent.stdout.readline())
        url = parent.stdout.readline().strip()
        assert httpx.get(f"{url}/voices").status_code == 200
    ended_s = time.monotonic() + 10
    while Path(f"/proc/{server}").exists() and time.monotonic() < ended_s:
        time.sleep(0.1)
    assert not Path(f"/proc/{server}").exists()
