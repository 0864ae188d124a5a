"""Posters and voices over HTTP."""

import io
import wave
from pathlib import Path

import pytest
from client import finished, mobile, order
from PIL import Image

ASTRONAUT = (Path(__file__).parents[1] / "assets" / "poster.png").read_bytes()


def test_a_poster_is_registered_by_its_bytes_seen_and_forgotten(http):
    put = http.put("/v1/posters/mine", content=ASTRONAUT, headers={"content-type": "image/png"})
    assert put.status_code == 200, put.text
    poster = http.get("/v1/posters/mine").json()
    assert poster == put.json()
    assert (poster["width"], poster["height"], poster["content_type"]) == (512, 512, "image/png")
    assert len(poster["faces"]) == 1
    assert http.delete("/v1/posters/mine").status_code == 204
    assert http.get("/v1/posters/mine").status_code == 404


def test_a_poster_is_registered_by_a_form(http):
    put = http.put("/v1/posters/form", files={"image": ("poster.png", ASTRONAUT, "image/png")})
    assert put.status_code == 200, put.text
    assert put.json()["size_bytes"] == len(ASTRONAUT)


def test_a_replaced_picture_gives_another_video(http):
    turned = io.BytesIO()
    Image.open(io.BytesIO(ASTRONAUT)).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(turned, "PNG")
    ids = set()
    for picture in (ASTRONAUT, turned.getvalue(), ASTRONAUT):
        assert http.put("/v1/posters/changing", content=picture).status_code == 200
        ids.add(mobile(http, imageId="changing", text="Hi.").json()["videoId"])
    assert len(ids) == 2


def test_a_form_without_a_file_is_told_so(http):
    put = http.put("/v1/posters/form", data={"image": "no file"}, files={"": b""})
    assert (put.status_code, put.json()["code"]) == (422, "unreadable_image")


def test_a_picture_is_checked_with_what_is_wrong_and_nothing_is_kept(http):
    turned = io.BytesIO()
    Image.open(io.BytesIO(ASTRONAUT)).convert("RGB").transpose(Image.Transpose.ROTATE_180).save(turned, "JPEG")
    seen = http.post("/v1/posters/check", files={"image": ("me.jpg", turned.getvalue(), "image/jpeg")}).json()

    assert {name: seen[name] for name in ("content_type", "width", "height", "usable")} == {
        "content_type": "image/jpeg",
        "width": 512,
        "height": 512,
        "usable": True,
    }
    (face,) = seen["faces"]
    assert abs(face["pose"]["roll_deg"]) > 170
    assert [problem["code"] for problem in seen["problems"]] == ["face_upside_down", "mouth_open"]

    blank = io.BytesIO()
    Image.new("RGB", (300, 200), "gray").save(blank, "PNG")
    reply = http.post("/v1/posters/check", content=blank.getvalue())
    assert (reply.status_code, reply.json()["usable"], reply.json()["faces"]) == (200, False, [])
    assert [(problem["code"], problem["severity"]) for problem in reply.json()["problems"]] == [("no_face", "error")]
    assert http.post("/v1/posters/check", content=b"no picture").status_code == 422
    assert http.get("/v1/posters/check").status_code == 404


def test_the_sample_posters_are_there(http):
    for poster_id in ("astronaut", "illustration"):
        assert len(http.get(f"/v1/posters/{poster_id}").json()["faces"]) == 1


def test_the_default_voice_is_listed(http):
    (default,) = [voice for voice in http.get("/v1/voices").json()["voices"] if voice["id"] == "default"]
    sample_url = default.pop("sample_url")
    assert default == {
        "id": "default",
        "name": "default",
        "language": "en-US",
        "gender": "female",
        "engine": "hibari",
    }
    assert sample_url.endswith("/v1/voices/default/sample")


def test_a_voice_is_heard_before_it_is_chosen(http):
    (default,) = [voice for voice in http.get("/v1/voices?language=en-US").json()["voices"] if voice["id"] == "default"]
    answers = [http.get(default["sample_url"]) for _ in range(2)]
    with wave.open(io.BytesIO(answers[0].content)) as sound:
        assert 1 < sound.getnframes() / sound.getframerate() < 6
    assert answers[0].content == answers[1].content
    part = http.get(default["sample_url"], headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, b"RIFF", "audio/wav")
    unknown = http.get("/v1/voices/nobody/sample")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no_such_voice")
    assert "default" in unknown.json()["known"]


def test_a_text_that_no_voice_is_named_for_and_the_default_cannot_read_is_refused_at_once(http):
    answer = order(http, poster_id="astronaut", text="你好，世界。")
    assert (answer.status_code, answer.json()["code"]) == (422, "voice_language_mismatch")
    assert answer.json()["suggested"] == []
    told = mobile(http, imageId="astronaut", text="你好，世界。")
    assert (told.status_code, told.json()["status"]) == (422, "failed")


@pytest.mark.espeak
def test_a_language_finds_its_voice_and_another_voice_is_refused_with_it(http):
    listed = http.get("/v1/voices?language=ru").json()
    assert [voice["id"] for voice in listed["voices"]] == ["espeak-ru", "espeak-ru-female"]
    assert listed["missing"] == {}
    asked = {"poster_id": "astronaut", "text": "Привет, мир!"}
    refused = order(http, **asked).json()
    assert refused["code"] == "voice_language_mismatch"
    assert {"espeak-ru", "espeak-uk"} <= set(refused["suggested"])
    named = order(http, **asked, language="ru", voice_id="espeak-fr").json()
    assert named["suggested"] == ["espeak-ru", "espeak-ru-female"]
    video = finished(http, order(http, **asked, language="ru"))
    assert video["status"] == "completed", video
    assert "Привет" in http.get(video["captions_url"]).text
