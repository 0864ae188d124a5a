"""Options over HTTP: a form and a JSON document with the same options are the same order, or the same refusal."""

import asyncio
import json
from dataclasses import fields

import httpx
import pytest

from deployments.jobs.index import Answer
from deployments.jobs.order import VideoOrder
from deployments.jobs.records import VideoRecord
from deployments.media import SourceOptions
from serve_app.api import make_api
from serve_app.settings import Settings
from serve_app.video_options import VideoOptions

PLAIN = {"poster_id": "a", "text": "Hello."}


class ListeningService:
    """Remembers what was ordered, and does nothing of it."""

    async def submit(self, order, wait_s, most=None, idempotency_key=None):
        self.order = order
        return Answer(VideoRecord(id="vid_" + "0" * 32, content_id="0", order=order, engine="preview"))


@pytest.fixture(scope="module")
def post():
    """Posts, and returns the order that came of it, or the answer."""
    service = ListeningService()
    transport = httpx.ASGITransport(make_api(service, Settings()))

    async def answer(body):
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            return await client.post("/v1/videos", **body)

    def posted(**body):
        answered = asyncio.run(answer(body))
        return service.order if answered.status_code == 202 else answered

    return posted


ORDERS = {
    "nothing": ({}, {}),
    "pads": ({"pads": "0 12 -3 4"}, {"pads": [0, 12, -3, 4]}),
    "box": ({"box": "10,20,30,40"}, {"box": [10, 20, 30, 40]}),
    "crop": ({"crop": "0, -1, 5, -1"}, {"crop": [0, -1, 5, -1]}),
    "crop, a number each": ({"crop": ["0", "-1", "5", "-1"]}, {"crop": [0, -1, 5, -1]}),
    "rotate": ({"rotate": "true"}, {"rotate": True}),
    "resize_factor": ({"resize_factor": "2"}, {"resize_factor": 2}),
    "fps": ({"fps": "30"}, {"fps": 30}),
    "nosmooth": ({"nosmooth": "1"}, {"nosmooth": True}),
    "static": ({"static": "yes"}, {"static": True}),
    "extend": ({"extend": "bounce"}, {"extend": "bounce"}),
    "face_index": ({"face_index": "2"}, {"face_index": 2}),
    "face_point": ({"face_point": "120 80"}, {"face_point": [120, 80]}),
    "face_point, with a comma": ({"face_point": "120,80"}, {"face_point": [120, 80]}),
    "engine": ({"engine": "preview"}, {"engine": "preview"}),
    "paste": ({"paste": "published"}, {"paste": "published"}),
    "seed": ({"seed": "2147483647"}, {"seed": 2**31 - 1}),
    "metadata": ({"metadata": '{"order": "4711"}'}, {"metadata": {"order": "4711"}}),
    "webhook": ({"webhook": "https://example.org/"}, {"webhook": "https://example.org/"}),
}


@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_the_same_as_a_form_and_as_json(post, name):
    in_form, in_json = ORDERS[name]
    order = post(data=PLAIN | in_form)
    assert order == post(json=PLAIN | in_json) == post(files=[(k, (None, v)) for k, v in _parts(PLAIN | in_form)])
    asked = order.model_dump(mode="json")
    told = asked | asked["source"]
    assert {key: told[key] for key in in_json} == in_json


def _parts(form):
    return [(name, part) for name, value in form.items() for part in (value if isinstance(value, list) else [value])]


def test_every_option_of_the_source_can_be_asked_for_and_is_by_default_what_it_is_everywhere():
    options = VideoOptions()
    assert {f.name: getattr(options, f.name) for f in fields(SourceOptions)} == vars(SourceOptions())
    others = set(VideoOptions.model_fields) - {f.name for f in fields(SourceOptions)}
    assert {name: getattr(VideoOrder(), name) for name in others} == {name: getattr(options, name) for name in others}


REFUSED = {
    "three pads": ({"pads": "0 10 0"}, {"pads": [0, 10, 0]}, "pads.3"),
    "five pads": ({"pads": "0 10 0 0 0"}, {"pads": [0, 10, 0, 0, 0]}, "pads"),
    "pads too large": ({"pads": "0 100000 0 0"}, {"pads": [0, 100_000, 0, 0]}, "pads.1"),
    "an empty box": ({"box": "100 50 0 10"}, {"box": [100, 50, 0, 10]}, "box"),
    "a point of one number": ({"face_point": "1"}, {"face_point": [1]}, "face_point.1"),
    "a negative point": ({"face_point": "-1 0"}, {"face_point": [-1, 0]}, "face_point.0"),
    "a point and an index": (
        {"face_point": "1 1", "face_index": "0"},
        {"face_point": [1, 1], "face_index": 0},
        "face_point",
    ),
    "another engine": ({"engine": "sadtalker"}, {"engine": "sadtalker"}, "engine"),
    "another paste": ({"paste": "hard"}, {"paste": "hard"}, "paste"),
    "a negative seed": ({"seed": "-1"}, {"seed": -1}, "seed"),
    "a seed too large": ({"seed": str(2**31)}, {"seed": 2**31}, "seed"),
    "a broken seed": ({"seed": "1.5"}, {"seed": 1.5}, "seed"),
    "metadata of numbers": ({"metadata": '{"a": 1}'}, {"metadata": {"a": 1}}, "metadata.a"),
    "metadata too long": ({"metadata": json.dumps({"a": "b" * 4000})}, {"metadata": {"a": "b" * 4000}}, "metadata"),
    "an unknown field": ({"txt": "x"}, {"txt": "x"}, "txt"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_alike_and_the_field_is_named(post, name):
    in_form, in_json, param = REFUSED[name]
    for answer in (post(data=PLAIN | in_form), post(json=PLAIN | in_json)):
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
        assert answer.json()["param"] == param
        assert param.partition(".")[0] in answer.json()["detail"]
