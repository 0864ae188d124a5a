"""An engine's company of calls, apart from Ray Serve's replica."""

import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
from ray.serve import batching

from deployments.lipsync.deployment import Company
from deployments.media import FaceBox, FaceCrop, MouthDrive

BOX = FaceBox(0, 0, 4, 4)
CALL = (
    FaceCrop(np.zeros((4, 4, 3), np.uint8), BOX, BOX, None, "face"),
    MouthDrive("quick", 25.0, np.zeros((1, 16), np.float32), np.arange(16, dtype=np.int32), 1),
)


@pytest.mark.parametrize("ticks", range(8))
def test_a_call_that_is_given_up_before_its_batch_begins_keeps_nobody_out(ticks, monkeypatch):
    monkeypatch.setattr(batching._BatchQueue, "_warn_if_max_batch_size_exceeds_max_ongoing_requests", lambda self: None)
    engine = SimpleNamespace(name="quick", batch_frames=16, animate_together=lambda calls: ["mouths"] * len(calls))
    meters = SimpleNamespace(batch=lambda *_: None)

    async def story():
        company = Company(engine, meters)
        given_up = asyncio.create_task(company.animate(CALL, "a"))
        for _ in range(ticks):
            await asyncio.sleep(0)
        given_up.cancel()
        return await asyncio.wait_for(company.animate(CALL, "b"), 5)

    assert asyncio.run(story()) == "mouths"
