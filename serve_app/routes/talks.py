"""D-ID's talks: their requests, replies and errors, over the same videos."""

import asyncio
import base64
import re
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from deployments.errors import (
    AudioTooLong,
    ImageTooLarge,
    InvalidRequest,
    TalkingPhotoError,
    UnknownVideo,
    VideoRunning,
)
from deployments.jobs.order import VideoOrder
from deployments.jobs.records import ENDED, VideoRecord
from deployments.outbound import Fetched, OutboundPolicy, fetch
from serve_app.access import Asker, Caller
from serve_app.examples import TALK_ID as EXAMPLE_ID
from serve_app.links import Links
from serve_app.openapi import ADDRESSES, BODY, LOOKUP, QUEUE, TEXT, refused
from serve_app.refusals import TALK
from serve_app.service import Service
from serve_app.settings import Settings
from serve_app.talks_schemas import AudioScript, Talk, TalkCreated, TalkRequest, TextScript

TALK_ID = re.compile(r"tlk_[0-9a-f]{32}", re.ASCII)
TalkId = Annotated[str, Path(examples=[EXAMPLE_ID])]

DATA_URL = re.compile(r"data:([a-z0-9.+-]+/[a-z0-9.+-]+)(?:;[a-z0-9=.+-]+)*;base64,", re.ASCII | re.IGNORECASE)

REMEMBERED_CHARS = 500
"""The longest address that is given back: webhooks carry metadata, too, and have 20 kB in all."""

NOT_TOLD = "application/octet-stream"
"""What file stores answer where they know no type: the content is looked at anyway."""


class UnknownTalk(TalkingPhotoError):
    """The caller has no talk with that id."""

    code = "unknown_talk"
    http_status = 404


class UnsupportedMimeType(TalkingPhotoError):
    """The address holds another kind of file than is wanted there.

    `data["types"]` lists what is.
    """

    code = "unsupported_mime_type"
    http_status = 415


@dataclass(frozen=True)
class Wanted:
    """A kind of file: the field that holds its address, the content types it may have, and the most of it."""

    param: str
    types: tuple[str, ...]
    max_bytes: int
    too_large: type[TalkingPhotoError]

    def check_type(self, content_type: str) -> None:
        """Raise `UnsupportedMimeType` where the type is told and another."""
        if not content_type.startswith(self.types) and content_type not in ("", NOT_TOLD):
            raise UnsupportedMimeType(
                f"{self.param} holds {content_type}; it must be one of {', '.join(self.types)}.",
                {"param": self.param, "types": list(self.types)},
            )

    def check_size(self, size_bytes: int) -> None:
        """Raise `too_large` where there is too much of it."""
        if size_bytes > self.max_bytes:
            raise self.too_large(
                f"{self.param} holds {size_bytes} bytes; send at most {self.max_bytes}.", {"param": self.param}
            )


def make_router(service: Service, links: Links, settings: Settings, policy: OutboundPolicy) -> APIRouter:
    """Build the router; `policy` tells where pictures and sounds may be fetched."""
    router = APIRouter(prefix="/talks", tags=["talks"])
    picture = Wanted(
        "source_url",
        ("image/jpeg", "image/jpg", "image/png", "image/webp"),
        settings.faces.max_image_bytes,
        ImageTooLarge,
    )
    sound = Wanted("audio_url", ("audio/", "application/ogg"), settings.speech.max_audio_bytes, AudioTooLong)

    async def kept(url: str, wanted: Wanted) -> str:
        found = await _held(url, wanted, policy)
        return await service.keep_upload(found.content, found.content_type or NOT_TOLD)

    async def found(talk_id: str, caller: Caller) -> VideoRecord:
        unknown = UnknownTalk(f"There is no talk {talk_id!r}.")
        if not TALK_ID.fullmatch(talk_id):
            raise unknown
        try:
            return (await service.find(talk_id.replace("tlk_", "vid_", 1), caller.name)).record
        except UnknownVideo:
            raise unknown from None

    @router.post(
        "",
        status_code=201,
        responses=refused(
            *LOOKUP, *BODY, *TEXT, *ADDRESSES, UnsupportedMimeType, ImageTooLarge, AudioTooLong, *QUEUE, shape=TALK
        ),
    )
    async def create_talk(talk: TalkRequest, caller: Asker) -> TalkCreated:
        """Take on a talk; `GET /talks/{id}` tells when it is done."""
        script = talk.script
        if isinstance(script, AudioScript):
            spoken: dict[str, Any] = {"audio_key": await kept(script.audio_url, sound)}
        else:
            _check_plain(script)
            spoken = {"text": script.input, "voice_id": script.provider.voice_id}
        order = VideoOrder(
            poster_key=await kept(talk.source_url, picture),
            owner=caller.name,
            webhook=talk.webhook,
            metadata=_metadata(talk),
            **spoken,
        )
        return TalkCreated.of((await service.submit(order, 0.0, caller.concurrent_jobs)).record)

    @router.get("/{talk_id}", responses=refused(*LOOKUP, UnknownTalk, shape=TALK))
    async def get_talk(talk_id: TalkId, request: Request, caller: Asker) -> Talk:
        """The talk as it stands."""
        record = await found(talk_id, caller)
        return Talk.of(record, await links.video(record, request))

    @router.delete("/{talk_id}", responses=refused(*LOOKUP, UnknownTalk, VideoRunning, shape=TALK))
    async def delete_talk(talk_id: TalkId, caller: Asker) -> Talk:
        """Leave nothing of a talk that has ended; the answer is what it was. 409 for one in work."""
        record = await found(talk_id, caller)
        if record.status not in ENDED:
            raise VideoRunning(f"The talk {talk_id} is still in work: delete it when it has ended.")
        await service.delete(record.id, caller.name)
        return Talk.of(record, None)

    return router


def _check_plain(script: TextScript) -> None:
    if script.ssml:
        raise InvalidRequest("SSML is not spoken here: send plain text, with 'ssml' false.", {"param": "script.ssml"})
    if script.subtitles:
        raise InvalidRequest("Subtitles are not made here: send 'subtitles' false.", {"param": "script.subtitles"})


def _metadata(talk: TalkRequest) -> dict[str, str]:
    """What `GET` gives back of the request."""
    audio_url = talk.script.audio_url if isinstance(talk.script, AudioScript) else None
    addresses = {"source_url": talk.source_url, "audio_url": audio_url}
    given = {"user_data": talk.user_data, "name": talk.name} | {
        name: url
        for name, url in addresses.items()
        if url and len(url) <= REMEMBERED_CHARS and url.lower().startswith("http")
    }
    return {name: value for name, value in given.items() if value is not None}


async def _held(url: str, wanted: Wanted, policy: OutboundPolicy) -> Fetched:
    """What the address holds. Raises `UnsupportedMimeType`, `wanted.too_large`, and what `fetch` does."""
    if url[:5].lower() != "data:":
        found = await fetch(url, policy, wanted.max_bytes, param=wanted.param)
        wanted.check_type(found.content_type)
        return found
    head = DATA_URL.match(url)
    if not head:
        raise InvalidRequest(f"{wanted.param} must begin as data:image/png;base64, does.", {"param": wanted.param})
    wanted.check_type(content_type := head[1].lower())
    try:
        content = await asyncio.to_thread(base64.b64decode, url[head.end() :], validate=True)
    except ValueError as error:
        raise InvalidRequest(f"{wanted.param} holds broken base64.", {"param": wanted.param}) from error
    wanted.check_size(len(content))
    return Fetched(content, content_type)
