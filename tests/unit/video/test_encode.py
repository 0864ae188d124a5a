import io
import multiprocessing
import threading
from dataclasses import asdict
from itertools import pairwise
from types import SimpleNamespace

import av
import numpy as np
import pytest

from deployments.errors import StageFailed
from deployments.media import Waveform
from deployments.video.encode import ClipWriter, Encoding

FAST = Encoding(preset="ultrafast")


def speechlike(seconds, rate_hz=24000, seed=5):
    """Noise that comes and goes four times a second, below 3 kHz."""
    count = round(seconds * rate_hz)
    spectrum = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    spectrum[np.fft.rfftfreq(count, 1 / rate_hz) > 3000] = 0
    sound = np.fft.irfft(spectrum, count) * (1 + np.sin(2 * np.pi * 4 * np.arange(count) / rate_hz))
    return Waveform((sound / np.abs(sound).max() * 20000).astype(np.int16), rate_hz)


def moving(frames, height=64, width=96):
    """A photo-like gradient with a square that moves through it."""
    still = np.stack(np.meshgrid(np.linspace(30, 220, width), np.linspace(40, 200, height)), axis=2)
    still = np.dstack([still, still.mean(axis=2)]).astype(np.uint8)
    for i in range(frames):
        frame = still.copy()
        left = i * 3 % max(1, width - 8)
        frame[height // 2 : height // 2 + 8, left : left + 8] = 255
        yield frame


def written(sound, fps=25.0, encoding=FAST, height=64, width=96, directory=None):
    with ClipWriter(width, height, fps, sound, encoding, directory) as writer:
        writer.add(moving(max(1, round(fps * sound.duration_s)), height, width))
        clip = writer.close()
        return with_bytes(writer, clip)


def with_bytes(writer, clip):
    return SimpleNamespace(**asdict(clip), duration_s=clip.duration_s, mp4=writer.file.read())


def decoded(clip):
    """Video frames, then sound as (n,) in [-1, 1] with its edit list applied as a player does, then its rate."""
    with av.open(io.BytesIO(clip.mp4)) as file:
        frames = list(file.decode(video=0))
    with av.open(io.BytesIO(clip.mp4)) as file:
        parts = [part for part in file.decode(audio=0) if part.pts + part.samples > 0]
        skipped = max(0, -parts[0].pts)
        return frames, np.concatenate([part.to_ndarray()[0] for part in parts])[skipped:], file.streams.audio[0].rate


def plane(frame, index):
    """One plane of a frame, (h, w) float."""
    raw = frame.planes[index]
    return np.frombuffer(raw, np.uint8).reshape(raw.height, raw.line_size)[:, : raw.width].astype(float)


def best_lag(found, expected, most=2000):
    """The shift of `found` that agrees best with `expected`, in samples, and the correlation there."""
    count = min(len(found), len(expected))
    size = 2 * count
    product = np.fft.rfft(found[:count], size) * np.conj(np.fft.rfft(expected[:count], size))
    correlation = np.fft.irfft(product, size)
    lags = np.r_[np.arange(most), np.arange(-most, 0)]
    best = lags[np.argmax(correlation[lags])]
    return best, correlation[best] / np.sqrt((found[:count] ** 2).sum() * (expected[:count] ** 2).sum())


@pytest.mark.parametrize("fps", [25.0, 30.0, 23.976])
@pytest.mark.parametrize("seconds", [0.1, 0.5, 2.0, 6.35])
def test_video_lasts_as_long_as_the_sound(seconds, fps):
    sound = speechlike(seconds)
    clip = written(sound, fps)
    frames, samples, rate_hz = decoded(clip)
    assert len(frames) == clip.frames == round(fps * seconds)
    assert abs(len(frames) / fps - seconds) <= 1 / fps
    assert frames[-1].time == pytest.approx((len(frames) - 1) / fps, abs=1e-4)
    assert len(samples) / rate_hz >= seconds - 1e-3
    assert len(samples) / rate_hz <= seconds + 2048 / rate_hz  # at most AAC's last block


@pytest.mark.parametrize("seconds", [0.1, 2.0])
def test_both_streams_start_at_0(seconds):
    clip = written(speechlike(seconds), encoding=Encoding())
    with av.open(io.BytesIO(clip.mp4)) as file:
        assert file.start_time == 0
        assert [stream.start_time for stream in file.streams] == [0, 0]
    frames, _, _ = decoded(clip)
    assert [frame.pts for frame in frames[:2]] == [0, frames[1].pts]


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 44100, 48000, 20000])
def test_sound_comes_back_in_its_place(rate_hz):
    sound = speechlike(2.0, rate_hz)
    _, samples, found_hz = decoded(written(sound))
    if rate_hz != 20000:  # AAC has no such rate; the nearest is taken
        assert found_hz == rate_hz
    assert abs(found_hz - rate_hz) <= 2050
    times = np.arange(round(2.0 * found_hz)) / found_hz
    expected = np.interp(times, np.arange(len(sound.samples)) / rate_hz, sound.samples)
    lag, correlation = best_lag(samples, expected)
    assert abs(lag) / found_hz < 0.0005
    assert correlation > 0.95


