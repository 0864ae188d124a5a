"""The bytes of a sound file to a waveform, read as a stream so that memory stays near that of the result."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import chain

import av
import numpy as np
from av.container import InputContainer

from deployments.boxes import clip_type, overstated
from deployments.errors import AudioTooLong, UnreadableAudio
from deployments.media import Speech, Waveform

# Containers that hold their sound themselves. FFmpeg finds them by content and opens nothing else: a playlist or a
# concat script, which could name other files and addresses, is refused before it is read. What does not begin as
# an MP4 is not opened as one: of an MP4, the boxes are looked at first.
CONTAINERS = "wav,mp3,ogg,flac,aac"
MP4 = "mov"

# Of these, the ones whose header says how long the sound is; an MP3 or Ogg cut short is just a shorter one.
MEASURED = ("flac", "mov,mp4,m4a,3gp,3g2,mj2")
SHORT_BY_S = 0.1

# A WAV written to a pipe has a size in its header that nobody knew yet: 0, or this and above.
WAV_SIZE_UNKNOWN = 0x7FFF0000

# What AAC can carry (ISO/IEC 14496-3, table 1.18), from a telephone's rate to 32 kHz: a voice has nothing above half of
# that, and five minutes stay below 20 MB in the replicas that hold them.
RATES_HZ = (8000, 11025, 12000, 16000, 22050, 24000, 32000)

# Peak to peak, of 65536: a decoder's rounding of silence stays below it, the quietest microphone does not.
SILENCE = 8

HELP = "send a whole WAV, MP3, M4A, OGG or FLAC file with speech in it."


class SilentAudio(UnreadableAudio):
    """A sound file that can be decoded and in which nothing is heard."""


def decode_audio(data: bytes, max_duration_s: float, max_bytes: int) -> Speech:
    """Return the first audio stream of a sound file as mono speech without phonemes, at one of `RATES_HZ`.

    Raises `UnreadableAudio` where there is no sound or not all of it, `AudioTooLong` beyond either limit.
    """
    if len(data) > max_bytes:
        raise AudioTooLong(
            f"The sound file has {len(data)} bytes and the limit is {max_bytes}: send a shorter or compressed one.",
            {"bytes": len(data), "max_bytes": max_bytes},
        )
    if not data:
        raise SilentAudio(f"The sound file is empty: {HELP}")
    if _cut_wav(data):
        raise UnreadableAudio(f"The sound file is cut off: {HELP}")
    is_mp4 = clip_type(data) in ("video/mp4", "video/quicktime")
    if is_mp4 and overstated(data):
        raise UnreadableAudio(f"The sound file is cut off or damaged: {HELP}")
    try:
        waveform = _decode(data, MP4 if is_mp4 else CONTAINERS, max_duration_s)
    except (av.FFmpegError, ValueError) as error:  # PyAV's own checks raise ValueError
        raise UnreadableAudio(f"The sound file cannot be read: {HELP}") from error
    if not len(waveform.samples) or int(waveform.samples.max()) - int(waveform.samples.min()) < SILENCE:
        raise SilentAudio(f"The sound file is silent: {HELP}")
    return Speech(waveform)


def _decode(data: bytes, containers: str, max_duration_s: float) -> Waveform:
    options = {"format_whitelist": containers}
    with av.open(io.BytesIO(data), "r", container_options=options, metadata_errors="replace") as container:
        if not container.streams.audio:
            raise UnreadableAudio(f"The file has no sound in it: {HELP}")
        stream = container.streams.audio[0]
        rate_hz = min(RATES_HZ, key=lambda rate: abs(rate - stream.rate))
        pcm = bytearray()
        for piece in _mono(container, stream, rate_hz):
            pcm += piece
            if len(pcm) > 2 * max_duration_s * rate_hz:
                raise AudioTooLong(
                    f"The sound is longer than {max_duration_s:g} seconds: send a shorter one.",
                    {"max_duration_s": max_duration_s},
                )
        waveform = Waveform(np.frombuffer(pcm, np.int16), rate_hz)
        if container.format.name in MEASURED and waveform.duration_s < _declared_s(stream) - SHORT_BY_S:
            raise UnreadableAudio(f"The sound file is cut off: {HELP}")
        return waveform


def _mono(container: InputContainer, stream: av.AudioStream, rate_hz: int) -> Iterator[bytes]:
    """Yield the sound in pieces of 16-bit samples."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
    for frame in chain(container.decode(stream), [None]):  # None hands out what the resampler still holds
        for piece in resampler.resample(frame):
            yield piece.to_ndarray().tobytes()


def _declared_s(stream: av.AudioStream) -> float:
    return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0


def _cut_wav(data: bytes) -> bool:
    """Whether a RIFF file is shorter than its header says; FFmpeg does not mind, and ends early."""
    size = int.from_bytes(data[4:8], "little")
    return data[:4] == b"RIFF" and len(data) - 8 < size < WAV_SIZE_UNKNOWN
