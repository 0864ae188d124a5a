"""An order as JSON: what the form has, with pictures and sounds by URL or in the document itself."""

import base64
import binascii

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from deployments.errors import InvalidRequest
from deployments.jobs.order import VideoOrder
from deployments.media import Edges, Extend, SourceOptions
from serve_app.problems import invalid
from serve_app.uploads import Uploads


class Options(BaseModel):
    """The published code's options, as in the form. `pads`, `box` and `crop` are top, bottom, left, right."""

    model_config = ConfigDict(extra="forbid")

    pads: Edges = (0, 10, 0, 0)
    box: Edges | None = None
    crop: Edges = (0, -1, 0, -1)
    rotate: bool = False
    resize_factor: int = Field(default=1, ge=1, le=16)
    fps: float | None = Field(default=None, ge=10, le=60)
    nosmooth: bool = False
    static: bool = False
    extend: Extend = "loop"
    face_index: int | None = Field(default=None, ge=0)


class VideoRequest(Options):
    """One poster, one script, and options. `poster` and `audio` are base64, alone or as a `data:` URL."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"poster_id": "astronaut", "text": "Hello from the poster."}},
    )

    poster_id: str | None = None
    poster_url: str | None = Field(default=None, max_length=2000)
    poster: str | None = None
    text: str | None = None
    voice_id: str = "default"
    audio_url: str | None = Field(default=None, max_length=2000)
    audio: str | None = None
    metadata: dict[str, str] = {}
    webhook: str | None = Field(default=None, max_length=2000)

    @model_validator(mode="after")
    def _one_of_each(self) -> "VideoRequest":
        for names in (("poster_id", "poster_url", "poster"), ("text", "audio_url", "audio")):
            if sum(getattr(self, name) is not None for name in names) != 1:
                raise ValueError(f"send exactly one of {', '.join(names)}")
        return self

    @classmethod
    def read(cls, body: bytes) -> "VideoRequest":
        """Return the request in a JSON document. Raises `InvalidRequest` that names the field."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise invalid(error) from error

    async def order(self, keep: Uploads, owner: str) -> VideoOrder:
        """The order, its picture and sound fetched and stored. Raises as `Uploads` does."""
        return VideoOrder(
            poster_key=await self._poster_key(keep),
            audio_key=await self._audio_key(keep),
            source=SourceOptions(**self.model_dump(include=set(Options.model_fields))),
            owner=owner,
            **self.model_dump(include={"poster_id", "text", "voice_id", "metadata", "webhook"}),
        )

    async def _poster_key(self, keep: Uploads) -> str:
        if self.poster_url:
            return await keep.picture_at(self.poster_url)
        return await keep.picture(_decoded("poster", self.poster)) if self.poster else ""

    async def _audio_key(self, keep: Uploads) -> str | None:
        if self.audio_url:
            return await keep.sound_at(self.audio_url)
        return await keep.sound(_decoded("audio", self.audio)) if self.audio else None


def _decoded(param: str, text: str) -> bytes:
    try:
        return base64.b64decode(text.rpartition("base64,")[2], validate=True)
    except binascii.Error as error:
        raise InvalidRequest(f"'{param}' is not base64.", {"param": param}) from error
