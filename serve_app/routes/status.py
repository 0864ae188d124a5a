"""Health: is the process up, and can every stage serve."""

from dataclasses import asdict

from fastapi import APIRouter, Response

from serve_app.schemas import Health, Ready
from serve_app.service import Service


def make_router(service: Service) -> APIRouter:
    """Build the router."""
    router = APIRouter(tags=["status"])

    @router.get("/healthz")
    async def get_health() -> Health:
        """The ingress is up."""
        return Health(status="ok")

    @router.get("/readyz", responses={503: {"model": Ready}})
    async def get_readiness(response: Response) -> Ready:
        """200 when every stage can serve, 503 until then, with each stage's state in words."""
        readiness = await service.readiness()
        response.status_code = 200 if readiness.ready else 503
        return Ready.model_validate(asdict(readiness))

    return router
