"""Webhooks over a real folder, to a real receiver that verifies with the Standard Webhooks library."""

import asyncio
import json
import logging
import time
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest
from local_handle import LocalHandle
from standardwebhooks import Webhook, WebhookVerificationError

from deployments.errors import StorageUnavailable
from deployments.jobs.deliveries import DELAYS_S, Delivery, Key, UnknownDelivery
from deployments.jobs.webhooks import Webhooks, new_secret
from deployments.outbound import OutboundPolicy
from deployments.storage.disk import DiskStore

POLICY = OutboundPolicy(allow_networks=("127.0.0.1/32",))
SECRET, OLD_SECRET = new_secret(), new_secret()
VIDEO = "vid_" + "1" * 32
DATA = {"id": VIDEO, "status": "completed", "metadata": {"name": "Zoë"}}


class Storage:
    """The storage stage's methods over a real store."""

    def __init__(self, store):
        self.store = store
        self.away = False
        self.slow_s = 0

    async def put(self, key, data, content_type):
        self._check()
        await asyncio.sleep(self.slow_s)
        self.store.put(key, data, content_type)

    async def find(self, key):
        self._check()
        return self.store.read(key) if self.store.stat(key) else None

    async def delete(self, key):
        self._check()
        self.store.delete(key)

    async def list(self, prefix):
        return self.store.list(prefix)

    def _check(self):
        if self.away:
            raise StorageUnavailable("away")


class Hours:
    """A clock on which sleeping takes no time, for one delivery at once."""

    def __init__(self):
        self.slept_s = []

    def now(self):
        return datetime.now(UTC) + timedelta(seconds=sum(self.slept_s))

    async def sleep(self, seconds):
        self.slept_s.append(seconds)
        await asyncio.sleep(0)


async def for_ever(seconds):
    await asyncio.Event().wait()


class Receiver:
    """Verifies every message; answers with the planned statuses, then 200; "hang" never answers."""

    def __init__(self, *answers, secret=SECRET):
        self.answers = list(answers)
        self.verifier = Webhook(secret)
        self.received = []
        self.heads = []

    @asynccontextmanager
    async def listening(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        async with server:
            self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook?token=s3cret"
            yield self

    async def _serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head)}
            body = await reader.readexactly(int(headers["content-length"]))
            self.received.append((headers["webhook-id"], self.verifier.verify(body, headers)))
            self.heads.append(headers)
            answer = self.answers.pop(0) if self.answers else 200
            if answer == "hang":
                await asyncio.sleep(30)
            location = f"Location: {self.url}\r\n" if 300 <= answer < 400 else ""
            writer.write(f"HTTP/1.1 {answer} X\r\n{location}Content-Length: 0\r\n\r\n".encode())
            await writer.drain()
        finally:
            writer.close()

    @property
    def ids(self):
        return [delivery_id for delivery_id, _ in self.received]


@pytest.fixture
def world(tmp_path):
    """One life of the webhooks: `make()` begins another on the same storage."""

    def make(**options):
        storage = Storage(DiskStore(tmp_path / "objects"))
        options = {"secrets": [SECRET], "policy": POLICY} | options
        return SimpleNamespace(storage=storage, store=storage.store, hooks=Webhooks(LocalHandle(storage), **options))

    return make


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("deployments.jobs.webhooks.STORE_AGAIN_AFTER_S", (0.02,))


@pytest.fixture
def hours(monkeypatch):
    """Hours that take milliseconds, for the sender and for the library that verifies."""
    clock = Hours()

    class Shifted(datetime):
        @classmethod
        def now(cls, tz=None):
            return clock.now()

    monkeypatch.setattr("standardwebhooks.webhooks.datetime", Shifted)
    return clock


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 20))


async def settled(life, video_id=VIDEO, attempts=1):
    """The delivery of a video, once it was attempted so often and is recorded."""
    while True:
        for delivery in await life.hooks.deliveries(video_id):
            if len(delivery.attempts) >= attempts:
                return delivery
        await asyncio.sleep(0.01)


