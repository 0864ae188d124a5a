"""Sound files that callers send: what is read, and what is refused with a sentence that helps."""

import io
import re
import struct
import tracemalloc
import wave
from multiprocessing import get_context
from pathlib import Path

import av
import numpy as np
import pytest
from sounds import sound_file, tone

from deployments.errors import AudioTooLong, UnreadableAudio
from deployments.speech.audio_file import RATES_HZ, SilentAudio, decode_audio

MAX_S = 30.0
MAX_BYTES = 10_000_000


def decoded(data: bytes, max_duration_s: float = MAX_S, max_bytes: int = MAX_BYTES):
    return decode_audio(data, max_duration_s, max_bytes)


def frequency_hz(samples: np.ndarray, rate_hz: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples.astype(float)))) * rate_hz / len(samples))


@pytest.mark.parametrize("kind", ["wav", "mp3", "m4a", "flac", "ogg"])
def test_every_kind_is_read_as_mono_int16(kind):
    sent_hz, rate_hz = (48000, 32000) if kind == "ogg" else (24000, 24000)
    speech = decoded(sound_file(kind, tone(1.0, sent_hz), sent_hz))
    assert speech.phonemes == ()
    assert speech.waveform.rate_hz == rate_hz
    assert speech.waveform.samples.dtype == np.int16
    assert speech.waveform.samples.ndim == 1
    assert speech.waveform.duration_s == pytest.approx(1.0, abs=0.08)
    assert frequency_hz(speech.waveform.samples, rate_hz) == pytest.approx(440, abs=3)


def test_a_mono_wav_is_kept_bit_for_bit():
    samples = tone()
    assert np.array_equal(decoded(sound_file("wav", samples)).waveform.samples, samples)


@pytest.mark.parametrize("layout", ["stereo", "5.1"])
def test_channels_are_mixed_into_one(layout):
    samples = tone(0.5)
    waveform = decoded(sound_file("wav", samples, layout=layout)).waveform
    assert len(waveform.samples) == len(samples)
    assert np.corrcoef(waveform.samples, samples)[0, 1] > 0.999


@pytest.mark.parametrize(
    ("rate_hz", "kept_hz"), [(8000, 8000), (44100, 32000), (96000, 32000), (30000, 32000), (6000, 8000), (23456, 24000)]
)
def test_a_rate_that_aac_cannot_carry_becomes_the_nearest(rate_hz, kept_hz):
    waveform = decoded(sound_file("wav", tone(1.0, rate_hz), rate_hz)).waveform
    assert waveform.rate_hz == kept_hz
    assert waveform.duration_s == pytest.approx(1.0, abs=0.01)
    assert frequency_hz(waveform.samples, kept_hz) == pytest.approx(440, abs=3)


def test_every_rate_kept_can_be_encoded_as_aac():
    for rate_hz in RATES_HZ:
        assert sound_file("m4a", tone(0.2, rate_hz), rate_hz)


