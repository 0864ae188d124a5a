"""An order as a form, with pictures and sounds as files."""

from typing import Annotated

from fastapi import UploadFile
from pydantic import AfterValidator, Field, Json

from serve_app.uploads import Uploads
from serve_app.video_options import VideoAsked, short


class VideoForm(VideoAsked):
    """One poster, one script, and options."""

    poster: UploadFile | None = Field(None, description="A photo or a clip with a face.")
    audio: UploadFile | None = Field(None, description="A sound file: WAV, MP3, M4A, OGG, FLAC.")
    metadata: Annotated[Json[dict[str, str]], AfterValidator(short)] = Field(
        {}, description="JSON: strings by name, given back."
    )

    async def poster_key(self, keep: Uploads) -> str:
        """See `VideoAsked`."""
        return await keep.picture(await self.poster.read()) if self.poster else ""

    async def audio_key(self, keep: Uploads) -> str | None:
        """See `VideoAsked`."""
        return await keep.sound(await self.audio.read()) if self.audio else None
