"""An order as a form, with pictures and sounds as files."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, File, Form, UploadFile
from pydantic import TypeAdapter, ValidationError

from deployments.errors import InvalidRequest
from deployments.jobs.order import VideoOrder
from deployments.media import SourceOptions
from serve_app.source_options import source_options
from serve_app.uploads import Uploads

METADATA = TypeAdapter(dict[str, str])


@dataclass(frozen=True)
class VideoForm:
    """The form's fields; one poster and one script of them make an order."""

    source: Annotated[SourceOptions, Depends(source_options)]
    poster: Annotated[UploadFile | None, File(description="A photo or a clip with a face.")] = None
    poster_id: Annotated[str | None, Form(description="Or a registered poster's imageId.")] = None
    text: Annotated[str | None, Form(description="What it says.")] = None
    voice_id: Annotated[str, Form()] = "default"
    audio: Annotated[UploadFile | None, File(description="Or a sound file: WAV, MP3, M4A, OGG, FLAC.")] = None
    metadata: Annotated[str | None, Form(max_length=4000, description="JSON: strings by name, given back.")] = None
    webhook: Annotated[str | None, Form(max_length=2000, description="A URL that is told of the end.")] = None

    async def order(self, keep: Uploads, owner: str) -> VideoOrder:
        """The order, its files stored. Raises `InvalidRequest`."""
        _check_one("poster", self.poster, self.poster_id, "'poster' (a photo, a clip) or 'poster_id' (a known one)")
        _check_one("text", self.text, self.audio, "'text' (with 'voice_id') or 'audio' (a sound file)")
        return VideoOrder(
            poster_key=await keep.picture(await self.poster.read()) if self.poster else "",
            poster_id=self.poster_id,
            text=self.text,
            voice_id=self.voice_id,
            audio_key=await keep.sound(await self.audio.read()) if self.audio else None,
            source=self.source,
            owner=owner,
            metadata=_metadata(self.metadata),
            webhook=self.webhook,
        )


def _check_one(param: str, one: object, other: object, what: str) -> None:
    if (one is None) == (other is None):
        raise InvalidRequest(f"Send either {what}.", {"param": param})


def _metadata(given: str | None) -> dict[str, str]:
    try:
        return METADATA.validate_json(given or "{}")
    except ValidationError as error:
        problem = "'metadata' is not a JSON object of strings."
        raise InvalidRequest(problem, {"param": "metadata"}) from error
