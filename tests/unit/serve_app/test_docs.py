"""What docs/api.md, docs/android.md and the Node example name is what the service has, and nothing is left out."""

import importlib
import re
from pathlib import Path

import pytest

from deployments.errors import TalkingPhotoError
from serve_app.api import make_api
from serve_app.settings import Settings

ROOT = Path(__file__).parents[3]
API = (ROOT / "docs" / "api.md").read_text()
ANDROID = (ROOT / "docs" / "android.md").read_text()
NODE = (ROOT / "examples" / "node" / "talking-poster.mjs").read_text()
PATH = r"/(?:v1|api|talks|healthz|readyz)\b[^\s`\"'?,;)]*"


class NoService:
    """Building the document asks nothing of a service."""


@pytest.fixture(scope="module")
def document():
    return make_api(NoService(), Settings()).openapi()


@pytest.fixture(scope="module")
def routes(document):
    """(method, path) of every route, `{}` for what varies."""
    return {
        (method.upper(), re.sub(r"{\w+}", "{}", path))
        for path, methods in document["paths"].items()
        for method in methods
    }


def plain(path):
    """The path with `{}` for `{videoId}`, `${id}`, `$video`, `vid_…`, and for the imageId of the curl commands."""
    path = re.sub(r"\$?{\w+}|\$\w+|vid_…", "{}", path.split("?")[0])
    return re.sub(r"(?<=/v1/posters/)me$", "{}", path)


def in_text(text):
    return {(method, plain(path)) for method, path in re.findall(rf"\b(GET|POST|PUT|DELETE|HEAD) ({PATH})", text)}


def in_curl(text):
    commands = re.sub(r"\\\n", " ", "\n".join(re.findall(r"```bash\n(.*?)```", text, re.DOTALL)))
    named = set()
    for command in re.findall(r"curl [^\n]*", commands):
        given = re.search(r" -X (\w+)", command)
        method = (
            given[1] if given else "PUT" if " -T " in command else "POST" if re.search(r" -[dF] ", command) else "GET"
        )
        (path,) = re.findall(r"\"\$BASE_URL([^\"]*)\"", command)
        named.add((method, plain(path)))
    return named


def in_node(text):
    return {(method, plain(path)) for method, path in re.findall(rf"ask\(\"(\w+)\", [\"`]({PATH})", text)}


def in_kotlin(text):
    return {
        (method, plain("/" + path)) for method, path in re.findall(r"@(GET|POST|PUT|DELETE|HEAD)\(\"([^\"]+)\"\)", text)
    }


@pytest.mark.parametrize(
    ("found", "at_least"),
    [(in_text(API), 20), (in_curl(API), 10), (in_node(NODE), 5), (in_kotlin(ANDROID), 5)],
    ids=["text", "curl", "node", "kotlin"],
)
def test_every_route_that_is_named_exists(routes, found, at_least):
    assert len(found) >= at_least
    assert found <= routes


def test_every_path_anywhere_in_the_texts_exists(routes):
    paths = {path for _, path in routes} | {"/v1/audio/speech"}
    for text in (API, ANDROID, NODE):
        assert {plain(path.rstrip(".:")) for path in re.findall(rf"(?<=[\s`\"]){PATH}", text)} <= paths


def test_every_route_is_in_the_table_of_routes(routes):
    (table,) = re.findall(r"## All routes\n(.*?)\n## ", API, re.DOTALL)
    assert in_text(table) == routes


def fields_of_order(document, media_type):
    schema = document["paths"]["/v1/videos"]["post"]["requestBody"]["content"][media_type]["schema"]
    return set(document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"])


def test_every_field_of_the_order_and_of_the_video_is_told(document):
    (section,) = re.findall(r"## Videos\n(.*?)\n## ", API, re.DOTALL)
    told = set(re.findall(r"`(\w+)`", section))
    assert fields_of_order(document, "multipart/form-data") <= told
    assert fields_of_order(document, "application/json") <= told
    assert set(document["components"]["schemas"]["Video"]["properties"]) <= told


def kotlin_classes():
    """Fields by class: the name in JSON, and whether it may be null."""
    for name, body in re.findall(r"data class (\w+)\((.*?)\)\s*(?=\n\n|\n@|$)", ANDROID, re.DOTALL):
        fields = re.findall(r"(?:@SerialName\(\"(\w+)\"\) )?val (\w+): (\w+(?:<[^>]+>)?)(\??)", body)
        yield name, {serial or own: optional == "?" for serial, own, _, optional in fields}


def may_be_null(schema):
    return {"type": "null"} in schema.get("anyOf", [])


def test_every_kotlin_field_exists_and_may_be_null_where_it_may_be(document):
    classes = dict(kotlin_classes())
    assert set(classes) == {"MobileRequest", "MobileReply", "FaceBox", "Poster", "Problem", "Video"}
    for name, fields in classes.items():
        known = document["components"]["schemas"][name]["properties"]
        assert fields
        assert set(fields) <= set(known), name
        assert fields == {field: may_be_null(known[field]) for field in fields}, name


def test_every_part_of_the_kotlin_form_is_a_field(document):
    parts = set(re.findall(r"@Part\(\"(\w+)\"\)", ANDROID))
    assert {"poster_id", "text"} <= parts <= fields_of_order(document, "multipart/form-data")


def errors():
    """Every error class of the service by its code; every line that gives a code belongs to one of them."""
    lines = 0
    for path in [*ROOT.glob("deployments/**/*.py"), *ROOT.glob("serve_app/**/*.py")]:
        if given := re.findall(r"^    code(?:: ClassVar\[str\])? = \"", path.read_text(), re.MULTILINE):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            lines += len(given)
    found = {TalkingPhotoError}
    while more := {sub for error in found for sub in error.__subclasses__()} - found:
        found |= more
    named = [error for error in found if "code" in vars(error)]
    ours = {error.code: error for error in named if error.__module__.startswith(("deployments.", "serve_app."))}
    assert len(ours) == lines
    del ours[TalkingPhotoError.code]  # the root's own, which no error keeps but Unexpected
    return ours


def rows():
    (table,) = re.findall(r"## Errors\n(.*)", API, re.DOTALL)
    found = re.findall(r"^\| `(\w+)` \| (\d+) \| (yes|no) \|", table, re.MULTILINE)
    by_code = {code: (int(status), retryable == "yes") for code, status, retryable in found}
    assert len(by_code) == len(found)
    return by_code


def test_every_error_is_in_the_table_as_it_is():
    known = {code: (error.http_status, error.retryable) for code, error in errors().items()}
    table = rows()
    assert {code: table.get(code) for code in known} == known


def test_every_row_is_of_an_error():
    assert set(rows()) == {*errors(), TalkingPhotoError.code}
