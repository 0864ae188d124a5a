"""Equal requests are one piece of work, asserted by the service's own counts."""

import asyncio

import httpx
from client import MOBILE, counts, mobile


def test_a_second_equal_request_runs_no_stage(http):
    body = {"imageId": "astronaut", "text": "The same words twice.", "voiceId": "default"}
    first = mobile(http, **body)
    assert first.status_code == 200, first.text
    before = counts(http)
    for _ in range(5):
        again = http.post(MOBILE, json=body)
        assert again.json() == first.json()
    after = counts(http)
    assert after["stage_runs"] == before["stage_runs"]
    assert after["answers"]["hit"] == before["answers"].get("hit", 0) + 5


def test_twenty_equal_requests_at_once_run_the_pipeline_once_though_the_first_disconnects(service, http):
    before = counts(http)
    body = {"imageId": "illustration", "text": "Twenty callers ask for this sentence at the same time."}

    async def ask(client, timeout_s=60.0):
        return await client.post(MOBILE, json=body, timeout=timeout_s)

    async def ask_until_done(client):
        while (answer := await ask(client)).status_code == 202:
            pass
        return answer

    async def story():
        async with httpx.AsyncClient(base_url=service.url) as client:
            first = asyncio.create_task(ask(client, 0.3))
            await asyncio.sleep(0.2)
            others = await asyncio.gather(*[ask_until_done(client) for _ in range(19)])
            try:
                await first
            except httpx.TimeoutException:
                return others, True
            return others, False

    answers, disconnected = asyncio.run(story())
    assert disconnected
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["videoUrl"] for answer in answers}) == 1
    runs = {stage: n - before["stage_runs"].get(stage, 0) for stage, n in counts(http)["stage_runs"].items()}
    assert runs == {"speech": 1, "faces": 1, "video": 1}
