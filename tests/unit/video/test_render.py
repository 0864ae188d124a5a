import asyncio
import io
import multiprocessing
import resource
import time

import av
import numpy as np
import pytest

from deployments import precedence
from deployments.errors import StageFailed
from deployments.media import FaceBox, MouthFrames, Waveform
from deployments.video.encode import Encoding
from deployments.video.render import Renderer, finished
from deployments.video.shots import Shot

BOX = FaceBox(20, 16, 60, 64)
PHOTO = np.random.default_rng(2).integers(0, 256, (8, 10, 3), np.uint8).repeat(10, 0).repeat(10, 1)
SIZE = 100, 80


def silence(seconds, rate_hz=16000):
    return Waveform(np.zeros(round(seconds * rate_hz), np.int16), rate_hz)


def talking(first, count, photo=PHOTO):
    """A shot of the photo, and mouths that grow brighter."""
    levels = np.arange(first, first + count) * 40 % 256
    rgb = np.broadcast_to(levels[:, None, None, None], (count, 48, 40, 3)).astype(np.uint8)
    mouths = MouthFrames(rgb, (BOX,), np.full((1, 1, 1), 255, np.uint8))
    return Shot([photo] * count, np.ones(count, bool)), mouths


def keep_in(kept):
    return lambda file: kept.write(file.read())


def forget(file):
    """Keep nothing."""


class Nowhere:
    """A stream that keeps nothing."""

    def begin(self, init, longest_s):
        pass

    def add(self, segment, duration_s):
        pass


async def chunks(frames, size=16, photo=PHOTO):
    for first in range(0, frames, size):
        await asyncio.sleep(0)
        yield talking(first, min(size, frames - first), photo)


def test_clip_shows_each_mouth_in_turn_on_the_photo():
    kept = io.BytesIO()
    clip = asyncio.run(finished(Renderer(Encoding(crf=5)).render(SIZE, silence(2.0), 25.0, chunks(50), keep_in(kept))))
    assert clip.size_bytes == len(kept.getvalue())
    assert (clip.width, clip.height, clip.frames, clip.fps, clip.duration_s) == (100, 80, 50, 25.0, 2.0)
    with av.open(io.BytesIO(kept.getvalue())) as file:
        frames = [frame.to_ndarray(format="gray").astype(int) for frame in file.decode(video=0)]
    assert len(frames) == 50
    for i, frame in enumerate(frames):
        assert abs(BOX.cut(frame[..., None])[8:-8, 8:-8].mean() - i * 40 % 256) < 8
    assert np.abs(frames[7][:, 70:] - frames[0][:, 70:]).mean() < 2


def test_pictures_without_a_face_are_shown_and_counted():
    async def shots():
        yield talking(0, 20)
        yield Shot([PHOTO] * 10, np.zeros(10, bool)), None
        shot, mouths = talking(30, 15)
        yield Shot([*shot.pictures, *[PHOTO] * 5], np.arange(20) < 15), mouths

    kept = io.BytesIO()
    clip = asyncio.run(finished(Renderer(Encoding(crf=5)).render(SIZE, silence(2.0), 25.0, shots(), keep_in(kept))))
    assert (clip.frames, clip.frames_without_face) == (50, 15)
    with av.open(io.BytesIO(kept.getvalue())) as file:
        frames = [frame.to_ndarray(format="gray").astype(int) for frame in file.decode(video=0)]
    bare = [i for i, frame in enumerate(frames) if np.abs(frame - frames[20]).mean() < 3]
    assert bare == [*range(20, 30), *range(45, 50)]


def test_event_loop_stays_free_while_pixels_are_worked_on():
    photo = np.zeros((720, 1280, 3), np.uint8)
    gaps = []

    async def watch():
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - before)

    async def main():
        watcher = asyncio.create_task(watch())
        started = time.perf_counter()
        steps = Renderer(Encoding(preset="medium")).render(
            (1280, 720), silence(1.28), 25.0, chunks(32, 32, photo), forget
        )
        await finished(steps)
        watcher.cancel()
        return time.perf_counter() - started

    lasted = asyncio.run(main())
    assert max(gaps) < lasted / 3  # one chunk holds all the frames: in the loop it would be one gap


async def rendered(renderer, owner, frames, steps):
    """Render a clip of an owner, shot by shot of four frames."""
    async for step in renderer.render(SIZE, silence(frames / 25), 25.0, chunks(frames, 4), forget, owner=owner):
        steps.append(step)


@pytest.mark.parametrize("before", [0, 100], ids=["that had nothing", "that had more so far"])
def test_who_had_least_is_encoded_first(before):
    """Three clips of one owner are being encoded when another's begins: it gets every second step, not every fourth.

    What is begun counts before it is encoded: it does not matter that the other had more before the three began.
    """
    many, few = [], []

    async def main():
        renderer = Renderer(Encoding(crf=5))
        if before:
            await rendered(renderer, "few", before, [])
        flood = [asyncio.create_task(rendered(renderer, "many", 400, many)) for _ in range(3)]
        while len(many) < 4:
            await asyncio.sleep(0)
        began = len(many)
        await rendered(renderer, "few", 40, few)
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
        return began

    began = asyncio.run(main())
    assert len(few) == 11  # ten shots, and the clip
    assert len(many) - began <= 14


def test_a_long_clip_does_not_go_first_when_its_beginning_is_forgotten(monkeypatch):
    """Two clips of two minutes are being encoded: another owner's short ones get their steps all along."""
    long, short, waited = [], [], []
    monkeypatch.setattr(precedence.time, "monotonic", lambda: 0.05 * (len(long) + len(short)))

    async def main():
        renderer = Renderer(Encoding(crf=5))
        flood = [asyncio.create_task(rendered(renderer, "long", 3000, long)) for _ in range(2)]
        while len(long) < 200:
            await asyncio.sleep(0)
        for _ in range(5):
            began = len(long)
            await rendered(renderer, "short", 100, short)
            waited.append(len(long) - began)
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)

    asyncio.run(main())
    assert max(waited) <= 60  # for 25 steps of its own


def test_a_failing_producer_leaves_no_file(tmp_path):
    async def failing():
        yield talking(0, 8)
        assert len(list(tmp_path.iterdir())) == 1
        raise StageFailed("The mouths stopped.")

    with pytest.raises(StageFailed, match="stopped"):
        asyncio.run(finished(Renderer(Encoding(), tmp_path).render(SIZE, silence(1.0), 25.0, failing(), forget)))
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_render_leaves_no_file(tmp_path):
    async def main():
        task = asyncio.create_task(
            finished(Renderer(Encoding(), tmp_path).render(SIZE, silence(40.0), 25.0, chunks(1000, 500), forget))
        )
        await asyncio.sleep(0.1)
        assert len(list(tmp_path.iterdir())) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return list(tmp_path.iterdir())

    assert asyncio.run(main()) == []


def test_too_few_mouths_are_an_error(tmp_path):
    with pytest.raises(StageFailed, match="differ in length"):
        asyncio.run(finished(Renderer(Encoding(), tmp_path).render(SIZE, silence(2.0), 25.0, chunks(40), forget)))
    assert list(tmp_path.iterdir()) == []


def peak_mb(seconds):
    """Peak resident memory of this process after one render, with a stream."""
    shots = chunks(round(25 * seconds))
    asyncio.run(finished(Renderer(Encoding()).render(SIZE, silence(seconds), 25.0, shots, forget, Nowhere())))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_memory_does_not_grow_with_the_length():
    def alone(seconds):  # in a fresh process, whose peak is its own
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(peak_mb, (seconds,))

    assert alone(60.0) < 1.15 * alone(5.0)
