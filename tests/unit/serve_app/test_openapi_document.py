"""The OpenAPI document: names that stay, and an example of everything that is told."""

import pytest
from jsonschema import Draft202012Validator

from serve_app.access_settings import AccessSettings, ApiKey
from serve_app.api import make_api
from serve_app.settings import Settings

OPERATIONS = {
    "generateTalkingPhoto": "POST /api/lipsync/generate-talking-photo",
    "createVideo": "POST /v1/videos",
    "listVideos": "GET /v1/videos",
    "getVideo": "GET /v1/videos/{video_id}",
    "deleteVideo": "DELETE /v1/videos/{video_id}",
    "cancelVideo": "POST /v1/videos/{video_id}/cancel",
    "getContent": "GET /v1/videos/{video_id}/content",
    "getCaptions": "GET /v1/videos/{video_id}/captions.{form}",
    "getStream": "GET /v1/videos/{video_id}/stream.m3u8",
    "getSegment": "GET /v1/videos/{video_id}/stream/{name}",
    "listDeliveries": "GET /v1/videos/{video_id}/deliveries",
    "redeliver": "POST /v1/videos/{video_id}/deliveries/{delivery_id}/redeliver",
    "putPoster": "PUT /v1/posters/{poster_id}",
    "getPoster": "GET /v1/posters/{poster_id}",
    "deletePoster": "DELETE /v1/posters/{poster_id}",
    "checkPoster": "POST /v1/posters/check",
    "getVoiceSample": "GET /v1/voices/{voice_id}/sample",
    "listVoices": "GET /v1/voices",
    "createTalk": "POST /talks",
    "getTalk": "GET /talks/{talk_id}",
    "deleteTalk": "DELETE /talks/{talk_id}",
    "getLimits": "GET /v1/limits",
    "getHealth": "GET /healthz",
    "getReadiness": "GET /readyz",
}
"""Generated clients have methods of these names: none is to change."""

SHAPES = {"/api/lipsync/": "MobileReply", "/talks": "TalkProblem"}


class NoService:
    """Building the document asks nothing of a service."""


def document_of(**settings):
    return make_api(NoService(), Settings(**settings)).openapi()


@pytest.fixture(scope="module")
def document():
    return document_of()


def operations(document):
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def contents(document):
    """(where, media type, content) of every body that is JSON, a form, or text."""
    for name, operation in operations(document):
        bodies = {**operation["responses"], "request": operation.get("requestBody", {})}
        for which, body in bodies.items():
            for media_type, content in body.get("content", {}).items():
                if "json" in media_type or "mpegurl" in media_type or "form" in media_type:
                    yield f"{name} {which}", content


def model(document, content):
    return document["components"]["schemas"].get(content["schema"].get("$ref", "").rpartition("/")[2], {})


def examples(document, content):
    told = [example["value"] for example in content.get("examples", {}).values()]
    return told or [content[key] for key in ("example",) if key in content] or model(document, content).get("examples")


def test_operations_keep_their_names(document):
    assert {operation["operationId"]: name for name, operation in operations(document)} == OPERATIONS


def test_every_request_and_every_reply_has_an_example(document):
    bare = [where for where, content in contents(document) if not examples(document, content)]
    files = ["PUT /v1/posters/{poster_id} request", "POST /v1/posters/check request"]
    assert sorted(bare) == sorted(files)


def test_every_example_is_as_its_schema_says(document):
    for where, content in contents(document):
        schema = {**content["schema"], "components": document["components"]}
        for example in examples(document, content) or ():
            errors = [error.message for error in Draft202012Validator(schema).iter_errors(example)]
            assert not errors, where


def test_every_parameter_of_a_path_has_an_example(document):
    in_path = [
        (name, parameter)
        for name, operation in operations(document)
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "path"
    ]
    assert len(in_path) >= 14
    assert [name for name, parameter in in_path if not parameter["schema"].get("examples")] == []


def test_every_error_is_told_in_the_shape_of_its_route(document):
    for name, operation in operations(document):
        path = name.partition(" ")[2]
        shape = next((shape for prefix, shape in SHAPES.items() if path.startswith(prefix)), "ProblemDetails")
        for status, response in operation["responses"].items():
            if status >= "400" and operation["operationId"] != "getReadiness":
                ((media_type, content),) = response["content"].items()
                assert media_type == ("application/problem+json" if shape == "ProblemDetails" else "application/json")
                assert content["schema"]["$ref"].endswith(f"/{shape}"), name
                for code, example in content["examples"].items():
                    body = example["value"]
                    assert shape != "ProblemDetails" or (body["code"], str(body["status"])) == (code, status)


def test_an_order_is_told_as_a_form_and_as_json(document):
    body = document["paths"]["/v1/videos"]["post"]["requestBody"]
    assert set(body["content"]) == {"multipart/form-data", "application/json"}
    assert body["required"] is True


def test_a_service_without_keys_asks_for_none(document):
    assert "securitySchemes" not in document["components"]
    assert not [name for name, operation in operations(document) if "security" in operation]


def test_a_service_with_keys_says_which_operations_need_one(monkeypatch):
    monkeypatch.setenv("SIGNING_SECRET", "s" * 40)
    document = document_of(access=AccessSettings(keys=(ApiKey(name="backend", sha256="0" * 64),)))
    asked = {
        operation["operationId"]: {name for scheme in operation["security"] for name in scheme}
        for _, operation in operations(document)
    }
    assert {name for name, schemes in asked.items() if not schemes} == {"getHealth", "getReadiness"}
    assert {name for name, schemes in asked.items() if "signature" in schemes} == {
        "getContent",
        "getCaptions",
        "getStream",
        "getSegment",
        "getVoiceSample",
    }
    assert asked["createVideo"] == {"bearer", "key"} <= set(document["components"]["securitySchemes"])