async def ended(life, video_id=VIDEO):
    """The delivery of a video, once it is delivered or given up."""
    while (delivery := await settled(life, video_id)).state == "pending":
        await asyncio.sleep(0.01)
    while life.store.list(f"webhooks/pending/{video_id}/"):
        await asyncio.sleep(0.01)
    return delivery


def announce(life, url, video_id=VIDEO, kind="video.completed", data=DATA, run="1"):
    return life.hooks.announce(video_id, url, kind, data, run=run)


def test_a_receiver_gets_a_signed_message_and_the_log_tells_of_it(world):
    async def story():
        life = world()
        async with Receiver().listening() as receiver:
            await announce(life, receiver.url)
            delivery = await ended(life)
        ((delivery_id, message),) = receiver.received
        assert message["data"] == DATA
        assert message["type"] == "video.completed"
        assert datetime.fromisoformat(message["timestamp"]) == delivery.created_at.replace(
            microsecond=delivery.created_at.microsecond // 1000 * 1000
        )
        assert receiver.heads[0]["content-type"] == "application/json"
        assert (delivery.id, delivery.state, delivery.next_attempt_at) == (delivery_id, "delivered", None)
        (attempt,) = delivery.attempts
        assert (attempt.status, attempt.error) == (200, None)
        assert 0 < attempt.seconds < 10
        assert life.store.list("webhooks/") == [f"webhooks/log/{VIDEO}/{delivery_id}.json"]

    run(story())


@pytest.mark.parametrize("secret", [SECRET, OLD_SECRET], ids=["new", "old"])
def test_while_secrets_are_rotated_a_receiver_with_either_verifies(world, secret):
    async def story():
        life = world(secrets=[SECRET, OLD_SECRET])
        async with Receiver(secret=secret).listening() as receiver:
            await announce(life, receiver.url)
            assert (await ended(life)).state == "delivered"
        assert len(receiver.heads[0]["webhook-signature"].split(" ")) == 2

    run(story())


def test_a_body_that_was_changed_does_not_verify(world):
    async def story():
        life = world()
        async with Receiver().listening() as receiver:
            await announce(life, receiver.url)
            delivery = await ended(life)
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(delivery.body.replace("completed", "failed"), receiver.heads[0])

    run(story())


def test_retries_take_their_hours_under_one_id_with_one_body_and_fresh_timestamps(world, hours):
    async def story():
        life = world(now=hours.now, sleep=hours.sleep)
        async with Receiver(500, 404, 301, 503, 429, 400).listening() as receiver:
            await announce(life, receiver.url)
            delivery = await ended(life)
        assert delivery.state == "delivered"
        assert [attempt.status for attempt in delivery.attempts] == [500, 404, 301, 503, 429, 400, 200]
        assert len(set(receiver.ids)) == 1
        assert len({json.dumps(message) for _, message in receiver.received}) == 1
        stamps = [int(head["webhook-timestamp"]) for head in receiver.heads]
        waited = [later - earlier for earlier, later in pairwise(stamps)]
        assert DELAYS_S == (0, 5, 300, 1800, 7200, 18000, 36000)
        for planned_s, waited_s in zip(DELAYS_S[1:], waited, strict=True):
            assert 0.9 * planned_s - 1 <= waited_s <= 1.1 * planned_s + 2
        assert any(abs(s / planned - 1) > 1e-3 for planned, s in zip(DELAYS_S[2:], hours.slept_s[1:], strict=True))

    run(story())


def test_after_the_last_retry_a_delivery_has_failed(world, hours):
    async def story():
        life = world(now=hours.now, sleep=hours.sleep)
        async with Receiver(*[500] * 20).listening() as receiver:
            await announce(life, receiver.url)
            delivery = await ended(life)
        assert (delivery.state, len(delivery.attempts), len(receiver.ids)) == ("failed", 7, 7)

    run(story())


def test_a_receiver_that_is_gone_is_not_asked_again(world):
    async def story():
        life = world()
        async with Receiver(410).listening() as receiver:
            await announce(life, receiver.url)
            delivery = await ended(life)
        assert (delivery.state, delivery.attempts[0].status) == ("failed", 410)

    run(story())


