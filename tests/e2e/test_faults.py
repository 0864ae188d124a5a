"""Replicas die in the middle of the work: what was accepted is finished all the same."""

import time

import pytest
from client import finished, order


def _text(words):
    return f"This sentence is spoken while a replica dies: {words}. " * 6


def test_a_generator_killed_in_the_middle_of_a_clip_ends_in_a_completed_video(service, http):
    answer = order(http, wait_s=0, poster_id="astronaut", text=_text("the generator"))
    _kill_when_rendering(service, http, answer.json()["id"], "LipsyncStage")
    assert finished(http, answer)["status"] == "completed"


@pytest.mark.parametrize("deployment", ["VideoStage", "JobsStage"])
def test_another_replica_killed_in_the_middle_ends_in_a_completed_video(service, http, deployment):
    answer = order(http, wait_s=0, poster_id="astronaut", text=_text(deployment))
    _kill_when_rendering(service, http, answer.json()["id"], deployment)
    assert finished(http, answer)["status"] == "completed"


def _kill_when_rendering(service, http, video_id, deployment):
    deadline = time.monotonic() + 60
    while (seen := http.get(f"/v1/videos/{video_id}").json())["stage"] != "video":
        assert seen["status"] in ("queued", "processing"), seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)
    time.sleep(0.5)
    assert http.get(f"/v1/videos/{video_id}").json()["status"] == "processing"
    victims = service.replicas(deployment)
    assert victims
    for process in victims:
        process.kill()
