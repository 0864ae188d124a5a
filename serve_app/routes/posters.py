"""Posters: a photo or a clip under the caller's imageId."""

from fastapi import APIRouter, Request
from starlette.datastructures import UploadFile

from deployments.errors import UnknownPoster, UnreadableImage
from deployments.jobs.posters import Poster
from serve_app.openapi import BODY, LOOKUP, PICTURE, refused
from serve_app.schemas import PosterCheck, PosterId
from serve_app.service import Service

_ONE_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("image/jpeg", "image/png", "image/webp", "video/mp4", "video/quicktime", "video/webm")
        }
        | {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"image": {"type": "string", "format": "binary"}}}
            }
        },
    }
}


def make_router(service: Service) -> APIRouter:
    """Build the router."""
    router = APIRouter(prefix="/v1/posters", tags=["posters"])

    @router.put("/{poster_id}", openapi_extra=_ONE_FILE, responses=refused(*LOOKUP, *BODY, *PICTURE))
    async def put_poster(poster_id: PosterId, request: Request) -> Poster:
        """Register or replace a poster: the photo or clip as the body, or as the file of a form."""
        return await service.put_poster(poster_id, await _image(request))

    @router.post("/check", openapi_extra=_ONE_FILE, responses=refused(*LOOKUP, *BODY, *PICTURE))
    async def check_poster(request: Request) -> PosterCheck:
        """What this photo or clip would do as a poster: its faces, what is wrong, how to mend it. Nothing is kept."""
        return PosterCheck.model_validate(await service.check_poster(await _image(request)), from_attributes=True)

    @router.get("/{poster_id}", responses=refused(*LOOKUP, UnknownPoster))
    async def get_poster(poster_id: PosterId) -> Poster:
        """The poster's facts."""
        return await service.get_poster(poster_id)

    @router.delete("/{poster_id}", status_code=204, responses=refused(*LOOKUP, UnknownPoster))
    async def delete_poster(poster_id: PosterId) -> None:
        """Forget the poster and its picture."""
        await service.delete_poster(poster_id)

    return router


async def _image(request: Request) -> bytes:
    if not request.headers.get("content-type", "").startswith("multipart/"):
        return await request.body()
    async with request.form() as form:
        for field in form.values():
            if isinstance(field, UploadFile):
                return await field.read()
    raise UnreadableImage("The form has no file: send the picture in a field named 'image'.")
