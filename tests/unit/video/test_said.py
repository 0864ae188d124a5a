import asyncio
from types import SimpleNamespace

import numpy as np
import pytest
from local_handle import LocalHandle

from deployments.errors import StageFailed, UnspeakableText
from deployments.media import Acting, MouthDrive, Passage, Speech, Spoken, Waveform
from deployments.video.said import Said

FPS = 25.0
ACTING = Acting("preview", seed=3)


def sounding(samples, rate_hz=1000, level=1):
    return Speech(Waveform(np.full(samples, level, np.int16), rate_hz))


class Stages:
    """A voice whose passages are as many milliseconds long as their text says, and an engine that counts frames."""

    def __init__(self, rate_hz=1000):
        self.rate_hz, self.spoken, self.driven = rate_hz, [], []

    async def speak(self, passage, voice_id, seed, owner):
        self.spoken.append((passage.text, voice_id, seed, owner))
        return sounding(int(passage.text), self.rate_hz, len(self.spoken) + 1)

    async def drive(self, speech, fps, acting, start_s):
        self.driven.append((len(speech.waveform.samples), acting, start_s))
        frames = max(1, round(fps * speech.waveform.duration_s))
        return MouthDrive("preview", fps, np.zeros((1, frames), np.float32), np.arange(frames, dtype=np.int32), 1)


def said(stages, first, *rest):
    spoken = Spoken(sounding(first), tuple(Passage(str(length), "") for length in rest), "emma", "en-US", 7)
    handle = LocalHandle(stages)
    return Said(handle, handle, spoken, FPS, ACTING, "ann")


async def told(whole):
    return [drive.frames async for drive in whole.drives()]


def test_each_passage_begins_with_a_frame_and_the_last_ends_with_its_sound():
    stages = Stages()
    whole = said(stages, 100, 81, 50)
    assert asyncio.run(told(whole)) == [3, 3, 1]  # of 40 ms
    assert whole.frames == 7
    assert stages.spoken == [("81", "emma", 7, "ann"), ("50", "emma", 7, "ann")]
    assert stages.driven == [(120, ACTING, 0.0), (120, ACTING, 0.12), (50, ACTING, 0.24)]
    levels = [1] * 100 + [0] * 20 + [2] * 81 + [0] * 39 + [3] * 50
    assert whole.sound.samples.tolist() == levels


def test_a_sound_alone_is_taken_as_it_is():
    whole = said(stages := Stages(), 100)
    assert asyncio.run(told(whole)) == [2]
    assert (stages.driven, whole.sound.duration_s, whole.frames) == ([(100, ACTING, 0.0)], 0.1, 2)


def test_frames_are_not_told_before_all_is_spoken():
    async def story():
        whole = said(stages := Stages(), 40, 40)
        drives = whole.drives()
        await anext(drives)
        assert stages.spoken == []  # the second is spoken when the first can be shown
        before = whole.frames
        return before, [drive.frames async for drive in drives], whole.frames

    assert asyncio.run(story()) == (None, [1], 2)


def test_a_voice_that_changes_its_rate_is_an_error():
    with pytest.raises(StageFailed, match="1000 to 2000"):
        asyncio.run(told(said(Stages(rate_hz=2000), 100, 100)))


def test_a_passage_is_asked_for_again_when_a_replica_is_lost(monkeypatch):
    monkeypatch.setattr("deployments.retry.RETRY_AFTER_S", 0.01)
    stages = Stages()
    speak, broken = stages.speak, [ConnectionError("gone")]

    async def lost_once(*args):
        if broken:
            raise broken.pop()
        return await speak(*args)

    lost = SimpleNamespace(speak=lost_once, drive=stages.drive)
    assert asyncio.run(told(said(lost, 40, 40))) == [1, 1]


def test_a_passage_of_which_the_voice_makes_no_sound_is_left_out():
    class Choosy(Stages):
        async def speak(self, passage, voice_id, seed, owner):
            if passage.text == "80":
                raise UnspeakableText("No sound.")
            return await super().speak(passage, voice_id, seed, owner)

    whole = said(Choosy(), 40, 80, 40, 80)
    assert asyncio.run(told(whole)) == [1, 1]
    assert (whole.frames, whole.sound.duration_s) == (2, 0.08)
