"""Jobs without Ray: real records in a real folder, stages that count their calls and fail on demand."""

import asyncio
import shutil
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
from local_handle import LocalHandle

from deployments.errors import (
    EmptyText,
    EngineUnavailable,
    IdempotencyMismatch,
    NoFace,
    QueueFull,
    StorageUnavailable,
    TooManyJobs,
    UnknownVideo,
    UnknownVoice,
)
from deployments.jobs.dedupe import Dedupe
from deployments.jobs.index import JobIndex, Limits
from deployments.jobs.order import Capabilities, VideoOrder
from deployments.jobs.pipeline import Pipeline, Stages
from deployments.jobs.records import Records, VideoRecord
from deployments.media import Clip, Progress, Speech, Spoken, Waveform
from deployments.storage.disk import DiskStore
from deployments.voices import VoiceFacts

VOICES = {"default": VoiceFacts("v1", "hibari"), "emma": VoiceFacts("v2", "openai")}
ABLE = Capabilities(voices=VOICES, max_text_chars=50, engines={"preview": "1"})
ORDER = VideoOrder(poster_key="posters/a/abc", poster_id="a", text="Hello.").checked(ABLE)
RECORD = VideoRecord(id=ORDER.video_id(ABLE), content_id=ORDER.content_id(ABLE), order=ORDER, engine="preview")


class Storage:
    """The storage stage's methods over a real store."""

    def __init__(self, store):
        self.store = store
        self.away = False

    async def put(self, key, data, content_type, marks=()):
        self._check()
        for mark in marks:
            self.store.put(mark, b"", "text/plain")
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
        self.go, self.go_on_with_video = asyncio.Event(), asyncio.Event()
        self.go.set()
        self.go_on_with_video.set()

    async def _stage(self, name, result):
        self.calls[name] += 1
        await self.go.wait()
        if planned := self.failures.get(name):
            raise planned.pop(0)
        return result

    async def begin(self, passages, voice_id, language, seed, owner):
        return await self._stage("speech", Spoken(Speech(Waveform(np.zeros(100, np.int16), 100))))

    async def track(self, image, options):
        assert image == b"picture"
        return await self._stage("faces", "track")

    async def render(self, source_key, track, spoken, acting, key, stream_prefix, owner):
        yield Progress(16, 25)
        await self.go_on_with_video.wait()
        clip = await self._stage("video", Clip(4, 2, 25, 25.0, 3))
        self.store.put(key, b"mp4", "video/mp4")
        yield clip


@pytest.fixture
def world(tmp_path):
    """One life of the service: `make()` begins another on the same storage."""

    def make(cache="cache", stage_limit_s=5, **options):
        store = DiskStore(tmp_path / "objects")
        store.put("posters/a/abc", b"picture", "image/png")
        storage, others = Storage(store), OtherStages(store)
        other = LocalHandle(others)
        stages = Stages(other, other, other, other, LocalHandle(storage))
        records = Records(LocalHandle(storage))
        dedupe = Dedupe(tmp_path / cache, 3600)
        pipeline = Pipeline(stages, stage_limit_s)
        return SimpleNamespace(
            index=JobIndex(records, dedupe, pipeline, running=2, **options),
            pipeline=pipeline,
            storage=storage,
            stages=others,
            records=records,
            store=store,
            dedupe=dedupe,
        )

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
        assert life.stages.calls == {"speech": 1, "faces": 1, "video": 1}
        assert life.store.read(first.record.content_key) == b"mp4"
        assert set(first.record.timings_s) == {"speech", "faces", "video", "total"}

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
        await dedupe.put(VideoRecord(id="vid_1", content_id="1", order=ORDER, engine="preview"))
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
            assert (await life.index.find(record.id)).record.status == "completed"
        assert (await again).cache == "hit"

    run(story())


def test_a_record_that_cannot_be_read_does_not_keep_the_others_from_being_taken_up(world):
    async def story():
        life = world()
        await life.records.accept(RECORD)
        life.store.put("pending/vid_broken", b"", "text/plain")
        life.store.put("videos/vid_broken.json", b"{}", "application/json")
        assert await life.index.resume() == 1

    run(story())


def test_a_stage_is_asked_when_what_it_needs_has_been_read_and_not_before(world, monkeypatch):
    async def story():
        life = world()
        asked, ask = [], LocalHandle(life.stages).track.remote

        def track(image, options):
            asked.append(image.done())
            return ask(image, options)

        monkeypatch.setattr(life.pipeline._stages.faces, "track", SimpleNamespace(remote=track), raising=False)
        assert (await life.index.submit(ORDER, ABLE, 10)).record.status == "completed"
        assert asked == [True]

    run(story())


