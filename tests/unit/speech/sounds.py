"""Sound files for tests, made by PyAV."""

import io

import av
import numpy as np

FORMATS = {
    "wav": ("wav", "pcm_s16le"),
    "mp3": ("mp3", "libmp3lame"),
    "m4a": ("ipod", "aac"),
    "flac": ("flac", "flac"),
    "ogg": ("ogg", "libopus"),
}


def tone(duration_s: float = 1.0, rate_hz: int = 24000, hz: float = 440.0, peak: int = 8000) -> np.ndarray:
    """A sine, (n,) int16."""
    return (peak * np.sin(2 * np.pi * hz * np.arange(round(duration_s * rate_hz)) / rate_hz)).astype(np.int16)


def sound_file(
    kind: str, samples: np.ndarray, rate_hz: int = 24000, layout: str = "mono", options: dict[str, str] | None = None
) -> bytes:
    """The bytes of a file that plays `samples` in every channel."""
    name, codec = FORMATS[kind]
    file = io.BytesIO()
    with av.open(file, "w", format=name, options=options) as container:
        stream = container.add_stream(codec, rate=rate_hz, layout=layout)
        interleaved = np.repeat(samples, stream.layout.nb_channels)[None]
        frame = av.AudioFrame.from_ndarray(interleaved, format="s16", layout=layout)
        frame.sample_rate = rate_hz
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
