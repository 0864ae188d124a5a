import asyncio
import io
import multiprocessing
import resource
import time

import av
import numpy as np
import pytest

from deployments.errors import StageFailed
from deployments.media import FaceBox, MouthFrames, Photo, Waveform
from deployments.video.encode import Encoding
from deployments.video.render import Renderer

BOX = FaceBox(20, 16, 60, 64)
PHOTO = Photo(np.random.default_rng(2).integers(0, 256, (8, 10, 3), np.uint8).repeat(10, 0).repeat(10, 1))


def silence(seconds, rate_hz=16000):
    return Waveform(np.zeros(round(seconds * rate_hz), np.int16), rate_hz)


def mouths(first, count):
    levels = np.arange(first, first + count) * 40 % 256
    rgb = np.broadcast_to(levels[:, None, None, None], (count, 48, 40, 3)).astype(np.uint8)
    return MouthFrames(rgb, BOX, np.full((BOX.height, BOX.width), 255, np.uint8))


def keep_in(kept):
    return lambda file: kept.write(file.read())


def forget(file):
    """Keep nothing."""


async def chunks(frames, size=16):
    for first in range(0, frames, size):
        await asyncio.sleep(0)
        yield mouths(first, min(size, frames - first))


def test_clip_shows_each_mouth_in_turn_on_the_photo():
    kept = io.BytesIO()
    clip = asyncio.run(Renderer(Encoding(crf=5)).render(PHOTO, silence(2.0), 25.0, chunks(50), keep_in(kept)))
    assert clip.size_bytes == len(kept.getvalue())
    assert (clip.width, clip.height, clip.frames, clip.fps, clip.duration_s) == (100, 80, 50, 25.0, 2.0)
    with av.open(io.BytesIO(kept.getvalue())) as file:
        frames = [frame.to_ndarray(format="gray").astype(int) for frame in file.decode(video=0)]
    assert len(frames) == 50
    for i, frame in enumerate(frames):
        assert abs(BOX.cut(frame[..., None])[8:-8, 8:-8].mean() - i * 40 % 256) < 8
    assert np.abs(frames[7][:, 70:] - frames[0][:, 70:]).mean() < 2


def test_event_loop_stays_free_while_pixels_are_worked_on():
    photo = Photo(np.zeros((720, 1280, 3), np.uint8))
    gaps = []

    async def watch():
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - before)

    async def main():
        watcher = asyncio.create_task(watch())
        started = time.perf_counter()
        await Renderer(Encoding(preset="medium")).render(photo, silence(1.28), 25.0, chunks(32, 32), forget)
        watcher.cancel()
        return time.perf_counter() - started

    lasted = asyncio.run(main())
    assert max(gaps) < lasted / 3  # one chunk holds all the frames: in the loop it would be one gap


def test_a_failing_producer_leaves_no_file(tmp_path):
    async def failing():
        yield mouths(0, 8)
        assert len(list(tmp_path.iterdir())) == 1
        raise StageFailed("The mouths stopped.")

    with pytest.raises(StageFailed, match="stopped"):
        asyncio.run(Renderer(Encoding(), tmp_path).render(PHOTO, silence(1.0), 25.0, failing(), forget))
    assert list(tmp_path.iterdir()) == []


def test_a_cancelled_render_leaves_no_file(tmp_path):
    async def main():
        task = asyncio.create_task(
            Renderer(Encoding(), tmp_path).render(PHOTO, silence(40.0), 25.0, chunks(1000, 500), forget)
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
        asyncio.run(Renderer(Encoding(), tmp_path).render(PHOTO, silence(2.0), 25.0, chunks(40), forget))
    assert list(tmp_path.iterdir()) == []


def peak_mb(seconds):
    """Peak resident memory of this process after one render."""
    asyncio.run(Renderer(Encoding()).render(PHOTO, silence(seconds), 25.0, chunks(round(25 * seconds)), forget))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def test_memory_does_not_grow_with_the_length():
    def alone(seconds):  # in a fresh process, whose peak is its own
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(peak_mb, (seconds,))

    assert alone(60.0) < 1.15 * alone(5.0)