def test_what_begins_and_ends_while_the_unfinished_are_read_is_not_run_again(world):
    async def story():
        life = world()
        unfinished = life.records.unfinished

        async def read():
            await life.index.submit(ORDER, ABLE, 0)
            found = await unfinished()
            assert [record.id for record in found] == [RECORD.id]
            await life.index.submit(ORDER, ABLE, 10)
            return found

        life.records.unfinished = read
        assert await life.index.resume() == 0
        assert life.stages.calls["video"] == 1

    run(story())


def test_a_marker_that_outlived_its_completed_video_is_cleared(world):
    async def story():
        record = (await world().index.submit(ORDER, ABLE, 10)).record
        life = world()
        life.store.put(f"pending/{record.id}", b"", "text/plain")
        assert await life.index.resume() == 0
        assert life.store.list("pending/") == []
        assert (await life.index.find(record.id)).record.status == "completed"
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
    ("change", "error"),
    [({"text": " \n"}, EmptyText), ({"voice_id": "who"}, UnknownVoice), ({"engine": "wav2lip"}, EngineUnavailable)],
)
def test_an_order_that_no_stage_could_do_is_refused_and_not_recorded(world, change, error):
    async def story():
        life = world()
        with pytest.raises(error):
            await life.index.submit(ORDER.model_copy(update=change), ABLE, 10)
        assert life.store.list("videos/") == []

    run(story())


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
        assert (await life.index.find(record.id)).record.status == "failed"
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
        while (record := (await life.index.find(answer.record.id)).record).status != "completed":
            await asyncio.sleep(0.01)
        assert record.rendered.frames == 25

    run(story())


def test_what_was_accepted_is_finished_in_the_next_life(world):
    async def story():
        life = world()
        await life.records.accept(RECORD)
        following = world()
        assert await following.index.resume() == 1
        while (record := (await following.index.find(ORDER.video_id(ABLE))).record).status != "completed":
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


def other(number, **facts):
    return ORDER.model_copy(update={"text": f"Sentence {number}."} | facts)


def test_two_videos_of_the_same_content_are_rendered_once_and_keep_their_own_facts(world):
    async def story():
        life = world()
        life.stages.go.clear()
        mine, yours = (ORDER.model_copy(update={"metadata": {"for": name}}) for name in ("me", "you"))
        waiting = [asyncio.create_task(life.index.submit(order, ABLE, 10)) for order in (mine, yours)]
        await asyncio.sleep(0.1)
        life.stages.go.set()
        first, second = [(await task).record for task in waiting]
        assert first.id != second.id
        assert (first.content_key, first.order.metadata, second.order.metadata) == (
            second.content_key,
            {"for": "me"},
            {"for": "you"},
        )
        assert life.stages.calls["video"] == 1
        third = await life.index.submit(ORDER.model_copy(update={"metadata": {"for": "them"}}), ABLE, 10)
        assert (third.cache, third.record.status, life.stages.calls["video"]) == ("hit", "completed", 1)

    run(story())


def test_deleting_one_of_two_leaves_the_other_its_content_and_deleting_both_leaves_nothing(world):
    async def story():
        life = world()
        first = (await life.index.submit(ORDER, ABLE, 10)).record
        second = (await life.index.submit(ORDER.model_copy(update={"metadata": {"a": "b"}}), ABLE, 10)).record
        life.store.put(f"{first.stream_prefix}/stream.m3u8", b"#EXTM3U", "text/plain")
        await life.index.delete(first.id)
        with pytest.raises(UnknownVideo):
            await life.index.find(first.id)
        assert life.store.read(second.content_key) == b"mp4"
        await life.index.delete(second.id)
        assert life.store.list("") == ["posters/a/abc"]
        assert (await life.index.submit(ORDER, ABLE, 10)).cache == "miss"

    run(story())


def test_uploads_go_with_the_last_video_made_from_them(world):
    async def story():
        life = world()
        for key, data in (("uploads/abc", b"picture"), ("uploads/def", b"sound")):
            life.store.put(key, data, "application/octet-stream")
        orders = [ORDER.model_copy(update={"poster_key": "uploads/abc", "metadata": {"n": n}}) for n in "12"]
        orders.append(ORDER.model_copy(update={"audio_key": "uploads/def", "text": None}))
        videos = [(await life.index.submit(asked, ABLE, 10)).record for asked in orders]
        assert set(await life.index.made_from("posters/a/")) == {videos[2].id}
        assert await life.index.delete(videos[0].id) == []
        assert await life.index.delete(videos[1].id) == ["uploads/abc"]
        assert await life.index.delete(videos[2].id) == ["uploads/def"]
        assert life.store.list("") == ["posters/a/abc"]

    run(story())


