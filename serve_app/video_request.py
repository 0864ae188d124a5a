"""An order as JSON, with pictures and sounds by URL or in the document itself."""

import base64

from pydantic import Field, ValidationError

from deployments.errors import InvalidRequest
from serve_app.problems import invalid
from serve_app.uploads import Uploads
from serve_app.video_options import VideoAsked


class VideoRequest(VideoAsked):
    """One poster, one script, and options. `poster` and `audio` are base64, alone or as a `data:` URL."""

    poster_url: str | None = Field(None, max_length=2000)
    poster: str | None = None
    audio_url: str | None = Field(None, max_length=2000)
    audio: str | None = None

    @classmethod
    def read(cls, body: bytes) -> "VideoRequest":
        """Return the request in a JSON document. Raises `InvalidRequest` that names the field."""
        try:
            return cls.model_validate_json(body)
        except ValidationError as error:
            raise invalid(error) from error

    async def poster_key(self, keep: Uploads) -> str:
        """See `VideoAsked`."""
        if self.poster_url is not None:
            return await keep.picture_at(self.poster_url)
        return await keep.picture(_decoded("poster", self.poster)) if self.poster else ""

    async def audio_key(self, keep: Uploads) -> str | None:
        """See `VideoAsked`."""
        if self.audio_url is not None:
            return await keep.sound_at(self.audio_url)
        return await keep.sound(_decoded("audio", self.audio)) if self.audio else None


def _decoded(param: str, text: str) -> bytes:
    try:
        return base64.b64decode(text.rpartition("base64,")[2], validate=True)
    except ValueError as error:  # also for what is not ASCII
        raise InvalidRequest(f"'{param}' is not base64.", {"param": param}) from error
