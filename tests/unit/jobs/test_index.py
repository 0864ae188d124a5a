"""Jobs without Ray: real records in a real folder, stages that count their calls and fail on demand."""

import asyncio
import shutil
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from local_handle import LocalHandle

from deployments.errors import EmptyText, NoFace, StorageUnavailable, UnknownVideo, UnknownVoice
from deployments.jobs.dedupe import Dedupe
from deployments.jobs.index import JobIndex
from deployments.jobs.order import Capabilities, VideoOrder
from deployments.jobs.pipeline import Pipeline, Stages
from deployments.jobs.records import Records, VideoRecord
from deployments.media import Clip, SourceOptions, Speech, Waveform
from deployments.storage.disk import DiskStore

ABLE = Capabilities(voices={"default": "v1", "emma": "v2"}, max_text_chars=50, engine="preview", engine_version="1")
ORDER = VideoOrder(poster_key="posters/a/abc", poster_id="a", text="Hello.")


class Storage:
    """The storage stage's methods over a real store."""

    def __init__(self, store):
        self.store = store
        self.away = False

    async def put(self, key, data, content_type):
        self._check()
        self.store.put(key, data, content_type)

    async def stat(self, key):
        return self.store.stat(key)

    async def read(self, key):
        return self.store.read(key)

    async def find(self, key):
        return self.store.read(key) if self.store.stat(key) else None

    async def delete(self, key):
        self._check()
        self.store.delete(key)

    async def list(self, prefix):
        return self.store.list(prefix)

    def _check(self):
        if self.away:
            raise StorageUnavailable("away")


class OtherStages:
    """Speech, faces, lipsync and video in one: each call is counted, waits for `go`, and raises what is planned."""

    def __init__(self, store):
        self.store = store
        self.calls = Counter()
        self.failures = {}
        self.go = asyncio.Event()
        self.go.set()

    async def _stage(self, name, result):
        self.calls[name] += 1
        await self.go.wait()
        if planned := self.failures.get(name):
            raise planned.pop(0)
        return result

    async def speak(self, text, voice_id):
        return await self._stage("speech", Speech(Waveform(np.zeros(100, np.int16), 100)))

    async def track(self, image, options):
        assert image == b"picture"
        return await self._stage("faces", "track")

    async def drive(self, speech, track):
        return await self._stage("drive", SimpleNamespace(engine="preview"))

    async def render(self, source_key, track, speech, drive, key):
        clip = await self._stage("video", Clip(4, 2, 25, 25.0, 3))
        self.store.put(key, b"mp4", "video/mp4")
        return clip


@pytest.fixture
def world(tmp_path):
    """One life of the service: `make()` begins another on the same storage."""

    def make(cache="cache", stage_limit_s=5):
        store = DiskStore(tmp_path / "objects")
        store.put("posters/a/abc", b"picture", "image/png")
        storage, others = Storage(store), OtherStages(store)
        other = LocalHandle(others)
        stages = Stages(other, other, other, other, LocalHandle(storage))
        records = Records(LocalHandle(storage))
        dedupe = Dedupe(tmp_path / cache, 3600)
        index = JobIndex(records, dedupe, Pipeline(stages, stage_limit_s), running=2)
        return SimpleNamespace(index=index, storage=storage, stages=others, records=records, store=store, dedupe=dedupe)

    return make


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("deployments.retry.RETRY_AFTER_S", 0.01)
    monkeypatch.setattr("deployments.jobs.index.STORE_AGAIN_AFTER_S", (0.02,))


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 20))


def test_an_order_is_made_once_and_then_remembered(world):
    async def story():
        life = world()
        first, second = await life.index.submit(ORDER, ABLE, 10), await life.index.submit(ORDER, ABLE, 10)
        assert (first.cache, second.cache) == ("miss", "hit")
        assert first.record.status == second.record.status == "completed"
        assert life.stages.calls == {"speech": 1, "faces": 1, "drive": 1, "video": 1}
        assert life.store.read(first.record.content_key) == b"mp4"
        assert set(first.record.timings_s) == {"speech", "faces", "drive", "video", "total"}

    run(story())


def test_twenty_equal_orders_at_once_are_one_piece_of_work_that_survives_the_first_caller(world):
    async def story():
        life = world()
        life.stages.go.clear()
        callers = [asyncio.create_task(life.index.submit(ORDER, ABLE, 10)) for _ in range(20)]
        await asyncio.sleep(0.2)
        callers[0].cancel()
        life.stages.go.set()
        answers = await asyncio.gather(*callers[1:])
        assert {answer.record.status for answer in answers} == {"completed"}
        assert {answer.cache for answer in answers} == {"joined"}
        assert life.stages.calls["video"] == 1

    run(story())


