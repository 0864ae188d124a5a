"""The same graph with a real S3 server and with Wav2Lip weights (seeded ones, in the published layout)."""

import io
from itertools import combinations

import av
import httpx
import numpy as np
import pytest
from client import finished, order


@pytest.fixture(scope="module")
def video(world):
    with httpx.Client(base_url=world[1].url, timeout=60) as http:
        yield finished(http, order(http, poster_id="astronaut", text="Stored in a bucket."))


def decoded(mp4):
    with av.open(io.BytesIO(mp4)) as container:
        return [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]


def test_an_order_may_choose_the_engine_and_how_it_pastes(world, video):
    with httpx.Client(base_url=world[1].url, timeout=60) as http:
        assert http.get("/v1/limits").json()["engines"] == ["wav2lip", "preview"]
        choices = ({"engine": "wav2lip"}, {"engine": "preview"}, {"paste": "published"})
        answers = [order(http, wait_s=0, poster_id="astronaut", text="Stored in a bucket.", **made) for made in choices]
        wav2lip, preview, published = (finished(http, answer) for answer in answers)
    assert [made["engine"] for made in (wav2lip, preview, published)] == ["wav2lip", "preview", "wav2lip"]
    assert (wav2lip["id"], answers[0].json()["cache"]) == (video["id"], "hit")
    frames = [decoded(httpx.get(made["video_url"]).content)[12] for made in (video, preview, published)]
    for one, other in combinations(frames, 2):
        assert np.abs(one - other)[:300].max() > 30  # other mouths
        assert np.abs(one - other)[300:].mean() < 1  # below the same face


def test_the_engine_is_named_where_people_look(world, video):
    service = world[1]
    assert httpx.get(f"{service.url}/readyz").json()["engine"] == "wav2lip"
    assert video["engine"] == "wav2lip"
    assert "lip-sync engine: wav2lip" in service.log.read_text()


def test_the_url_is_the_buckets_own_and_plays(world, video):
    assert video["status"] == "completed", video
    assert video["video_url"].startswith(f"http://{world[0].endpoint}/talking-posters/contents/")
    answer = httpx.get(video["video_url"])
    assert answer.headers["content-type"] == "video/mp4"
    frames = decoded(answer.content)
    assert len(frames) == video["frames"]
    assert np.abs(frames[0] - frames[len(frames) // 2]).max() > 20


def test_a_tampered_url_is_refused(video):
    assert httpx.get(video["video_url"][:-4] + "0000").status_code == 403


def test_players_may_seek_in_it(video):
    answer = httpx.get(video["video_url"], headers={"range": "bytes=4-7"})
    assert (answer.status_code, answer.content) == (206, b"ftyp")


def test_the_services_own_url_plays_too(world, video):
    answer = httpx.get(f"{world[1].url}/v1/videos/{video['id']}/content")
    assert answer.content == httpx.get(video["video_url"]).content