def test_stream_is_h264_high_in_bt709():
    clip = written(speechlike(0.5), encoding=Encoding())
    with av.open(io.BytesIO(clip.mp4)) as file:
        context, sound = file.streams.video[0].codec_context, file.streams.audio[0].codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert [context.colorspace, context.color_primaries, context.color_trc, context.color_range] == [1, 1, 1, 1]
        assert (sound.name, sound.profile, sound.layout.name) == ("aac", "LC", "mono")
        assert "AI" in file.metadata["comment"]
        assert "title" in file.metadata


@pytest.mark.parametrize("colour", [(200, 60, 30), (30, 180, 60), (40, 50, 210), (255, 255, 255), (0, 0, 0)])
def test_colours_come_back_by_the_matrix_that_the_tags_name(colour):
    with ClipWriter(64, 48, 25.0, speechlike(0.2), Encoding(crf=8)) as writer:
        writer.add(np.full((5, 48, 64, 3), colour, np.uint8))
        frames, _, _ = decoded(with_bytes(writer, writer.close()))
    luma, blue, red = (plane(frames[2], index).mean() for index in range(3))
    luma, blue, red = (luma - 16) / 219, (blue - 128) / 224, (red - 128) / 224  # BT.709, limited range
    rgb = [luma + 1.5748 * red, luma - 0.1873 * blue - 0.4681 * red, luma + 1.8556 * blue]
    np.testing.assert_allclose(np.array(rgb) * 255, colour, atol=4)


def test_index_stands_before_the_data():
    mp4 = written(speechlike(0.5)).mp4
    assert 0 < mp4.index(b"moov") < mp4.index(b"mdat")


def test_sound_is_interleaved_with_the_video():
    clip = written(speechlike(30.0), height=32, width=32)  # the muxer itself would hold back and sort 10 s
    with av.open(io.BytesIO(clip.mp4)) as file:
        packets = [packet for packet in file.demux() if packet.pts is not None]
    times = [float(packet.pts * packet.time_base) for packet in sorted(packets, key=lambda packet: packet.pos)]
    assert max(abs(later - earlier) for earlier, later in pairwise(times)) < 1.5


def test_keyframes_are_at_most_2_s_apart():
    frames, _, _ = decoded(written(speechlike(6.35), 23.976, Encoding()))
    keys = [frame.time for frame in frames if frame.key_frame]
    assert keys[0] == 0
    assert max(b - a for a, b in pairwise(keys)) <= 2.0


@pytest.mark.parametrize(("height", "width"), [(63, 95), (64, 95), (63, 96)])
def test_odd_sizes_are_made_even_by_repeating_the_edge(height, width):
    clip = written(speechlike(0.2), height=height, width=width, encoding=Encoding(crf=5))
    assert (clip.height, clip.width) == (64, 96)
    frames, _, _ = decoded(clip)
    shown = (plane(frames[0], 0) - 16) / 219 * 255
    assert shown.shape == (64, 96)
    original = next(moving(1, height, width)).astype(int) @ np.array([0.2126, 0.7152, 0.0722])
    assert np.abs(shown[:height, :width] - original).mean() < 2
    np.testing.assert_allclose(shown[-1], shown[-2], atol=8)
    np.testing.assert_allclose(shown[:, -1], shown[:, -2], atol=8)


def test_equal_input_gives_equal_bytes():
    assert written(speechlike(1.0), encoding=Encoding()).mp4 == written(speechlike(1.0), encoding=Encoding()).mp4


def smooth_clip():
    return written(speechlike(0.6), encoding=Encoding(), height=64, width=96).mp4


@pytest.mark.parametrize("fill", ["85", "170"])
def test_bytes_do_not_depend_on_what_is_left_in_memory(fill, monkeypatch):
    monkeypatch.setenv("MALLOC_PERTURB_", fill)  # glibc fills what it hands out with this, in a process that starts now
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(smooth_clip) == smooth_clip()


def test_crf_and_preset_reach_the_encoder():
    sound = speechlike(1.0)
    small = written(sound, encoding=Encoding(crf=40))
    assert len(small.mp4) < len(written(sound, encoding=Encoding(crf=10)).mp4)
    assert small.mp4 != written(sound, encoding=Encoding(crf=40, preset="medium")).mp4


def test_file_is_gone_after_closing(tmp_path):
    written(speechlike(0.5), directory=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_file_is_gone_after_an_error(tmp_path):
    def failing():
        yield from moving(3)
        assert len(list(tmp_path.iterdir())) == 1
        raise ZeroDivisionError

    with ClipWriter(96, 64, 25.0, speechlike(0.5), FAST, tmp_path) as writer, pytest.raises(ZeroDivisionError):
        writer.add(failing())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("frames", [10, 15])
def test_mouths_of_another_length_than_the_sound_are_refused(frames):
    with ClipWriter(96, 64, 25.0, speechlike(0.5), FAST) as writer:
        writer.add(moving(frames))
        with pytest.raises(StageFailed, match="differ in length"):
            writer.close()


def test_a_writer_left_by_its_owner_stops_its_other_thread():
    outcome, going = [], threading.Event()

    def endless():
        while True:
            yield from moving(10)
            going.set()

    def work():
        try:
            writer.add(endless())
        except StageFailed as error:
            outcome.append(error)

    with ClipWriter(96, 64, 25.0, speechlike(0.5), FAST) as writer:
        thread = threading.Thread(target=work)
        thread.start()
        assert going.wait(10)
    thread.join(10)
    assert not thread.is_alive()
    assert len(outcome) == 1