def test_the_cache_may_be_wiped_and_the_records_still_know(world):
    async def story():
        await world().index.submit(ORDER, ABLE, 10)
        life = world(cache="another")
        assert (await life.index.submit(ORDER, ABLE, 10)).cache == "hit"
        assert not life.stages.calls

    run(story())


def test_the_cache_forgets_after_its_time(tmp_path):
    async def story():
        dedupe = Dedupe(tmp_path, 0.2)
        await dedupe.put(VideoRecord(id="vid_1", order=ORDER, engine="preview"))
        assert (await dedupe.get("vid_1")).order == ORDER
        await asyncio.sleep(0.3)
        assert await dedupe.get("vid_1") is None

    run(story())


def test_a_cache_that_is_wiped_while_the_service_runs_changes_no_answer(world, tmp_path):
    async def story():
        life = world()
        await life.index.submit(ORDER, ABLE, 10)
        shutil.rmtree(tmp_path / "cache")
        assert (await life.index.submit(ORDER, ABLE, 10)).cache == "hit"

    run(story())


def test_a_cache_that_cannot_be_used_at_all_changes_no_answer(world, tmp_path, caplog):
    async def story():
        life = world()
        life.dedupe._cache.close()
        shutil.rmtree(tmp_path / "cache")
        (tmp_path / "cache").write_text("in the way")
        assert (await life.index.submit(ORDER, ABLE, 10)).record.status == "completed"
        assert (await life.index.submit(ORDER, ABLE, 10)).cache == "hit"

    run(story())
    assert "cannot be used" in caplog.text


def test_a_finished_video_stays_finished_while_it_is_asked_for_again(world):
    async def story():
        life = world()
        record = (await life.index.submit(ORDER, ABLE, 10)).record
        again = asyncio.create_task(life.index.submit(ORDER, ABLE, 10))
        while not again.done():
            assert (await life.index.find(record.id)).status == "completed"
        assert (await again).cache == "hit"

    run(story())


def test_a_record_that_cannot_be_read_does_not_keep_the_others_from_being_taken_up(world):
    async def story():
        life = world()
        await life.records.accept(VideoRecord(id=ORDER.video_id(ABLE), order=ORDER, engine="preview"))
        life.store.put("pending/vid_broken", b"", "text/plain")
        life.store.put("videos/vid_broken.json", b"{}", "application/json")
        assert await life.index.resume() == 1

    run(story())


def test_a_marker_that_outlived_its_completed_video_is_cleared(world):
    async def story():
        record = (await world().index.submit(ORDER, ABLE, 10)).record
        life = world()
        life.store.put(f"pending/{record.id}", b"", "text/plain")
        assert await life.index.resume() == 0
        assert life.store.list("pending/") == []
        assert (await life.index.find(record.id)).status == "completed"
        assert not life.stages.calls

    run(story())


def test_a_stage_that_hangs_is_given_up(world):
    async def story():
        life = world(stage_limit_s=0.2)
        life.stages.go.clear()
        record = (await life.index.submit(ORDER, ABLE, 10)).record
        assert (record.status, record.failure.code) == ("failed", "stage_failed")

    run(story())


def test_a_video_whose_content_is_gone_is_made_again(world):
    async def story():
        life = world()
        record = (await life.index.submit(ORDER, ABLE, 10)).record
        life.store.delete(record.content_key)
        assert (await life.index.submit(ORDER, ABLE, 10)).cache == "miss"
        assert life.stages.calls["video"] == 2

    run(story())


@pytest.mark.parametrize(
    "change",
    [{"text": "Bye."}, {"voice_id": "emma"}, {"poster_key": "posters/a/def"}, {"source": SourceOptions(face_index=1)}],
    ids=["text", "voice", "picture", "face"],
)
def test_another_order_is_another_video(change):
    assert ORDER.model_copy(update=change).video_id(ABLE) != ORDER.video_id(ABLE)


@pytest.mark.parametrize(
    "change",
    [{"engine_version": "2"}, {"engine": "wav2lip"}, {"voices": {"default": "v9"}}, {"video": {"fps": 30}}],
    ids=["version", "engine", "voice", "video"],
)
def test_another_engine_or_voice_version_is_another_video(change):
    assert ORDER.video_id(ABLE.model_copy(update=change)) != ORDER.video_id(ABLE)