def test_a_redirect_is_a_failure_and_is_not_followed(world):
    async def story():
        life = world(sleep=for_ever)
        async with Receiver(302).listening() as receiver:
            await announce(life, receiver.url)
            delivery = await settled(life)
        assert (delivery.state, delivery.attempts[0].status, len(receiver.ids)) == ("pending", 302, 1)

    run(story())


def test_an_address_inside_is_not_connected_to_and_the_log_tells_why(world):
    async def story():
        life = world(sleep=for_ever)
        async with Receiver().listening() as receiver:
            await announce(life, receiver.url.replace("127.0.0.1", "127.0.0.2"))
            delivery = await settled(life)
        assert "refused" in delivery.attempts[0].error
        assert receiver.received == []

    run(story())


def test_a_receiver_that_hangs_is_given_up_and_tried_again(world):
    async def story():
        policy = OutboundPolicy(allow_networks=("127.0.0.1/32",), total_s=0.3)
        life = world(policy=policy, sleep=lambda seconds: asyncio.sleep(seconds / 100))
        async with Receiver("hang").listening() as receiver:
            await announce(life, receiver.url)
            first = await settled(life)
            assert (first.state, first.attempts[0].status) == ("pending", None)
            assert "0.3 s" in first.attempts[0].error
            assert 0.2 < first.attempts[0].seconds < 2

    run(story())


def test_no_receiver_is_waited_for_longer_than_fifteen_seconds(world):
    assert world(policy=OutboundPolicy(total_s=600)).hooks._policy.total_s == 15


def test_receivers_that_hang_delay_no_other(world):
    async def story():
        life = world(concurrent=4, per_host=2)
        async with Receiver(*["hang"] * 50).listening() as dead, Receiver().listening() as alive:
            for number in range(50):
                await announce(life, dead.url, f"vid_dead{number}")
            began = time.monotonic()
            await announce(life, alive.url)
            assert (await ended(life)).state == "delivered"
            assert time.monotonic() - began < 2
            assert len(dead.ids) == 2

    run(story())


def test_so_many_requests_are_under_way_and_no_more(world):
    async def story():
        life = world(concurrent=3, per_host=2)
        async with Receiver("hang", "hang").listening() as one, Receiver("hang", "hang").listening() as two:
            for number in range(4):
                await announce(life, one.url, f"vid_one{number}")
                await announce(life, two.url, f"vid_two{number}")
            await asyncio.sleep(0.5)
            assert len(one.ids) + len(two.ids) == 3

    run(story())


def test_the_same_event_is_announced_once_and_every_other_has_its_own_id(world):
    async def story():
        life = world()
        async with Receiver().listening() as receiver:
            await asyncio.gather(*(announce(life, receiver.url) for _ in range(5)))
            await ended(life)
            await announce(life, receiver.url)
            await announce(life, receiver.url, run="2")
            await announce(life, receiver.url, kind="video.failed")
            await announce(life, receiver.url, video_id="vid_2")
            await ended(life, "vid_2")
            while len(receiver.ids) < 4:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
        assert sorted(Counter(receiver.ids).values()) == [1, 1, 1, 1]
        assert len(await life.hooks.deliveries(VIDEO)) == 3

    run(story())


def test_a_delivery_survives_a_restart_with_its_id_and_its_schedule(world, hours):
    async def first_life():
        life = world(now=hours.now, sleep=for_ever)
        async with Receiver(500).listening() as receiver:
            await announce(life, receiver.url)
            await settled(life)
            return receiver

    async def second_life(receiver):
        life = world(now=hours.now, sleep=hours.sleep)
        async with receiver.listening():
            (key,) = life.store.list("webhooks/log/")
            moved = Delivery.model_validate_json(life.store.read(key)).model_copy(update={"url": receiver.url})
            life.store.put(key, moved.model_dump_json().encode(), "application/json")
            assert await life.hooks.resume() == 1
            assert await life.hooks.resume() == 0
            count, oldest_s = life.hooks.owed
            assert (count, 0 < oldest_s < 20) == (1, True)
            delivery = await ended(life)
        assert [attempt.status for attempt in delivery.attempts] == [500, 200]
        assert len(receiver.ids) == 2
        assert len(set(receiver.ids)) == 1
        assert 4 < sum(hours.slept_s) < 6
        assert await world().hooks.resume() == 0

    run(second_life(run(first_life())))


