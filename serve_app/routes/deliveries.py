"""What was told of a video by webhook, and telling it again."""

from typing import Annotated

from fastapi import APIRouter, Path

from deployments.errors import UnknownVideo
from deployments.jobs.deliveries import Delivery, UnknownDelivery
from serve_app.access import Asker
from serve_app.examples import DELIVERY_ID
from serve_app.openapi import LOOKUP, refused
from serve_app.schemas import Deliveries, VideoId
from serve_app.service import Service

DeliveryId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,100}$", examples=[DELIVERY_ID])]


def make_router(service: Service) -> APIRouter:
    """Build the router."""
    router = APIRouter(prefix="/v1/videos/{video_id}/deliveries", tags=["webhooks"])

    @router.get("", responses=refused(*LOOKUP, UnknownVideo))
    async def list_deliveries(video_id: VideoId, caller: Asker) -> Deliveries:
        """Each event of the video with its attempts, oldest first."""
        return Deliveries(deliveries=await service.deliveries(video_id, caller.name))

    @router.post("/{delivery_id}/redeliver", status_code=202, responses=refused(*LOOKUP, UnknownVideo, UnknownDelivery))
    async def redeliver(video_id: VideoId, delivery_id: DeliveryId, caller: Asker) -> Delivery:
        """Send an event again, under the same webhook-id."""
        return await service.redeliver(video_id, delivery_id, caller.name)

    return router
