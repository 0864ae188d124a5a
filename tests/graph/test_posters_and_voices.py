"""Posters and voices over HTTP."""

import io
from pathlib import Path

from client import mobile
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
    assert {"id": "default", "engine": "hibari", "language": "en-US"} in http.get("/v1/voices").json()["voices"]
