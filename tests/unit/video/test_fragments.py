"""The stream of a clip: the same packets as its MP4, in segments that play by themselves."""

import io
import itertools
from fractions import Fraction

import av
import numpy as np
import pytest
from test_encode import FAST, best_lag, moving, speechlike

from deployments.video.encode import ClipWriter, Encoding


class Kept:
    """A stream in memory; `frames_in` is how many frames had been given to the writer at each segment."""

    def __init__(self):
        self.init, self.longest_s = None, None
        self.segments, self.durations, self.frames_in = [], [], []
        self.given = 0

    def begin(self, init, longest_s):
        assert self.init is None
        self.init, self.longest_s = init, longest_s

    def add(self, segment, duration_s):
        assert self.init is not None
        self.segments.append(segment)
        self.durations.append(duration_s)
        self.frames_in.append(self.given)

    @property
    def starts(self):
        return [Fraction(0), *itertools.accumulate(self.durations)][:-1]

    def counting(self, frames):
        for frame in frames:
            self.given += 1
            yield frame


def streamed(seconds, fps=25.0, encoding=FAST, rate_hz=24000, frames=None):
    """The stream, the clip's measures and its MP4."""
    kept = Kept()
    with ClipWriter(96, 64, fps, speechlike(seconds, rate_hz), encoding, stream=kept) as writer:
        writer.add(kept.counting(frames or moving(max(1, round(fps * seconds)))))
        clip = writer.close()
        return kept, clip, writer.file.read()


def pictures(mp4):
    with av.open(io.BytesIO(mp4)) as file:
        return [(frame.time, frame.key_frame, frame.to_ndarray()) for frame in file.decode(video=0)]


def sound(mp4):
    """The samples from time 0 on, and what comes before them."""
    with av.open(io.BytesIO(mp4)) as file:
        parts = [part for part in file.decode(audio=0) if part.pts + part.samples > 0]
        return np.concatenate([part.to_ndarray()[0] for part in parts])[max(0, -parts[0].pts) :]


@pytest.mark.parametrize("encoding", [FAST, Encoding()])
def test_init_and_segments_are_the_frames_and_the_sound_of_the_mp4(encoding):
    kept, _, mp4 = streamed(6.35, encoding=encoding)
    whole = kept.init + b"".join(kept.segments)
    for (time, key, picture), (time_, key_, picture_) in zip(pictures(whole), pictures(mp4), strict=True):
        assert (time, key) == (time_, key_)
        np.testing.assert_array_equal(picture, picture_)
    heard, expected = sound(whole), sound(mp4)
    np.testing.assert_array_equal(heard[: len(expected)], expected)
    assert len(heard) - len(expected) <= 1024  # the MP4 says how much of AAC's last block is to be heard


def test_the_mp4_is_the_same_without_a_stream():
    _, _, mp4 = streamed(1.0)
    with ClipWriter(96, 64, 25.0, speechlike(1.0), FAST) as writer:
        writer.add(moving(25))
        writer.close()
        assert writer.file.read() == mp4


def test_equal_frames_give_equal_segments():
    (one, _, _), (other, _, _) = streamed(3.0), streamed(3.0)
    assert (one.init, one.segments) == (other.init, other.segments)


@pytest.mark.parametrize("fps", [25.0, 30.0, 23.976, 12.0, 1.0])
@pytest.mark.parametrize("seconds", [0.1, 0.6, 0.65, 2.0, 6.35])
def test_durations_sum_to_the_clip_and_the_first_is_short(seconds, fps):
    seconds = max(seconds, 1 / fps)
    kept, clip, _ = streamed(seconds, fps)
    assert float(sum(kept.durations)) == pytest.approx(clip.duration_s, abs=1e-4)
    assert 0 < kept.durations[0] <= 1
    assert all(0 < duration <= 2 for duration in kept.durations)
    assert all(duration > 1.9 for duration in kept.durations[1:-1])
    assert kept.longest_s == 2


@pytest.mark.parametrize("fps", [25.0, 23.976])
def test_each_segment_plays_alone_from_a_keyframe_at_its_time(fps):
    kept, _, _ = streamed(6.35, fps, Encoding())
    assert len(kept.segments) == 4
    for start, duration, segment in zip(kept.starts, kept.durations, kept.segments, strict=True):
        frames = pictures(kept.init + segment)
        assert [key for _, key, _ in frames] == [True] + [False] * (len(frames) - 1)
        with av.open(io.BytesIO(kept.init + segment)) as file:
            packets = [packet for packet in file.demux(video=0) if packet.pts is not None]
        times = sorted(float(packet.pts * packet.time_base) for packet in packets)
        assert packets[0].is_keyframe
        assert float(packets[0].pts * packets[0].time_base) == times[0] == pytest.approx(float(start), abs=1e-4)
        assert times[-1] + 1 / fps - times[0] == pytest.approx(float(duration), abs=1e-4)


def test_sound_of_each_segment_is_that_of_its_pictures():
    kept, _, _ = streamed(6.35, encoding=Encoding())
    for start, duration, segment in zip(kept.starts, kept.durations, kept.segments, strict=True):
        with av.open(io.BytesIO(kept.init + segment)) as file:
            packets = [packet for packet in file.demux(audio=0) if packet.pts is not None]
        times = [float(packet.pts * packet.time_base) for packet in packets]
        assert times[0] == pytest.approx(float(start), abs=0.15)  # packets go by decoding time: two frames early
        assert times[-1] == pytest.approx(float(start + duration), abs=0.2)


@pytest.mark.parametrize("seconds", [0.1, 3.0])
@pytest.mark.parametrize("rate_hz", [8000, 24000])
def test_both_tracks_start_at_0(seconds, rate_hz):
    kept, _, _ = streamed(seconds, encoding=Encoding(), rate_hz=rate_hz)
    for mp4 in (kept.init + kept.segments[0], kept.init + b"".join(kept.segments)):
        with av.open(io.BytesIO(mp4)) as file:
            assert file.start_time == 0
            assert [stream.start_time for stream in file.streams] == [0, 0]


def test_sound_is_in_its_place():
    kept, _, _ = streamed(3.0, encoding=Encoding())
    lag, correlation = best_lag(sound(kept.init + b"".join(kept.segments)), speechlike(3.0).samples.astype(float))
    assert abs(lag) < 12
    assert correlation > 0.95


def test_the_first_segment_is_there_after_two_chunks_of_frames():
    for fps in (25.0, 30.0):
        kept, _, _ = streamed(6.0, fps, Encoding())
        assert kept.frames_in[0] <= 32
        assert kept.frames_in[1] - kept.frames_in[0] <= 2 * fps


def test_a_clip_full_of_cuts_makes_no_tiny_segments():
    noise = np.random.default_rng(4).integers(0, 256, (30, 64, 96, 3), np.uint8)
    cuts = (noise[i // 7] for i in range(200))  # another picture every 0.28 s
    kept, _, _ = streamed(8.0, encoding=Encoding(), frames=cuts)
    assert all(duration >= 1 for duration in kept.durations[1:-1])
    assert sum(kept.durations) == 8


def test_the_init_segment_says_what_the_video_is():
    kept, _, _ = streamed(0.5)
    with av.open(io.BytesIO(kept.init + kept.segments[0])) as file:
        assert "AI" in file.metadata["comment"]


def test_a_clip_given_up_hands_out_nothing_more():
    kept = Kept()
    with ClipWriter(96, 64, 25.0, speechlike(4.0), FAST, stream=kept) as writer:
        writer.add(moving(40))
        before = len(kept.segments)
    assert before == len(kept.segments) == 1
