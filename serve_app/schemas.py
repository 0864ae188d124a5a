"""Request and reply models."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from deployments.inspection import FaceLook, PictureProblem
from deployments.jobs.deliveries import Delivery
from deployments.jobs.index import Answer, CacheState
from deployments.jobs.posters import POSTER_ID
from deployments.jobs.records import Rendered, Status, VideoRecord
from deployments.voices import VoiceFacts
from serve_app.examples import IMAGE_ID, VIDEO_ID

PosterId = Annotated[str, Path(pattern=f"^{POSTER_ID}$", description="The caller's imageId.", examples=[IMAGE_ID])]
VideoId = Annotated[str, Path(pattern=r"^vid_[0-9a-f]{32}$", examples=[VIDEO_ID])]
VoiceId = Annotated[str, Path(description="One of `GET /v1/voices`.", examples=["default"])]


class VideoPage(BaseModel):
    """Some videos, the newest first; `next_cursor` leads to the following ones."""

    videos: "list[Video]"
    next_cursor: str | None


class Deliveries(BaseModel):
    """What was told of a video."""

    deliveries: list[Delivery]


class PosterCheck(BaseModel):
    """What a picture or a clip would do as a poster; of a clip, one of its first frames is looked at."""

    content_type: str
    width: int | None = Field(description="Of the upright picture; null where it is too large to be read.")
    height: int | None
    usable: bool = Field(description="Whether none of the problems is an error.")
    faces: list[FaceLook] = Field(description="The largest first, which speaks unless another is chosen.")
    problems: list[PictureProblem] = Field(description="Of the picture and of its first face, errors first.")


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
    engines: list[str] = Field(description="What an order's `engine` may name, the default first.")


MobileStatus = Literal["processing", "completed", "failed"]


class MobileRequest(BaseModel):
    """What TalkAR's backend sends; fields that it adds for itself are ignored."""

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
    engine: str = Field(description="What moves the mouth: wav2lip, or preview, which needs no weights.")
    poster_id: str | None
    cache: CacheState | None
    position: int | None = Field(description="How many videos have their turn before this one.")
    estimated_s: float | None = Field(description="Seconds until it may be done.")
    metadata: dict[str, str]
    video_url: str | None
    stream_url: str | None = Field(description="An HLS playlist that plays while the video is made.")
    captions_url: str | None = Field(description="WebVTT with word times, of a text; captions.srt is beside it.")
    duration_s: float | None
    width: int | None
    height: int | None
    frames: int | None = Field(description="Of the whole video, as soon as that is known.")
    frames_done: int | None = Field(description="How many of them are encoded.")
    fps: float | None
    size_bytes: int | None
    frames_without_face: int | None = Field(description="Frames of a clip that show no face, left as they are.")
    timings_s: dict[str, float]
    error: Problem | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, answer: Answer, urls: dict[str, Any]) -> "Video":
        """The public view of a video as it stands."""
        record = answer.record
        unknown = dict.fromkeys(Rendered.model_fields) | {"frames": answer.frames}
        facts = {"id", "status", "stage", "engine", "timings_s", "created_at", "started_at", "finished_at"}
        return cls(
            **(record.rendered.model_dump() if record.rendered else unknown),
            **record.model_dump(include=facts),
            frames_done=record.rendered.frames if record.rendered else answer.frames_done,
            poster_id=record.order.poster_id,
            cache=answer.cache,
            position=answer.position,
            estimated_s=answer.estimated_s,
            metadata=record.order.metadata,
            **urls,
            error=Problem(**record.failure.model_dump(include={"code", "detail", "retryable"}))
            if record.failure
            else None,
        )


class Voice(BaseModel):
    """A voice that `voiceId` may name."""

    id: str
    name: str
    language: str | None = Field(description="A BCP 47 tag; null where nobody told it.")
    gender: str | None
    engine: str
    sample_url: str = Field(description="A sentence in its language, as WAV.")

    @classmethod
    def of(cls, voice_id: str, facts: VoiceFacts, sample_url: str) -> "Voice":
        """The public view of a voice."""
        return cls(
            id=voice_id,
            name=facts.name,
            language=facts.language,
            gender=facts.gender,
            engine=facts.engine,
            sample_url=sample_url,
        )


class Voices(BaseModel):
    """Those that are there, and what is not."""

    voices: list[Voice]
    missing: dict[str, str] = Field(description="Why the voices of a speech server are not there, by their prefix.")


class Health(BaseModel):
    """The ingress answers."""

    status: Literal["ok"]


class Ready(BaseModel):
    """Whether every stage can serve, and which engine moves the mouths. Counts are since the jobs stage started."""

    ready: bool
    engine: str | None
    stages: dict[str, str]
    counts: dict[str, Any]
