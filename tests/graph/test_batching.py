"""The lip-sync stage in a small Serve application: calls that come while the engine is busy are made together."""

import asyncio
import sys
import threading
import time

import numpy as np
import pytest
import ray
from ray import cloudpickle, serve

from deployments.errors import EngineUnavailable, NoFace
from deployments.lipsync.deployment import Company, LipsyncStage
from deployments.media import ClipFaces, FaceBox, FaceCrop, MouthDrive, MouthFrames
from deployments.meters import LipsyncMeters
from deployments.retry import root_cause

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the replica cannot import this file

BOX = FaceBox(0, 0, 4, 4)
TAKES_S = 0.3


class SlowEngine:
    """Takes the same time for any batch; a mouth tells its face, its frame and the batch that it was made in."""

    batch_frames = 16

    def __init__(self, name, cpus, gpu_share):
        self.name = name
        self.version = f"{cpus} CPUs, {gpu_share} GPUs"
        self.batches = 0
        self.busy = threading.Lock()

    def animate_together(self, calls):
        assert self.busy.acquire(blocking=False), "one batch at a time"
        try:
            time.sleep(TAKES_S)
            self.batches += 1
            return [self._mouths(*call) for call in calls]
        finally:
            self.busy.release()

    def check(self):
        pass

    def _mouths(self, face, drive):
        if isinstance(face, FaceCrop) and face.digest == "none":
            raise NoFace("There is no face in it.")
        labels = face.landmarks[:, 0, 0] if isinstance(face, ClipFaces) else np.full(drive.frames, int(face.digest))
        rgb = np.zeros((drive.frames, 1, 1, 3), np.uint8)
        rgb[:, 0, 0] = np.stack([labels, drive.features[0, drive.starts], np.full(drive.frames, self.batches)], 1)
        boxes = face.boxes if isinstance(face, ClipFaces) else (BOX,)
        return MouthFrames(rgb, boxes, np.full((len(boxes), 1, 1), 255, np.uint8))


def two_engines(cpus, gpu_share):
    return [SlowEngine("slow", cpus, gpu_share), SlowEngine("other", cpus, gpu_share)]


def crop(label):
    return FaceCrop(np.zeros((4, 4, 3), np.uint8), BOX, BOX, None, str(label))


def drive(frames, first=0, engine="slow"):
    features = np.arange(first, first + frames, dtype=np.float32)[None]
    return MouthDrive(engine, 25.0, features, np.arange(frames, dtype=np.int32), 1)


@serve.deployment
class Impatient:
    """Gives a call up after so many turns of the event loop, and asks again: in a replica, as Ray's batches need."""

    async def ask_again_after(self, turns):
        company = Company(SlowEngine("slow", 0, 0), LipsyncMeters(serve.metrics))
        given_up = asyncio.create_task(company.animate((crop(1), drive(16)), "one"))
        for _ in range(turns):
            await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.gather(given_up, return_exceptions=True)
        mouths = await asyncio.wait_for(company.animate((crop(2), drive(16)), "another"), 10 * TAKES_S)
        return int(mouths.rgb[0, 0, 0, 0])


