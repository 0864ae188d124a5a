"""The autoscaling policy: replicas by the frames that wait, within Serve's own bounds and delays."""

from types import SimpleNamespace

import pytest

from deployments.lipsync.autoscaling import QUEUED_FRAMES, QueuedFrames


def wanted(policy, backlog, running=("a", "b")):
    context = SimpleNamespace(aggregated_metrics={QUEUED_FRAMES: backlog}, running_replicas=list(running))
    return policy(context)[0]


@pytest.mark.parametrize(
    ("backlog", "replicas"), [({}, 0), ({"a": 64}, 1), ({"a": 200, "b": 56}, 4), ({"a": 65}, 65 / 64)]
)
def test_each_replica_shall_have_its_share_of_the_frames_that_wait(backlog, replicas):
    assert wanted(QueuedFrames(frames_per_replica=64), backlog) == replicas


def test_the_backlog_of_a_replica_that_is_gone_does_not_count():
    assert wanted(QueuedFrames(64), {"a": 64, "gone": 6400}) == 1


def test_before_any_replica_has_reported_nothing_is_asked_for():
    assert QueuedFrames(64)(SimpleNamespace(aggregated_metrics=None, running_replicas=[])) == (0, {})


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="more than 0"):
        QueuedFrames(0)
