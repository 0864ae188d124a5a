"""Bad input gets its 4xx with a code and a sentence, in the shape of its route, and leaves the service healthy."""

import io
import struct
import wave
import zlib

import numpy as np
import pytest
from clips import make_clip, moving_poster
from PIL import Image

MOBILE = "/api/lipsync/generate-talking-photo"


def png(width, height, colour=(90, 120, 90)):
    out = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(out, "PNG")
    return out.getvalue()


def png_that_claims(width, height):
    """A PNG header without the pixels it promises."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in (header, b"IDAT")
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def wav(samples):
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(np.asarray(samples, np.int16).tobytes())
    return out.getvalue()


NO_FACE = png(200, 200)
SILENCE = wav(np.zeros(8000))
NOISE = wav(np.random.default_rng(0).integers(-3000, 3000, 8000))
TEXT = {"imageId": "astronaut", "text": "Hello."}

BAD_MOBILE = {
    "unknown imageId": ({"imageId": "nobody", "text": "Hello."}, 404),
    "imageId that climbs": ({"imageId": "../../etc/passwd", "text": "Hello."}, 404),
    "imageId empty": ({"imageId": "", "text": "Hello."}, 404),
    "imageId too long": ({"imageId": "x" * 500, "text": "Hello."}, 404),
    "imageId a number": ({"imageId": 7, "text": "Hello."}, 422),
    "imageId null": ({"imageId": None, "text": "Hello."}, 422),
    "imageId missing": ({"text": "Hello."}, 422),
    "text missing": ({"imageId": "astronaut"}, 422),
    "text null": ({"imageId": "astronaut", "text": None}, 422),
    "text empty": (TEXT | {"text": ""}, 422),
    "text of spaces": (TEXT | {"text": "  \n\t "}, 422),
    "text too long": (TEXT | {"text": "word " * 1000}, 422),
    "text of punctuation": (TEXT | {"text": "... !!! ???"}, 422),
    "text in another script": (TEXT | {"text": "Здравствуйте"}, 422),
    "text of emoji": (TEXT | {"text": "🙂🙂🙂"}, 422),
    "text of zero bytes": (TEXT | {"text": "\x00\x00"}, 422),
    "text a list": (TEXT | {"text": ["Hello."]}, 422),
    "unknown voice": (TEXT | {"voiceId": "nobody"}, 422),
    "voice a number": (TEXT | {"voiceId": 3}, 422),
    "body a list": ([], 422),
    "body a string": ("hello", 422),
    "body null": (None, 422),
}

BAD_MOBILE_BYTES = {
    "not JSON": b"{imageId: astronaut}",
    "cut short": b'{"imageId": "astronaut", "te',
    "empty": b"",
}

BAD_POSTERS = {
    "empty": (b"", 422, "unreadable_image"),
    "text": (b"this is no picture", 422, "unreadable_image"),
    "HTML": (b"<!doctype html><html></html>", 422, "unreadable_image"),
    "GIF": (b"GIF89a" + bytes(64), 422, "unreadable_image"),
    "PDF": (b"%PDF-1.7\n" + bytes(64), 422, "unreadable_image"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "unreadable_image"),
    "cut short": (png(300, 300)[:60], 422, "unreadable_image"),
    "pixel bomb": (png_that_claims(60_000, 60_000), 413, "image_too_large"),
    "too many bytes": (png(10, 10) + bytes(21_000_000), 413, "image_too_large"),
    "no face": (NO_FACE, 422, "no_face"),
    "one pixel": (png(1, 1), 422, "no_face"),
}

MP4_WITHOUT_PICTURES = b"\0\0\0\x18ftypisom\0\0\2\0isommp42" + bytes(64)
CLIP = make_clip(None, moving_poster(0.2, 30, (160, 120)))
CLIP_WITHOUT_FACE = make_clip(None, moving_poster(0.2, 30, (160, 120), (0, 1)))

POSTER = {"poster_id": "astronaut"}
BAD_VIDEOS = {
    "nothing": ({}, {}, 422, "invalid_request"),
    "no script": (POSTER, {}, 422, "invalid_request"),
    "no poster": ({"text": "Hello."}, {}, 422, "invalid_request"),
    "two posters": (POSTER | {"text": "Hello."}, {"poster": NO_FACE}, 422, "invalid_request"),
    "two scripts": (POSTER | {"text": "Hello."}, {"audio": NOISE}, 422, "invalid_request"),
    "unknown poster": ({"poster_id": "nobody", "text": "Hello."}, {}, 404, "unknown_poster"),
    "poster id that climbs": ({"poster_id": "../x", "text": "Hello."}, {}, 404, "unknown_poster"),
    "unknown voice": (POSTER | {"text": "Hello.", "voice_id": "nobody"}, {}, 422, "unknown_voice"),
    "empty text": (POSTER | {"text": " "}, {}, 422, "empty_text"),
    "text too long": (POSTER | {"text": "a" * 1001}, {}, 422, "text_too_long"),
    "text in another script": (POSTER | {"text": "こんにちは"}, {}, 422, "voice_language_mismatch"),
    "another language": (POSTER | {"text": "Hi", "language": "xx"}, {}, 422, "voice_language_mismatch"),
    "no words": (POSTER | {"text": "?!"}, {}, 422, "unspeakable_text"),
    "negative face": (POSTER | {"text": "Hello.", "face_index": "-1"}, {}, 422, "invalid_request"),
    "face not a number": (POSTER | {"text": "Hello.", "face_index": "big"}, {}, 422, "invalid_request"),
    "face that is not there": (POSTER | {"text": "Hello.", "face_index": "3"}, {}, 422, "no_face"),
    "upload without a face": ({"text": "Hello."}, {"poster": NO_FACE}, 422, "no_face"),
    "upload that is no picture": ({"text": "Hello."}, {"poster": b"hello"}, 422, "unreadable_image"),
    "clip that is broken": ({"text": "Hello."}, {"poster": MP4_WITHOUT_PICTURES}, 422, "unreadable_clip"),
    "clip of no face": ({"text": "Hello."}, {"poster": CLIP_WITHOUT_FACE}, 422, "no_face"),
    "clip for the preview engine": ({"text": "Hello."}, {"poster": CLIP}, 422, "clip_unsupported"),
    "clip too large": ({"text": "Hello."}, {"poster": CLIP + bytes(61_000_000)}, 413, None),
    "sound that is text": (POSTER, {"audio": b"this is no sound"}, 422, "unreadable_audio"),
    "sound that is empty": (POSTER, {"audio": b""}, 422, "unreadable_audio"),
    "sound cut short": (POSTER, {"audio": NOISE[:30]}, 422, "unreadable_audio"),
    "sound that is silent": (POSTER, {"audio": SILENCE}, 422, "unreadable_audio"),
    "sound that is a playlist": (POSTER, {"audio": b"#EXTM3U\n/etc/passwd\n"}, 422, "unreadable_audio"),
    "sound too long": (POSTER, {"audio": wav(np.resize([0, 900, 0, -900], 8000 * 601))}, 413, "audio_too_long"),
}

SPEAKING = POSTER | {"text": "Hello."}
BAD_OPTIONS = {
    "three pads": {"pads": "0 10 0"},
    "pads of words": {"pads": "a b c d"},
    "pads too many digits": {"pads": "0 10000000 0 0"},
    "empty box": {"box": "100,100,50,200"},
    "box without a face in the picture": {"box": "600,700,600,700"},
    "empty crop": {"crop": "200,100,0,-1"},
    "crop outside": {"crop": "0,9999,0,-1"},
    "resize_factor 0": {"resize_factor": "0"},
    "resize_factor a fraction": {"resize_factor": "1.5"},
    "fps 0": {"fps": "0"},
    "fps 1000": {"fps": "1000"},
    "fps not a number": {"fps": "nan"},
    "rotate maybe": {"rotate": "maybe"},
    "extend for ever": {"extend": "forever"},
    "a point and an index": {"face_point": "200 150", "face_index": "0"},
    "a point of one number": {"face_point": "200"},
    "a point outside": {"face_point": "9999,9999"},
    "an engine of another service": {"engine": "sadtalker"},
    "paste somehow": {"paste": "somehow"},
    "a negative seed": {"seed": "-1"},
    "a seed too large": {"seed": "2147483648"},
    "a field that there is not": {"face_idx": "1"},
}

NO_SUCH = {
    "no route": ("GET", "/v1/nothing", 404),
    "wrong method": ("DELETE", "/v1/voices", 405),
    "unknown video": ("GET", "/v1/videos/vid_" + "0" * 32, 404),
    "content of an unknown video": ("GET", f"/v1/videos/vid_{'0' * 32}/content", 404),
    "video id of another form": ("GET", "/v1/videos/7", 422),
    "unknown poster": ("GET", "/v1/posters/nobody", 404),
    "deleting an unknown poster": ("DELETE", "/v1/posters/nobody", 404),
    "poster id that climbs": ("GET", "/v1/posters/..%2F..%2Fetc", 404),
}


def is_a_problem(answer, status, code=None):
    body = answer.json()
    assert answer.status_code == status, body
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert code is None or body["code"] == code, body
    assert isinstance(body["retryable"], bool)
    assert body["detail"].endswith((".", "?")) or status in (404, 405), body
    return True


def is_a_mobile_failure(answer, status):
    body = answer.json()
    assert answer.status_code == status, body
    assert set(body) == {"success", "videoId", "videoUrl", "duration", "status", "error"}
    assert (body["success"], body["status"], body["videoUrl"]) == (False, "failed", None)
    assert body["error"]
    return True


@pytest.mark.parametrize("name", BAD_MOBILE)
def test_the_mobile_route_answers_bad_input_in_its_own_shape(http, name):
    body, status = BAD_MOBILE[name]
    assert is_a_mobile_failure(http.post(MOBILE, json=body), status)


@pytest.mark.parametrize("name", BAD_MOBILE_BYTES)
def test_the_mobile_route_answers_a_broken_body_in_its_own_shape(http, name):
    answer = http.post(MOBILE, content=BAD_MOBILE_BYTES[name], headers={"content-type": "application/json"})
    assert is_a_mobile_failure(answer, 422)


def test_the_mobile_route_answers_bytes_that_are_no_text_in_its_own_shape(http):
    answer = http.post(MOBILE, content=b'{"imageId": "\xff"}', headers={"content-type": "application/json"})
    assert is_a_mobile_failure(answer, 400)


@pytest.mark.parametrize("name", BAD_POSTERS)
def test_a_poster_that_cannot_speak_is_refused(http, name):
    data, status, code = BAD_POSTERS[name]
    assert is_a_problem(http.put("/v1/posters/bad", content=data), status, code)
    assert http.get("/v1/posters/bad").status_code == 404


@pytest.mark.parametrize("name", BAD_VIDEOS)
def test_a_video_that_cannot_be_made_is_refused(http, name):
    fields, files, status, code = BAD_VIDEOS[name]
    uploads = {field: (field, data) for field, data in files.items()}
    assert is_a_problem(http.post("/v1/videos", data=fields, files=uploads), status, code)


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_an_option_that_makes_no_sense_is_refused(http, name):
    answer = http.post("/v1/videos", data=SPEAKING | BAD_OPTIONS[name])
    assert is_a_problem(answer, 422, "invalid_request")


@pytest.mark.parametrize("name", NO_SUCH)
def test_what_is_not_there_is_a_problem_document(http, name):
    method, path, status = NO_SUCH[name]
    assert is_a_problem(http.request(method, path), status)


def test_a_body_over_the_limit_is_refused_while_it_is_read(http):
    def endless():
        for _ in range(100):
            yield bytes(1_000_000)

    assert is_a_problem(http.put("/v1/posters/huge", content=endless()), 413)


def test_an_unknown_voice_is_answered_with_the_known_ones(http):
    answer = http.post("/v1/videos", data=POSTER | {"text": "Hello.", "voice_id": "nobody"})
    assert "default" in answer.json()["known"]
    assert "default" in http.post(MOBILE, json=TEXT | {"voiceId": "nobody"}).json()["error"]


def test_after_all_that_the_service_is_ready(http):
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json()["ready"] is True