def test_the_same_picture_under_another_id_is_the_same_video():
    other = ORDER.model_copy(update={"poster_key": "posters/b/abc", "poster_id": "b"})
    assert other.video_id(ABLE) == ORDER.video_id(ABLE)


@pytest.mark.parametrize(
    ("change", "error"),
    [({"text": " \n"}, EmptyText), ({"voice_id": "who"}, UnknownVoice)],
)
def test_an_order_that_no_stage_could_do_is_refused_and_not_recorded(world, change, error):
    async def story():
        life = world()
        with pytest.raises(error):
            await life.index.submit(ORDER.model_copy(update=change), ABLE, 10)
        assert life.store.list("videos/") == []

    run(story())


def test_an_unknown_voice_names_the_known_ones():
    with pytest.raises(UnknownVoice, match="default, emma") as caught:
        ORDER.model_copy(update={"voice_id": "who"}).checked(ABLE)
    assert caught.value.data == {"known": ["default", "emma"]}


def test_a_stage_that_breaks_once_is_asked_again(world):
    async def story():
        life = world()
        life.stages.failures["video"] = [RuntimeError("the replica died")]
        assert (await life.index.submit(ORDER, ABLE, 10)).record.status == "completed"
        assert life.stages.calls["video"] == 2

    run(story())


def test_a_stage_that_breaks_twice_fails_the_video_with_the_reason(world):
    async def story():
        life = world()
        life.stages.failures["video"] = [RuntimeError("no"), RuntimeError("no")]
        record = (await life.index.submit(ORDER, ABLE, 10)).record
        assert (record.status, record.failure.code, record.failure.retryable) == ("failed", "stage_failed", True)
        assert "video stage" in record.failure.detail
        assert (await life.index.find(record.id)).status == "failed"
        assert life.store.list("pending/") == []

    run(story())


def test_an_error_of_the_input_is_not_tried_again_but_a_new_request_may(world):
    async def story():
        life = world()
        life.stages.failures["faces"] = [NoFace("No face.")]
        record = (await life.index.submit(ORDER, ABLE, 10)).record
        assert (record.failure.code, record.failure.http_status) == ("no_face", 422)
        assert life.stages.calls["faces"] == 1
        assert (await life.index.submit(ORDER, ABLE, 10)).record.status == "completed"

    run(story())


def test_a_caller_that_waits_too_short_learns_the_state_and_the_work_goes_on(world):
    async def story():
        life = world()
        life.stages.go.clear()
        answer = await life.index.submit(ORDER, ABLE, 0.05)
        assert answer.record.status == "processing"
        assert life.store.list("pending/") == [f"pending/{answer.record.id}"]
        life.stages.go.set()
        while (record := await life.index.find(answer.record.id)).status != "completed":
            await asyncio.sleep(0.01)
        assert record.rendered.frames == 25

    run(story())


def test_what_was_accepted_is_finished_in_the_next_life(world):
    async def story():
        life = world()
        await life.records.accept(VideoRecord(id=ORDER.video_id(ABLE), order=ORDER, engine="preview"))
        following = world()
        assert await following.index.resume() == 1
        while (record := await following.index.find(ORDER.video_id(ABLE))).status != "completed":
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert following.store.read(record.content_key) == b"mp4"
        assert following.store.list("pending/") == []
        assert await world().index.resume() == 0

    run(story())


def test_storage_that_is_away_at_the_end_is_waited_for(world):
    async def story():
        life = world()
        life.stages.go.clear()
        life.stages.failures["faces"] = [NoFace("No face.")]
        waiting = asyncio.create_task(life.index.submit(ORDER, ABLE, 10))
        await asyncio.sleep(0.2)
        life.storage.away = True
        life.stages.go.set()
        await asyncio.sleep(0.2)
        assert not waiting.done()
        life.storage.away = False
        record = (await waiting).record
        assert (await life.records.load(record.id)).status == "failed"

    run(story())


def test_storage_that_is_away_at_the_start_refuses_the_order(world):
    async def story():
        life = world()
        life.storage.away = True
        with pytest.raises(StorageUnavailable):
            await life.index.submit(ORDER, ABLE, 10)

    run(story())


def test_an_unknown_id_is_told_so(world):
    async def story():
        with pytest.raises(UnknownVideo):
            await world().index.find("vid_" + "0" * 32)

    run(story())