def test_a_crash_while_the_receiver_reads_leads_to_the_same_id_again(world):
    async def story():
        async with Receiver("hang").listening() as receiver:
            before = set(asyncio.all_tasks())
            await announce(world(), receiver.url)
            while not receiver.ids:
                await asyncio.sleep(0.01)
            for task in asyncio.all_tasks() - before:
                if "Webhooks" in repr(task.get_coro()):
                    task.cancel()
            life = world()
            await life.hooks.resume()
            await announce(life, receiver.url)
            delivery = await ended(life)
        assert delivery.state == "delivered"
        assert receiver.ids == [delivery.id] * 2

    run(story())


def test_what_a_crash_leaves_half_is_made_whole(world):
    async def story():
        life = world()
        done = Key.of("vid_done", "video.completed", "1")
        async with Receiver().listening() as receiver:
            await announce(life, receiver.url, video_id="vid_done")
            await ended(life, "vid_done")
            life.store.put(done.marker, b"", "text/plain")  # the end was stored, its marker not yet removed
            life.store.put(
                Key.of(VIDEO, "video.completed", "1").marker, b"", "text/plain"
            )  # only the marker was stored
            broken = Key.of("vid_broken", "video.failed", "1")
            life.store.put(broken.marker, b"", "text/plain")
            life.store.put(broken.log, b"{}", "application/json")
            following = world()
            assert await following.hooks.resume() == 0
            assert life.store.stat(done.marker) is None
            await announce(following, receiver.url)
            assert (await ended(following)).state == "delivered"
        assert len(receiver.ids) == 2

    run(story())


def test_an_announcement_that_cannot_be_stored_is_an_error_of_the_caller_s(world):
    async def story():
        life = world()
        life.storage.away = True
        async with Receiver().listening() as receiver:
            with pytest.raises(StorageUnavailable):
                await announce(life, receiver.url)
            life.storage.away = False
            await announce(life, receiver.url)
            assert (await ended(life)).state == "delivered"
        assert len(receiver.ids) == 1

    run(story())


def test_storage_that_is_away_after_the_attempt_is_waited_for(world):
    async def story():
        life = world()
        async with Receiver().listening() as receiver:
            await announce(life, receiver.url)
            while not receiver.ids:
                await asyncio.sleep(0)
            life.storage.away = True
            await asyncio.sleep(0.2)
            life.storage.away = False
            delivery = await ended(life)
        assert (delivery.state, len(delivery.attempts), len(receiver.ids)) == ("delivered", 1, 1)

    run(story())


def test_a_delivery_is_made_again_when_asked_for_under_its_id(world):
    async def story():
        life = world()
        async with Receiver(200, 410, 200).listening() as receiver:
            await announce(life, receiver.url)
            delivery = await ended(life)
            for expected in ("failed", "delivered"):
                begun = await life.hooks.redeliver(VIDEO, delivery.id)
                assert (begun.state, begun.id) == ("pending", delivery.id)
                again = await ended(life)
                assert again.state == expected
        assert [attempt.status for attempt in again.attempts] == [200, 410, 200]
        assert receiver.ids == [delivery.id] * 3

    run(story())


def test_a_delivery_that_waits_for_hours_is_made_now_when_asked_for(world):
    async def story():
        life = world(sleep=for_ever)
        async with Receiver(500).listening() as receiver:
            await announce(life, receiver.url)
            delivery = await settled(life)
            await life.hooks.redeliver(VIDEO, delivery.id)
            assert (await ended(life)).state == "delivered"
        assert len(receiver.ids) == 2

    run(story())


