"""Metrics as operators see them: what is counted, under which labels, in which units."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from deployments.jobs.order import VideoOrder
from deployments.jobs.records import Failure, Rendered, VideoRecord
from deployments.meters import JobMeters, LipsyncMeters

BEGIN = datetime(2026, 11, 28, tzinfo=UTC)
RENDERED = Rendered(duration_s=4.0, width=64, height=64, frames=100, fps=25.0, size_bytes=1)


class Metric:
    """A metric that keeps what it is told; it refuses tags that were not declared, as Ray does."""

    def __init__(self, told, name, tag_keys):
        self._told, self._name, self._tag_keys = told, name, tag_keys

    def _tell(self, value, tags=None):
        tags = tags or {}
        assert sorted(tags) == sorted(self._tag_keys)
        self._told[self._name, *tags.values()].append(value)

    inc = set = observe = _tell


class Kinds:
    def __init__(self):
        self.told = defaultdict(list)

    def _metric(self, name, description, tag_keys):
        assert description.endswith(".")
        return Metric(self.told, name, tag_keys)

    def _histogram(self, name, description, boundaries, tag_keys):
        assert list(boundaries) == sorted(boundaries)
        return self._metric(name, description, tag_keys)

    Counter = Gauge = _metric
    Histogram = _histogram


@pytest.fixture
def kinds():
    return Kinds()


def record(**changes):
    order = VideoOrder(poster_key="posters/a/abc", text="Hello.")
    return VideoRecord(id="vid_1", content_id="1", order=order, engine="preview", created_at=BEGIN).with_(**changes)


def ended(**changes):
    times = {"started_at": BEGIN + timedelta(seconds=3), "finished_at": BEGIN + timedelta(seconds=5)}
    return record(status="completed", rendered=RENDERED, timings_s={"speech": 0.5, "total": 5.0}, **times, **changes)


def test_a_completed_video_tells_its_stages_its_wait_its_factor_and_its_cost(kinds):
    JobMeters(kinds, dollars_per_place_hour=0.9).ended(ended())
    assert kinds.told == {
        ("talking_photo_videos", "completed", "preview", ""): [1],
        ("talking_photo_stage_seconds", "speech"): [0.5],
        ("talking_photo_stage_seconds", "total"): [5.0],
        ("talking_photo_stage_seconds", "wait"): [3.0],
        ("talking_photo_realtime_factor", "preview"): [0.5],
        ("talking_photo_dollars",): [pytest.approx(0.0005)],
    }


def test_without_a_price_no_cost_is_told(kinds):
    JobMeters(kinds).ended(ended())
    assert ("talking_photo_dollars",) not in kinds.told


def test_a_failed_video_is_counted_under_its_code_alone(kinds):
    failure = Failure(code="no_face", detail="There is no face.", http_status=422, retryable=False)
    JobMeters(kinds, dollars_per_place_hour=1.0).ended(record(status="failed", failure=failure))
    assert kinds.told == {("talking_photo_videos", "failed", "preview", "no_face"): [1]}


def test_work_is_told_by_state_and_answers_by_the_cache(kinds):
    meters = JobMeters(kinds)
    meters.working(queued=3, processing=2)
    meters.answered("hit")
    meters.owing(deliveries=4, oldest_s=60.0)
    assert kinds.told == {
        ("talking_photo_jobs", "queued"): [3],
        ("talking_photo_jobs", "processing"): [2],
        ("talking_photo_answers", "hit"): [1],
        ("talking_photo_webhooks_owed",): [4],
        ("talking_photo_webhooks_oldest_seconds",): [60.0],
    }


def test_a_batch_is_told_as_a_share_of_a_full_one(kinds):
    meters = LipsyncMeters(kinds)
    meters.batch("wav2lip", frames=24, full=32)
    meters.batch("wav2lip", frames=40, full=32)  # one call alone may be longer
    assert kinds.told["talking_photo_frames", "wav2lip"] == [24, 40]
    assert kinds.told["talking_photo_batch_fill", "wav2lip"] == [0.75, 1.0]