@pytest.mark.parametrize("size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wav_written_to_a_pipe_is_read_though_its_header_knows_no_size(size):
    samples = tone()
    data = bytearray(sound_file("wav", samples))
    at = data.index(b"data")
    data[4:8] = data[at + 4 : at + 8] = struct.pack("<I", size)
    assert np.array_equal(decoded(bytes(data)).waveform.samples, samples)


def mov(codec: str, samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mov") as container:
        stream = container.add_stream(codec, rate=24000, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = 24000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("codec", ["pcm_s16le", "pcm_s8", "pcm_mulaw", "adpcm_ima_qt", "alac"])
def test_a_mov_with_all_the_samples_it_can_have_is_read(codec):
    assert decoded(mov(codec, tone())).waveform.duration_s == pytest.approx(1.0, abs=0.01)


def test_a_title_in_no_known_alphabet_is_no_damage():
    samples = tone()
    data = sound_file("wav", samples)
    assert b"Lavf" in data
    assert np.array_equal(decoded(data.replace(b"Lavf", "Café".encode("latin-1"))).waveform.samples, samples)


@pytest.mark.parametrize("kind", ["wav", "flac", "m4a"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_a_file_cut_short_is_refused(kind, part):
    data = sound_file(kind, tone(3.0))
    with pytest.raises(UnreadableAudio, match="send a whole WAV"):
        decoded(data[: int(len(data) * part)])


def test_an_m4a_made_for_streaming_and_cut_short_is_refused():
    file = io.BytesIO(sound_file("m4a", tone(3.0)))
    moved = io.BytesIO()
    with av.open(file) as source, av.open(moved, "w", format="ipod", options={"movflags": "frag_keyframe"}) as target:
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux():
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    whole = moved.getvalue()
    assert decoded(whole).waveform.duration_s == pytest.approx(3.0, abs=0.1)
    with pytest.raises(UnreadableAudio):
        decoded(whole[: len(whole) // 2])


@pytest.mark.parametrize(
    "data",
    [
        b"hello",
        bytes(5000),
        b"\x89PNG\r\n\x1a\n" + bytes(500),
        b"ID3" + bytes(500),
        b"RIFF\x04\0\0\0WAVE",
        bytes(range(64)),
    ],
    ids=["text", "zeros", "png", "id3", "wav header", "noise"],
)
def test_what_is_no_sound_file_is_refused(data):
    with pytest.raises(UnreadableAudio, match="send a whole WAV"):
        decoded(data)


def test_an_mp4_without_sound_is_refused():
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    with pytest.raises(UnreadableAudio, match="no sound in it"):
        decoded(file.getvalue())


@pytest.mark.parametrize("samples", [np.zeros(24000, np.int16), np.full(24000, 900, np.int16), np.zeros(0, np.int16)])
def test_silence_is_refused_as_such(samples):
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setparams((1, 2, 24000, 0, "NONE", ""))
        target.writeframes(samples.tobytes())
    with pytest.raises(SilentAudio, match="speech in it"):
        decoded(file.getvalue())


def test_nothing_is_silence():
    with pytest.raises(SilentAudio):
        decoded(b"")


def test_a_whisper_is_not_silence():
    assert decoded(sound_file("wav", tone(peak=20))).waveform.duration_s == 1.0


def test_a_long_sound_is_refused_while_it_is_read():
    hour = sound_file("flac", np.zeros(24000 * 600, np.int16))
    assert len(hour) < 200_000
    tracemalloc.start()
    with pytest.raises(AudioTooLong, match="longer than 2 seconds") as caught:
        decoded(hour, max_duration_s=2.0)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert caught.value.data == {"max_duration_s": 2.0}


def test_memory_is_about_that_of_the_result():
    data = sound_file("mp3", tone(20.0))
    tracemalloc.start()
    waveform = decoded(data).waveform
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * waveform.samples.nbytes + len(data)


def test_a_large_file_is_refused_before_it_is_read():
    with pytest.raises(AudioTooLong, match="limit is 100") as caught:
        decoded(bytes(101), max_bytes=100)
    assert caught.value.data == {"bytes": 101, "max_bytes": 100}


def of_millions(data: bytes) -> bytes:
    """The MP4 with tables that name 2^24 samples, each of one byte and shown for two ticks."""
    forged = bytearray(data)
    for table, values in ((b"stts", (1, 2**24, 2)), (b"stsc", (1, 1, 2**24, 1)), (b"stsz", (1, 2**24))):
        struct.pack_into(f">{len(values)}I", forged, forged.index(table) + 8, *values)
    return bytes(forged)


def peak_kb() -> int:
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def refusal(data: bytes) -> tuple[str, int]:
    """What is said to these bytes, and the memory that it took."""
    decoded(sound_file("m4a", tone(0.1)))
    before_kb = peak_kb()
    try:
        decoded(data)
    except UnreadableAudio as error:
        return str(error), peak_kb() - before_kb
    return "", peak_kb() - before_kb


def test_a_small_file_that_names_millions_of_samples_takes_no_memory():
    sounds = [of_millions(data) for data in (sound_file("m4a", tone(0.1)), mov("pcm_s16le", tone(0.1)))]
    hidden = [struct.pack(">I4s", 8, box) + data for box in (b"free", b"junk") for data in sounds]
    with get_context("spawn").Pool(1) as process:  # of its own: a peak is the highest that there ever was
        for sentence, taken_kb in process.map(refusal, sounds + hidden):
            assert "send a whole WAV" in sentence
            assert taken_kb < 50_000


@pytest.mark.parametrize(
    "playlist",
    [
        "ffconcat version 1.0\nfile 'named.mp3'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nnamed.mp3\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/named.mp3\n",
        "[playlist]\nFile1=named.mp3\n",
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>named.mp3</BaseURL></MPD>',
    ],
    ids=["concat", "hls", "hls of an address", "pls", "dash"],
)
def test_a_playlist_plays_no_other_file(tmp_path, monkeypatch, playlist):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "named.mp3").write_bytes(sound_file("mp3", tone()))
    with pytest.raises(UnreadableAudio):
        decoded(playlist.encode())


def test_ffmpeg_by_itself_would_play_the_file_that_a_script_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "named.mp3").write_bytes(sound_file("mp3", tone()))
    with av.open(io.BytesIO(b"ffconcat version 1.0\nfile 'named.mp3'\n")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) == 24000


def test_an_m4a_that_refers_to_another_file_plays_its_own_sound(tmp_path):
    named = tmp_path / "named.wav"
    named.write_bytes(sound_file("wav", tone(hz=1000)))
    own = sound_file("m4a", tone(hz=440))
    at = own.index(b"url ") - 4
    assert own[at : at + 12] == struct.pack(">I4sI", 12, b"url ", 1)  # flag 1: the sound is in this file
    address = f"file://{named}".encode() + b"\0"
    data = bytearray(own[:at] + struct.pack(">I4sI", 12 + len(address), b"url ", 0) + address + own[at + 12 :])
    for box in (b"dref", b"dinf", b"minf", b"mdia", b"trak", b"moov"):
        start = data.rindex(box, 0, at) - 4
        data[start : start + 4] = struct.pack(">I", struct.unpack_from(">I", data, start)[0] + len(address))
    waveform = decoded(bytes(data)).waveform
    assert frequency_hz(waveform.samples, waveform.rate_hz) == pytest.approx(440, abs=3)