@pytest.fixture(scope="module")
def running():
    """A Ray of its own, and Serve without a proxy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
        serve.start(proxy_location="Disabled")
        yield
        serve.shutdown()
        ray.shutdown()


@pytest.fixture(scope="module")
def stage(running):
    """A handle of the stage."""
    options = {"max_ongoing_requests": 64, "ray_actor_options": {"num_cpus": 0.5}}
    return serve.run(LipsyncStage.options(**options).bind(two_engines), name="batching", route_prefix=None)


def ask(stage, *calls, apart_s=0.0):
    """The mouths, or the error, of calls begun one soon after the other."""

    async def one(number, call):
        await asyncio.sleep(number * apart_s)
        return await stage.animate.remote(*call)

    async def story():
        return await asyncio.gather(*(one(*item) for item in enumerate(calls)), return_exceptions=True)

    return asyncio.run(story())


def batches(made):
    return [int(mouths.rgb[0, 0, 0, 2]) for mouths in made]


def test_the_engines_are_told_what_their_replica_has(stage):
    has = "0.5 CPUs, 0.0 GPUs"
    assert [*stage.describe.remote().result().items()] == [("slow", has), ("other", has)]


def test_a_call_to_an_idle_stage_waits_for_nobody(stage):
    took = []
    for _ in range(5):
        began = time.perf_counter()
        ask(stage, (crop(1), drive(4)))
        took.append(time.perf_counter() - began - TAKES_S)
    assert min(took) < 0.5  # nobody waits for company


def test_calls_that_come_while_the_engine_is_busy_share_a_batch(stage):
    made = ask(stage, *((crop(i), drive(4, 10 * i)) for i in range(5)), apart_s=0.02)
    first, *others = batches(made)
    assert others == [first + 1] * 4
    for i, mouths in enumerate(made):
        assert (mouths.rgb[:, 0, 0, 0] == i).all()
        assert (mouths.rgb[:, 0, 0, 1] == 10 * i + np.arange(4)).all()


def test_a_batch_is_measured_in_frames(stage):
    made = ask(stage, (crop(0), drive(1)), *((crop(i), drive(7)) for i in range(1, 5)), apart_s=0.02)
    first, *others = batches(made)
    assert sorted(others) == [first + 1, first + 1, first + 2, first + 2]  # two of 7 frames fit 16, three do not


def test_who_had_least_goes_first(stage):
    """One owner's chunks fill batch upon batch; another's, which comes last, is in the next."""
    many = [(crop(i), drive(16), "many") for i in range(4)]
    *made, other = ask(stage, *many, (crop(5), drive(16), "few"), apart_s=0.02)
    first, *others = batches(made)
    assert batches([other]) == [first + 1]
    assert others == [first + 2, first + 3, first + 4]


@pytest.mark.parametrize("kind", ["photo", "clip"])
def test_a_chunk_larger_than_a_batch_is_split_and_comes_back_in_order(stage, kind):
    boxes = tuple(FaceBox(i, 0, i + 4, 4) for i in range(40))
    labels = np.arange(40, dtype=np.float32)[:, None, None].repeat(468, 1).repeat(3, 2)
    face = ClipFaces(np.zeros((40, 4, 4, 3), np.uint8), boxes, labels) if kind == "clip" else crop(9)
    (mouths,) = ask(stage, (face, drive(40)))
    assert (mouths.rgb[:, 0, 0, 1] == np.arange(40)).all()
    assert len(set(mouths.rgb[:, 0, 0, 2])) == 3
    assert (mouths.rgb[:, 0, 0, 0] == (np.arange(40) if kind == "clip" else 9)).all()
    assert mouths.boxes == (boxes if kind == "clip" else (BOX,))
    assert len(mouths.masks) == len(mouths.boxes)


def test_a_face_that_cannot_be_animated_fails_alone(stage):
    first, bad, good = ask(stage, (crop(0), drive(1)), (crop("none"), drive(4)), (crop(2), drive(4)), apart_s=0.02)
    assert isinstance(root_cause(bad), NoFace)
    assert (first.rgb[:, 0, 0, 0] == 0).all()
    assert (good.rgb[:, 0, 0, 0] == 2).all()


def test_a_batch_holds_calls_of_one_engine_and_neither_waits_for_the_other(stage):
    calls = [(crop(i), drive(2, 10 * i, ("slow", "other")[i % 2])) for i in range(6)]
    before = batches(ask(stage, *calls[:2]))
    made = ask(stage, *calls, apart_s=0.02)
    since = [number - before[i % 2] for i, number in enumerate(batches(made))]
    assert since[:2] == [1, 1]
    assert max(since) == 2  # those that came while their engine was busy share its next batch
    for i, mouths in enumerate(made):
        assert (mouths.rgb[:, 0, 0, 0] == i).all()


def test_the_drive_of_an_engine_that_is_not_there_is_refused(stage):
    (error,) = ask(stage, (crop(0), drive(1, engine="wav2lip")))
    assert isinstance(root_cause(error), EngineUnavailable)


def test_a_call_that_is_given_up_gives_its_room_back(running):
    """Whether it stands at the gate then, or in a batch that Ray leaves out, or is being made."""
    impatient = serve.run(
        Impatient.options(ray_actor_options={"num_cpus": 0.1}).bind(), name="impatient", route_prefix=None
    )
    for turns in range(8):
        assert impatient.ask_again_after.remote(turns).result(timeout_s=60) == 2
