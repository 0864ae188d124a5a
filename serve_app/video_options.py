"""What an order may have beside its poster and its script: one definition for forms and for JSON."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from deployments.errors import InvalidRequest
from deployments.jobs.order import VideoOrder
from deployments.media import Extend, Motion, Paste, SourceOptions
from serve_app.settings import Engine
from serve_app.uploads import Uploads

MAX_METADATA_CHARS = 4000

ONE_OF_EACH = (("poster_id", "poster", "poster_url"), ("text", "audio", "audio_url"))
"""The fields that bring a poster, and those that bring a script."""


def _split(given: Any) -> Any:  # noqa: ANN401 - whatever a caller sends
    """Numbers as text, between blanks or commas as on the published command line, to a list."""
    items = given if isinstance(given, list) else [given]
    if not all(isinstance(item, str) for item in items):
        return given
    return " ".join(items).replace(",", " ").split()


def _rectangle(box: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    top, bottom, left, right = box
    if not (0 <= top < bottom and 0 <= left < right):
        raise PydanticCustomError("empty_box", "nothing lies in it; send top bottom left right")
    return box


def short(metadata: dict[str, str]) -> dict[str, str]:
    """Refuse metadata that would not fit into a webhook."""
    if sum(len(name) + len(value) for name, value in metadata.items()) > MAX_METADATA_CHARS:
        raise PydanticCustomError("metadata_too_long", f"it has over {MAX_METADATA_CHARS} characters")
    return metadata


Pixels = Annotated[int, Field(ge=-99_999, le=99_999)]
Pixel = Annotated[int, Field(ge=0, le=99_999)]
Edges = Annotated[tuple[Pixels, Pixels, Pixels, Pixels], BeforeValidator(_split)]
Point = Annotated[tuple[Pixel, Pixel], BeforeValidator(_split)]


class VideoOptions(BaseModel):
    """The published code's options by their names, and the choices of this service.

    `pads`, `box`, `crop` and `face_point` are lists, or their numbers as text between blanks or commas.
    """

    model_config = ConfigDict(extra="forbid")

    pads: Edges = Field((0, 10, 0, 0), description="Pixels around the face found: top, bottom, left, right.")
    box: Annotated[Edges, AfterValidator(_rectangle)] | None = Field(
        None, description="The face, not searched for: top, bottom, left, right."
    )
    crop: Edges = Field((0, -1, 0, -1), description="What is used: top, bottom, left, right, -1 is the edge.")
    rotate: bool = Field(False, description="Turn clockwise by a quarter.")
    resize_factor: int = Field(1, ge=1, le=16, description="Divide width and height by this first.")
    fps: float | None = Field(None, ge=10, le=60, description="Frames a second; a clip's own if not given.")
    nosmooth: bool = Field(False, description="Take each frame's face box as it was found.")
    static: bool = Field(False, description="Take a clip's first frame as a photo.")
    extend: Extend = Field("loop", description="What a clip does when the sound is longer.")
    face_index: int | None = Field(None, ge=0, le=99_999, description="0 is the largest face, the default.")
    face_point: Point | None = Field(None, description="Or the face at this pixel of the picture: x, y.")
    engine: Engine = Field("auto", description="What moves the mouth; auto is the service's default.")
    paste: Paste | None = Field(None, description="How Wav2Lip's mouth goes into the picture.")
    motion: Motion = Field("natural", description="The preview's head blinks, breathes and sways, or is still.")
    seed: int = Field(
        0, ge=0, le=2**31 - 1, description="What is random is drawn from it: blinks, and the noise in the voice."
    )


class VideoAsked(VideoOptions):
    """What a form and a JSON document have in common; each adds its own ways to bring a picture and a sound."""

    poster_id: str | None = Field(None, description="A registered poster's imageId.")
    text: str | None = Field(None, description="What it says.")
    ssml: bool = Field(False, description="The text is SSML: break, say-as, prosody, sub, p and s are known.")
    voice_id: str = Field("default", description="One of `GET /v1/voices`.")
    language: str | None = Field(
        None, max_length=35, description="BCP 47, such as de: picks a voice of it, or checks the one that is named."
    )
    speed: float = Field(1.0, ge=0.5, le=2.0, description="2 speaks twice as fast.")
    pitch: float = Field(0.0, ge=-12, le=12, description="Semitones higher, or lower.")
    metadata: Annotated[dict[str, str], AfterValidator(short)] = Field({}, description="Strings by name, given back.")
    webhook: str | None = Field(None, max_length=2000, description="A URL that is told of the end.")

    async def order(self, keep: Uploads, owner: str) -> VideoOrder:
        """The order, its picture and sound stored. Raises `InvalidRequest`, and what `Uploads` does."""
        for ways in ONE_OF_EACH:
            self._check_one([name for name in ways if name in type(self).model_fields])
        source = SourceOptions(**{field.name: getattr(self, field.name) for field in fields(SourceOptions)})
        return VideoOrder(
            poster_key=await self.poster_key(keep),
            audio_key=await self.audio_key(keep),
            source=source,
            owner=owner,
            **{name: getattr(self, name) for name in set(VideoOrder.model_fields) & set(VideoAsked.model_fields)},
        )

    async def poster_key(self, keep: Uploads) -> str:
        """Store the picture that came along; empty if none did."""
        raise NotImplementedError

    async def audio_key(self, keep: Uploads) -> str | None:
        """Store the sound that came along, if one did."""
        raise NotImplementedError

    def _check_one(self, ways: Sequence[str]) -> None:
        if sum(getattr(self, name) is not None for name in ways) != 1:
            listed = ", ".join(f"'{name}'" for name in ways)
            raise InvalidRequest(f"Send exactly one of {listed}.", {"param": ways[0]})
