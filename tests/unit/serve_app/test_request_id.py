"""Request ids."""

import asyncio
import re

import httpx
import pytest
from fastapi import FastAPI, Request

from serve_app.request_id import RequestId


def ask(path="/", **headers):
    app = FastAPI()
    app.add_middleware(RequestId)

    @app.get("/{path:path}")
    async def tell(request: Request):
        return request.state.request_id

    async def one():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(one())


@pytest.mark.parametrize("given", ["a", "Z9._-", "0" * 64, "3b0c0f0e-7a86-4a8e-9d0a-000000000000"])
def test_the_callers_id_is_kept_and_left_to_serve_to_answer(given):
    answer = ask(**{"X-Request-Id": given})
    assert answer.json() == given
    assert "x-request-id" not in answer.headers  # Serve's proxy adds it: a second one would make a list of it


def test_without_one_each_request_gets_its_own_id_and_the_answer_has_it():
    first, second = ask(), ask()
    assert re.fullmatch("[0-9a-f]{32}", first.json())
    assert first.json() == first.headers["x-request-id"] != second.json()


@pytest.mark.parametrize("given", ["", "0" * 65, "a b", "a/b", "a\tb", '{"a": 1}', "é".encode()])
def test_an_id_that_a_log_should_not_have_is_refused(given):
    answer = ask(**{"X-Request-Id": given})
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["retryable"]) == (400, "bad_request_id", False)


def test_on_talks_it_is_refused_in_the_shape_of_d_id():
    assert ask("/talks", **{"X-Request-Id": "a/b"}).json()["kind"] == "BadRequestError"