def test_what_is_owed_is_told_with_its_age_which_begins_again_when_it_is_asked_for(world, hours):
    async def story():
        life = world(now=hours.now, sleep=for_ever)
        assert life.hooks.owed == (0, 0.0)
        async with Receiver(500, 500).listening() as receiver:
            await announce(life, receiver.url)
            delivery = await settled(life)
            hours.slept_s.append(7200)
            count, oldest_s = life.hooks.owed
            assert (count, 7200 < oldest_s < 7220) == (1, True)
            await life.hooks.redeliver(VIDEO, delivery.id)
            await settled(life, attempts=2)
            count, oldest_s = life.hooks.owed
            assert (count, oldest_s < 20) == (1, True)
            await life.hooks.redeliver(VIDEO, delivery.id)
            await ended(life)
        while life.hooks.owed != (0, 0.0):
            await asyncio.sleep(0.01)

    run(story())


@pytest.mark.parametrize("delivery_id", ["msg_" + "0" * 32, "", "../" + VIDEO, "msg_1"])
def test_a_delivery_that_does_not_exist_cannot_be_made_again(world, delivery_id):
    async def story():
        with pytest.raises(UnknownDelivery) as caught:
            await world().hooks.redeliver(VIDEO, delivery_id)
        assert (caught.value.http_status, caught.value.data) == (404, {"deliveryId": delivery_id})

    run(story())


@pytest.mark.parametrize(("chars", "kept"), [(9_800, True), (10_000, False)])
def test_data_that_is_too_long_is_replaced_by_the_status(world, chars, kept):
    async def story():
        life = world()
        data = DATA | {"metadata": {"long": "ä" * chars}}
        async with Receiver().listening() as receiver:
            await announce(life, receiver.url, data=data)
            await ended(life)
        ((_, message),) = receiver.received
        assert message["data"] == (data if kept else {"id": VIDEO, "status": "completed", "truncated": True})
        assert int(receiver.heads[0]["content-length"]) < 20_000

    run(story())


def test_a_deleted_video_leaves_nothing_and_is_told_of_no_more(world):
    async def story():
        life = world()
        async with Receiver(200, "hang").listening() as receiver:
            await announce(life, receiver.url, video_id="vid_other")
            await ended(life, "vid_other")
            await announce(life, receiver.url)
            while len(receiver.ids) < 2:
                await asyncio.sleep(0.01)
            began = time.monotonic()
            await life.hooks.forget(VIDEO)
            assert time.monotonic() - began < 2
            assert [key.split("/")[2] for key in life.store.list("webhooks/")] == ["vid_other"]
            assert await life.hooks.deliveries(VIDEO) == []
            await asyncio.sleep(0.1)
            assert len(life.store.list("webhooks/")) == 1

    run(story())


def test_an_attempt_that_is_being_recorded_does_not_come_back_after_the_video_is_deleted(world):
    async def story():
        life = world()
        async with Receiver().listening() as receiver:
            await announce(life, receiver.url)
            life.storage.slow_s = 0.2
            while not receiver.ids:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            await life.hooks.forget(VIDEO)
            await asyncio.sleep(0.3)
            assert life.store.list("webhooks/") == []

    run(story())


def test_neither_secrets_nor_the_receivers_address_are_logged(world, caplog):
    async def story():
        caplog.set_level(logging.DEBUG, logger="ray.serve")
        life = world(sleep=for_ever)
        async with Receiver(500).listening() as receiver:
            await announce(life, receiver.url)
            delivery = await settled(life)
        messages = [record.getMessage() for record in caplog.records if record.name == "ray.serve"]
        assert any(delivery.id in message for message in messages)
        assert not any("s3cret" in message or SECRET in message for message in messages)

    run(story())


@pytest.mark.parametrize(
    "secrets", [[], [""], ["whsec_"], ["whsec_c2hvcnQ="], [SECRET, "whsec_!"], [SECRET.removeprefix("whsec_")]]
)
def test_a_secret_that_is_none_is_refused_without_repeating_it(world, secrets):
    with pytest.raises(ValueError, match=r"secret") as caught:
        world(secrets=secrets)
    assert SECRET.removeprefix("whsec_") not in str(caught.value)
