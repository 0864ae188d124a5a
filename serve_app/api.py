"""The ASGI app: routes, error replies and limits around a service. Free of Ray."""

from fastapi import FastAPI

from serve_app import problems
from serve_app.body_limit import BodyLimit
from serve_app.cors import PlayerCors
from serve_app.links import Links
from serve_app.routes import content, limits, mobile, posters, status, streams, videos, voices
from serve_app.service import Service
from serve_app.settings import Settings


def make_api(service: Service, settings: Settings) -> FastAPI:
    """Build the app."""
    links = Links(service, settings.http)
    api = FastAPI(title="Talking posters", version="1", description="A poster and a sentence in, a talking MP4 out.")
    problems.install(api)
    api.add_middleware(PlayerCors)
    api.add_middleware(BodyLimit, max_bytes=settings.http.max_body_bytes)
    api.include_router(mobile.make_router(service, links, settings.http.wait_s), prefix="/api")
    api.include_router(mobile.make_router(service, links, settings.http.wait_s), include_in_schema=False)
    api.include_router(videos.make_router(service, links, settings))
    api.include_router(content.make_router(service))
    api.include_router(streams.make_router(service))
    api.include_router(posters.make_router(service))
    api.include_router(voices.make_router(settings.speech))
    api.include_router(limits.make_router(settings))
    api.include_router(status.make_router(service))
    return api
