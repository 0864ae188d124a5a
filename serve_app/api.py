"""The ASGI app: routes, error replies and limits around a service. Free of Ray."""

from fastapi import FastAPI

from deployments.outbound import OutboundPolicy
from serve_app import refusals
from serve_app.access import Access, Keyring
from serve_app.body_limit import BodyLimit
from serve_app.cors import PlayerCors
from serve_app.links import Links
from serve_app.openapi import describe, operation_id
from serve_app.request_id import RequestId
from serve_app.routes import content, deliveries, limits, mobile, posters, status, streams, talks, videos, voices
from serve_app.service import Service
from serve_app.settings import Settings
from serve_app.signing import Signer


def make_api(service: Service, settings: Settings) -> FastAPI:
    """Build the app."""
    keyring = Keyring(settings.access)
    signer = Signer.of(settings.access)
    links = Links(service, settings.http, signer)
    policy = OutboundPolicy(allow_networks=settings.outbound.allow_networks)
    api = FastAPI(
        title="Talking posters",
        version="1",
        description="A poster and a sentence in, a talking MP4 out.",
        generate_unique_id_function=operation_id,
    )
    refusals.install(api)
    api.add_middleware(BodyLimit, max_bytes=settings.http.max_body_bytes)
    api.add_middleware(Access, keyring=keyring, signer=signer)
    api.add_middleware(PlayerCors)  # outside of Access: players ask before they send what opens the door
    api.add_middleware(RequestId)
    api.include_router(mobile.make_router(service, links, settings.http.wait_s), prefix="/api")
    api.include_router(mobile.make_router(service, links, settings.http.wait_s), include_in_schema=False)
    api.include_router(videos.make_router(service, links, settings, policy))
    api.include_router(content.make_router(service))
    api.include_router(streams.make_router(service))
    api.include_router(deliveries.make_router(service))
    api.include_router(posters.make_router(service))
    api.include_router(voices.make_router(service, links))
    api.include_router(talks.make_router(service, links, settings, policy))
    api.include_router(limits.make_router(service, settings))
    api.include_router(status.make_router(service))
    describe(api, keyed=bool(keyring))
    return api