def test_what_is_done_of_a_video_in_work_is_told(world):
    async def story():
        life = world()
        life.stages.go.clear()
        record = (await life.index.submit(ORDER, ABLE, 0.05)).record
        answer = await life.index.find(record.id)
        assert (answer.record.stage, answer.frames_done, answer.frames) == ("faces", 0, None)
        assert answer.record.started_at >= record.created_at
        life.stages.go.set()
        life.stages.go_on_with_video.clear()
        while (answer := await life.index.find(record.id)).frames_done == 0:
            await asyncio.sleep(0.01)
        assert (answer.record.stage, answer.frames_done, answer.frames) == ("video", 16, 25)
        life.stages.go_on_with_video.set()
        ended = (await life.index.submit(ORDER, ABLE, 10)).record
        assert ended.started_at == answer.record.started_at

    run(story())


def test_a_canceled_video_stops_its_stage_and_ends_canceled(world):
    async def story():
        life = world()
        life.stages.go.clear()
        record = (await life.index.submit(ORDER, ABLE, 0.05)).record
        answer = await life.index.cancel(record.id)
        assert answer.record.status == "canceled"
        life.stages.go.set()
        await asyncio.sleep(0.05)
        assert "video" not in life.stages.calls
        assert life.store.list("pending/") == []
        assert (await life.index.cancel(record.id)).record.status == "canceled"
        assert (await life.index.submit(ORDER, ABLE, 10)).record.status == "completed"

    run(story())


def test_canceling_one_of_two_videos_lets_their_render_go_on(world):
    async def story():
        life = world()
        life.stages.go.clear()
        first = (await life.index.submit(ORDER, ABLE, 0.05)).record
        second = (await life.index.submit(ORDER.model_copy(update={"metadata": {"a": "b"}}), ABLE, 0.05)).record
        await life.index.cancel(first.id)
        life.stages.go.set()
        while (record := (await life.index.find(second.id)).record).status != "completed":
            await asyncio.sleep(0.01)
        assert (await life.index.find(first.id)).record.status == "canceled"
        assert record.rendered.frames == 25

    run(story())


def test_a_canceled_video_stays_canceled_in_the_next_life(world):
    async def story():
        life = world()
        life.stages.go.clear()
        record = (await life.index.submit(ORDER, ABLE, 0.05)).record
        await life.index.cancel(record.id)
        following = world()
        assert await following.index.resume() == 0
        assert (await following.index.find(record.id)).record.status == "canceled"

    run(story())


def test_a_full_queue_refuses_at_once_says_when_to_ask_again_and_still_answers_what_is_known(world):
    async def story():
        life = world(limits=Limits(queue=3))
        known = (await life.index.submit(ORDER, ABLE, 10)).record
        life.stages.go.clear()
        taken = [await life.index.submit(other(i), ABLE, 0) for i in range(3)]
        with pytest.raises(QueueFull) as caught:
            await life.index.submit(other(9), ABLE, 10)
        assert caught.value.data["retry_after_s"] >= 1
        assert (await life.index.submit(ORDER, ABLE, 10)).record.id == known.id
        assert life.store.stat(f"videos/{other(9).video_id(ABLE)}.json") is None
        life.stages.go.set()
        for answer in taken:
            assert (await life.index.submit(answer.record.order, ABLE, 10)).record.status == "completed"

    run(story())


def test_orders_that_come_at_once_do_not_slip_past_a_full_queue(world):
    async def story():
        life = world(limits=Limits(queue=3))
        life.stages.go.clear()
        answers = await asyncio.gather(
            *(life.index.submit(other(i), ABLE, 0) for i in range(12)), return_exceptions=True
        )
        assert sum(isinstance(answer, QueueFull) for answer in answers) == 9

    run(story())


def test_when_to_ask_again_grows_with_what_waits(world):
    async def refused_after_s(queue):
        life = world(limits=Limits(queue=queue))
        life.stages.go.clear()
        for number in range(queue):
            await life.index.submit(other(number), ABLE, 0)
        with pytest.raises(QueueFull) as caught:
            await life.index.submit(other(queue), ABLE, 0)
        return caught.value.data["retry_after_s"]

    async def story():
        assert await refused_after_s(12) == 6 * await refused_after_s(2)  # two run at once

    run(story())


def test_an_owner_has_only_so_many_videos_in_work(world):
    async def story():
        life = world()
        life.stages.go.clear()
        for number in range(2):
            await life.index.submit(other(number, owner="a"), ABLE, 0, most=2)
        with pytest.raises(TooManyJobs):
            await life.index.submit(other(2, owner="a"), ABLE, 0, most=2)
        assert (await life.index.submit(other(2, owner="b"), ABLE, 0, most=2)).record.status in ("queued", "processing")

    run(story())


def test_those_who_wait_are_told_their_place_and_when_it_may_be_done(world):
    async def story():
        life = world()
        life.stages.go.clear()
        answers = [await life.index.submit(other(number), ABLE, 0.05) for number in range(4)]
        assert [answer.record.status for answer in answers] == ["processing", "processing", "queued", "queued"]
        assert [answer.position for answer in answers] == [0, 0, 0, 1]
        assert answers[3].estimated_s > answers[2].estimated_s > 0

    run(story())


