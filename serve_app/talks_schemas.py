"""Talks: videos in the shape of D-ID's API, so that a client of theirs moves by changing the base URL."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from deployments.jobs.records import Rendered, Status, VideoRecord

KINDS = {
    400: "BadRequestError",
    401: "AuthorizationError",
    403: "PermissionError",
    404: "NotFoundError",
    405: "MethodNotAllowedError",
    409: "ConflictError",
    413: "PayloadTooLargeError",
    415: "UnsupportedMimeTypeError",
    422: "BadRequestError",
    429: "TooManyRequestsError",
    503: "ServiceUnavailableError",
}
FACE_CODES = ("no_face",)

TalkStatus = Literal["created", "started", "done", "error", "rejected"]

STATUSES: Mapping[Status, TalkStatus] = {
    "queued": "created",
    "processing": "started",
    "completed": "done",
    "failed": "error",
    "canceled": "error",
}


def kind_of(code: str, http_status: int) -> str:
    """D-ID's name for an error of ours."""
    return "FaceError" if code in FACE_CODES else KINDS.get(http_status, "InternalServerError")


class TalkProblem(BaseModel):
    """What went wrong with a request."""

    kind: str
    description: str
    details: dict[str, Any] = {}


class VoiceProvider(BaseModel):
    """Who speaks: one of this service's voices. Its own settings decide how, so nothing else is looked at."""

    voice_id: str = Field(default="default", description="One of `GET /v1/voices`.")


class TextScript(BaseModel):
    """What is said."""

    type: Literal["text"]
    input: str
    provider: VoiceProvider = VoiceProvider()
    ssml: bool = Field(default=False, description="Refused if true.")
    subtitles: bool = Field(default=False, description="Refused if true.")


class AudioScript(BaseModel):
    """What is heard."""

    type: Literal["audio"]
    audio_url: str = Field(description="http(s), or a base64 data: URL.")


class TalkConfig(BaseModel):
    """What D-ID's clients set. The face is always stitched into its picture; the sound is never padded."""

    stitch: bool = Field(default=True, description="Taken, without effect.")
    fluent: bool = Field(default=False, description="Taken, without effect.")
    pad_audio: float = Field(default=0.0, description="Taken, without effect.")
    result_format: Literal["mp4"] = "mp4"


class TalkRequest(BaseModel):
    """A picture and a script. What else D-ID's clients send is ignored."""

    source_url: str = Field(description="A picture: http(s), or a base64 data: URL.")
    script: Annotated[TextScript | AudioScript, Field(discriminator="type")]
    config: TalkConfig = TalkConfig()
    webhook: str | None = Field(default=None, max_length=2000, description="Told of the end as of any video's.")
    user_data: str | None = Field(default=None, max_length=1000)
    name: str | None = Field(default=None, max_length=255)


class TalkCreated(BaseModel):
    """The answer to an order."""

    id: str
    object: Literal["talk"] = "talk"
    created_at: datetime
    created_by: str
    status: Literal["created"] = "created"

    @classmethod
    def of(cls, record: VideoRecord) -> "TalkCreated":
        """A talk that was just taken on."""
        return cls(id=talk_id_of(record.id), created_at=record.created_at, created_by=record.order.owner)


class TalkMetadata(BaseModel):
    """Measures of what came out."""

    num_faces: int = Field(default=1, description="Faces that speak.")
    num_frames: int
    processing_fps: float | None = Field(description="Frames made in a second.")
    resolution: tuple[int, int] = Field(description="Width and height in pixels.")
    size_kib: float

    @classmethod
    def of(cls, rendered: Rendered, timings_s: Mapping[str, float]) -> "TalkMetadata":
        """The measures of a finished video."""
        video_s = timings_s.get("video")
        return cls(
            num_frames=rendered.frames,
            processing_fps=round(rendered.frames / video_s, 2) if video_s else None,
            resolution=(rendered.width, rendered.height),
            size_kib=round(rendered.size_bytes / 1024, 2),
        )


class TalkFailure(BaseModel):
    """Why there is no result."""

    kind: str
    description: str


class Talk(BaseModel):
    """A talk, finished or on its way."""

    id: str
    object: Literal["talk"] = "talk"
    user_id: str
    created_by: str
    name: str | None
    user_data: str | None
    source_url: str | None = Field(description="As it was given, if it was http(s) and short.")
    audio_url: str | None = Field(description="As it was given, if it was http(s) and short.")
    result_url: str | None
    created_at: datetime
    started_at: datetime | None = Field(default=None, description="Not recorded.")
    modified_at: datetime
    status: TalkStatus
    config: TalkConfig = Field(default=TalkConfig(), description="As it takes effect.")
    webhook: str | None
    duration: float | None = Field(description="Seconds.")
    metadata: TalkMetadata | None
    error: TalkFailure | None

    @classmethod
    def of(cls, record: VideoRecord, url: str | None) -> "Talk":
        """D-ID's view of a record."""
        order, rendered = record.order, record.rendered
        given = order.metadata.get
        return cls(
            name=given("name"),
            user_data=given("user_data"),
            source_url=given("source_url"),
            audio_url=given("audio_url"),
            id=talk_id_of(record.id),
            user_id=order.owner,
            created_by=order.owner,
            result_url=url,
            created_at=record.created_at,
            modified_at=record.finished_at or record.created_at,
            status=STATUSES[record.status],
            webhook=order.webhook,
            duration=rendered.duration_s if rendered else None,
            metadata=TalkMetadata.of(rendered, record.timings_s) if rendered else None,
            error=_failure(record),
        )


def talk_id_of(video_id: str) -> str:
    """The name that a video has here."""
    return video_id.replace("vid_", "tlk_", 1)


def _failure(record: VideoRecord) -> TalkFailure | None:
    if failure := record.failure:
        return TalkFailure(kind=kind_of(failure.code, failure.http_status), description=failure.detail)
    return TalkFailure(kind="CanceledError", description="It was canceled.") if record.status == "canceled" else None
