"""Request and reply models."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from deployments.jobs.index import Answer, CacheState
from deployments.jobs.posters import POSTER_ID
from deployments.jobs.records import Rendered, Status, VideoRecord
from deployments.jobs.webhooks import Delivery
from deployments.media import FaceBox

PosterId = Annotated[str, Path(pattern=f"^{POSTER_ID}$", description="The caller's imageId.")]
VideoId = Annotated[str, Path(pattern=r"^vid_[0-9a-f]{32}$")]


class VideoPage(BaseModel):
    """Some videos, the newest first; `next_cursor` leads to the following ones."""

    videos: "list[Video]"
    next_cursor: str | None


class Deliveries(BaseModel):
    """What was told of a video."""

    deliveries: list[Delivery]


class PosterCheck(BaseModel):
    """What a picture or a clip would do as a poster."""

    content_type: str
    width: int
    height: int
    faces: list[FaceBox]


class LimitsView(BaseModel):
    """What is taken."""

    max_text_chars: int
    max_audio_s: float
    max_audio_bytes: int
    max_image_bytes: int
    max_image_pixels: int
    max_clip_bytes: int
    max_clip_s: float
    max_body_bytes: int
    max_wait_s: float
    queue: int


MobileStatus = Literal["processing", "completed", "failed"]


class MobileRequest(BaseModel):
    """What TalkAR's backend sends; fields that it adds for itself are ignored."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"imageId": "astronaut", "text": "Hello from the poster.", "voiceId": "default"}}
    )

    imageId: str  # noqa: N815 - the mobile contract's name
    text: str
    voiceId: str | None = None  # noqa: N815 - the mobile contract's name


class MobileReply(BaseModel):
    """What it gets back, whatever happens. `duration` is in seconds."""

    success: bool
    videoId: str | None = None  # noqa: N815 - the mobile contract's name
    videoUrl: str | None = None  # noqa: N815 - the mobile contract's name
    duration: float | None = None
    status: MobileStatus
    error: str | None = None

    @classmethod
    def of(cls, record: VideoRecord, url: str | None) -> "MobileReply":
        """The mobile view of a record."""
        over = record.status in ("failed", "canceled")
        return cls(
            success=not over,
            videoId=record.id,
            videoUrl=url,
            duration=record.rendered.duration_s if record.rendered else None,
            status="failed" if over else "completed" if record.status == "completed" else "processing",
            error=record.failure.detail if record.failure else "The video was canceled." if over else None,
        )


class Problem(BaseModel):
    """Why a video failed."""

    code: str
    detail: str
    retryable: bool


class Video(BaseModel):
    """A video, finished or on its way.

    `timings_s` are seconds by stage; `generate`, `encode` and `store` are parts of `video`, the first two of them at
    the same time. `cache` tells how this answer came about.
    """

    id: str
    status: Status
    stage: str | None
    engine: str = Field(description="What moved the mouth: wav2lip, or preview where no weights are installed.")
    poster_id: str | None
    cache: CacheState | None
    position: int | None = Field(description="How many videos have their turn before this one.")
    estimated_s: float | None = Field(description="Seconds until it may be done.")
    metadata: dict[str, str]
    video_url: str | None
    stream_url: str | None = Field(description="An HLS playlist that plays while the video is made.")
    duration_s: float | None
    width: int | None
    height: int | None
    frames: int | None
    fps: float | None
    size_bytes: int | None
    frames_without_face: int | None = Field(description="Frames of a clip that show no face, left as they are.")
    timings_s: dict[str, float]
    error: Problem | None
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, answer: Answer, url: str | None, stream_url: str | None) -> "Video":
        """The public view of a video as it stands."""
        record = answer.record
        measures = dict.fromkeys(Rendered.model_fields)
        return cls(
            **(record.rendered.model_dump() if record.rendered else measures),
            **record.model_dump(include={"id", "status", "stage", "engine", "timings_s", "created_at", "finished_at"}),
            poster_id=record.order.poster_id,
            cache=answer.cache,
            position=answer.position,
            estimated_s=answer.estimated_s,
            metadata=record.order.metadata,
            video_url=url,
            stream_url=stream_url,
            error=Problem(**record.failure.model_dump(include={"code", "detail", "retryable"}))
            if record.failure
            else None,
        )


class VoiceView(BaseModel):
    """A voice that `voiceId` may name."""

    id: str
    engine: str
    language: str | None


class Voices(BaseModel):
    """All of them."""

    voices: list[VoiceView]


class Ready(BaseModel):
    """Whether every stage can serve, and which engine moves the mouths. Counts are since the jobs stage started."""

    ready: bool
    engine: str | None
    stages: dict[str, str]
    counts: dict[str, Any]