def test_an_idempotency_key_stands_for_one_order_and_for_each_owner_apart(world):
    async def story():
        life = world()
        first = await life.index.submit(ORDER, ABLE, 10, idempotency_key="k")
        again = await life.index.submit(ORDER, ABLE, 10, idempotency_key="k")
        assert (again.cache, again.record.id) == ("hit", first.record.id)
        with pytest.raises(IdempotencyMismatch):
            await world().index.submit(other(1), ABLE, 10, idempotency_key="k")
        await life.index.submit(other(1, owner="b"), ABLE, 10, idempotency_key="k")

    run(story())


def test_a_video_that_takes_too_long_fails_with_the_reason(world):
    async def story():
        life = world(deadline_s=0.1)
        life.stages.go.clear()
        record = (await life.index.submit(ORDER, ABLE, 10)).record
        assert (record.status, record.failure.code, record.failure.retryable) == ("failed", "deadline_exceeded", True)

    run(story())


def test_a_store_that_goes_away_in_the_middle_is_waited_for(world, monkeypatch):
    monkeypatch.setattr("deployments.jobs.renders.RENDER_AGAIN_AFTER_S", (0.02,))

    async def story():
        life = world()
        life.stages.failures["video"] = [StorageUnavailable("away") for _ in range(6)]
        record = (await life.index.submit(ORDER, ABLE, 10)).record
        assert record.status == "completed"
        assert life.stages.calls["video"] == 7

    run(story())


def test_an_owners_videos_are_listed_the_newest_first_page_by_page(world):
    async def story():
        life = world()
        for number in range(5):
            await life.index.submit(other(number, owner="a"), ABLE, 10)
            await asyncio.sleep(0.002)
        await life.index.submit(other(9, owner="b"), ABLE, 10)
        seen, cursor = [], ""
        while cursor is not None:
            answers, cursor = await life.index.page("a", cursor, 2)
            seen += [answer.record.order.text for answer in answers]
        assert seen == [f"Sentence {number}." for number in (4, 3, 2, 1, 0)]

    run(story())


def test_an_order_that_was_stored_by_half_and_then_repeated_is_listed_once(world):
    async def story():
        life = world()
        life.store.put(f"index/-/000000000000001-{RECORD.id}", b"", "text/plain")
        await life.index.submit(ORDER, ABLE, 10)
        answers, _ = await life.index.page("", "", 10)
        assert [answer.record.id for answer in answers] == [RECORD.id]

    run(story())


def test_a_video_is_its_owners_alone(world):
    async def story():
        life = world()
        record = (await life.index.submit(other(1, owner="a"), ABLE, 10)).record
        assert (await life.index.find(record.id, "a")).record.id == record.id
        for call in (life.index.find, life.index.cancel, life.index.delete):
            with pytest.raises(UnknownVideo):
                await call(record.id, "b")

    run(story())


def test_a_webhook_is_told_of_every_end_once_it_is_recorded(world):
    async def story():
        told = []

        async def announce(record):
            told.append((record.id, record.status, (await life.records.load(record.id)).status))

        life = world(announce=announce)
        hooked = ORDER.model_copy(update={"webhook": "https://example.org/hook"})
        done = (await life.index.submit(hooked, ABLE, 10)).record
        life.stages.failures["faces"] = [NoFace("No face.")]
        failed = (await life.index.submit(other(1, webhook="https://example.org/hook"), ABLE, 10)).record
        await life.index.submit(other(2), ABLE, 10)
        assert told == [(done.id, "completed", "completed"), (failed.id, "failed", "failed")]

    run(story())


def test_an_end_that_was_recorded_and_not_announced_is_announced_in_the_next_life(world):
    async def story():
        hooked = ORDER.model_copy(update={"webhook": "https://example.org/hook"})
        record = (await world().index.submit(hooked, ABLE, 10)).record
        told = []

        async def announce(record):
            told.append((record.id, record.run))

        life = world(announce=announce)
        life.store.put(f"pending/{record.id}", b"", "text/plain")
        assert await life.index.resume() == 0
        assert told == [(record.id, record.run)]

    run(story())


def test_a_video_that_is_asked_for_again_after_it_failed_is_another_run_of_the_same_age(world):
    async def story():
        life = world()
        life.stages.failures["faces"] = [NoFace("No face.")]
        failed = (await life.index.submit(ORDER, ABLE, 10)).record
        done = (await life.index.submit(ORDER, ABLE, 10)).record
        assert (done.id, done.created_at, done.status) == (failed.id, failed.created_at, "completed")
        assert done.run != failed.run
        assert len(life.store.list("index/")) == 1

    run(story())
