"""What operators see: the metrics of the service, their names, units and buckets.

`Kinds` is the module `ray.serve.metrics` in a replica: Serve adds the labels `deployment`, `replica` and `application`,
and Ray exports each name with the prefix `ray_`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from deployments.jobs.records import VideoRecord

SECONDS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 1200.0, 3600.0)
SHARES = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0)
FACTORS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)

HOUR_S = 3600.0


class Kinds(Protocol):
    """The kinds of metrics, made of a name, a description, a histogram's boundaries, and the tags' keys."""

    @property
    def Counter(self) -> Callable[..., Any]:  # noqa: N802 - Ray's
        """Goes up."""

    @property
    def Gauge(self) -> Callable[..., Any]:  # noqa: N802 - Ray's
        """Goes up and down."""

    @property
    def Histogram(self) -> Callable[..., Any]:  # noqa: N802 - Ray's
        """Counts by size."""


class LipsyncMeters:
    """What a lip-sync replica does."""

    def __init__(self, kinds: Kinds) -> None:
        self._frames = kinds.Counter("talking_photo_frames", "Frames for which a mouth was made.", ("engine",))
        self._queued = kinds.Gauge("talking_photo_queued_frames", "Frames asked for and not made yet.", ())
        self._fill = kinds.Histogram(
            "talking_photo_batch_fill", "Frames taken together, as a share of a full batch.", SHARES, ("engine",)
        )

    def batch(self, engine: str, frames: int, full: int) -> None:
        """So many frames were made together, of a batch that takes `full`."""
        self._frames.inc(frames, {"engine": engine})
        self._fill.observe(min(1.0, frames / full), {"engine": engine})

    def queued(self, frames: int) -> None:
        """So many frames are asked for and not made yet."""
        self._queued.set(frames)


class JobMeters:
    """What becomes of orders. `dollars_per_place_hour` is what the machines behind one running video cost an hour."""

    def __init__(self, kinds: Kinds, dollars_per_place_hour: float | None = None) -> None:
        self._dollars_per_s = dollars_per_place_hour and dollars_per_place_hour / HOUR_S
        self._answers = kinds.Counter(
            "talking_photo_answers", "Orders: already done (hit), under way (joined), or new (miss).", ("cache",)
        )
        self._videos = kinds.Counter(
            "talking_photo_videos", "Videos that ended, and the code of what failed.", ("status", "engine", "code")
        )
        self._jobs = kinds.Gauge("talking_photo_jobs", "Videos in work, by state: queued or processing.", ("state",))
        self._owed = kinds.Gauge("talking_photo_webhooks_owed", "Deliveries of webhooks that are still to be made.", ())
        self._oldest = kinds.Gauge(
            "talking_photo_webhooks_oldest_seconds", "For how long the oldest of them has been owed.", ()
        )
        self._stages = kinds.Histogram(
            "talking_photo_stage_seconds", "Seconds that each stage of a completed video took.", SECONDS, ("stage",)
        )
        self._factor = kinds.Histogram(
            "talking_photo_realtime_factor", "Seconds of work for a second of video.", FACTORS, ("engine",)
        )
        self._dollars = kinds.Counter("talking_photo_dollars", "What completed videos have cost.", ())

    def answered(self, cache: str) -> None:
        """An order was answered."""
        self._answers.inc(1, {"cache": cache})

    def working(self, queued: int, processing: int) -> None:
        """So many videos wait, and so many are being made."""
        self._jobs.set(queued, {"state": "queued"})
        self._jobs.set(processing, {"state": "processing"})

    def owing(self, deliveries: int, oldest_s: float) -> None:
        """So many deliveries of webhooks are still to be made, the oldest for so long."""
        self._owed.set(deliveries)
        self._oldest.set(oldest_s)

    def ended(self, record: VideoRecord) -> None:
        """A video ended."""
        code = record.failure.code if record.failure else ""
        self._videos.inc(1, {"status": record.status, "engine": record.engine, "code": code})
        if record.rendered and record.started_at and record.finished_at:
            waited_s = (record.started_at - record.created_at).total_seconds()
            for stage, seconds in (record.timings_s | {"wait": waited_s}).items():
                self._stages.observe(max(0.0, seconds), {"stage": stage})
            work_s = (record.finished_at - record.started_at).total_seconds()
            self._factor.observe(work_s / record.rendered.duration_s, {"engine": record.engine})
            if self._dollars_per_s is not None:
                self._dollars.inc(work_s * self._dollars_per_s)
