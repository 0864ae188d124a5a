"""A voice made higher or lower: as fast as before, and still the same mouth.

Shifting every frequency makes a small or a large person of the speaker, since the resonances of the vocal tract move
too. They are the spectral envelope, so each instant of the shifted sound gets the envelope that it had before
(A. Röbel and X. Rodet, "Efficient spectral envelope estimation and its application to pitch shifting and envelope
preservation", DAFx 2005).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from python_stretch import Signalsmith

from deployments.media import Waveform

WINDOW_S = 0.021
HOPS = 4

ENVELOPE_S = 0.0025
"""What repeats more slowly, the voice's pitch up to 400 Hz, is no part of the envelope."""

ROUNDS = 3
"""After each the envelope is nearer to the peaks of the spectrum; more change nothing that is heard."""

FLOOR = 1e-6
MAX_GAIN_NEPERS = 3.0


def pitched(waveform: Waveform, semitones: float) -> Waveform:
    """Return the waveform that many semitones higher, or lower where negative; its length and times stay the same."""
    if not semitones:
        return waveform
    from scipy.signal import istft, stft  # here: it loads a second's worth of modules, which few replicas need

    size = round(WINDOW_S * waveform.rate_hz / HOPS) * HOPS
    sound = np.pad(waveform.samples, (0, size)).astype(np.float32) / np.float32(32768)
    options = {"fs": waveform.rate_hz, "nperseg": size, "noverlap": size - size // HOPS}
    before, after = (stft(part, **options)[2] for part in (sound, _shifted(sound, waveform.rate_hz, semitones)))
    cut = round(ENVELOPE_S * waveform.rate_hz)
    gain = np.clip(_envelope(before, cut) - _envelope(after, cut), -MAX_GAIN_NEPERS, MAX_GAIN_NEPERS)
    result = istft(after * np.exp(gain), **options)[1][: len(waveform.samples)]
    return Waveform(np.clip(np.rint(result * 32768), -32768, 32767).astype(np.int16), waveform.rate_hz)


def _shifted(sound: NDArray[np.float32], rate_hz: int, semitones: float) -> NDArray[np.float32]:
    """Return the sound with all its frequencies moved."""
    stretch = Signalsmith.Stretch()
    stretch.preset(1, rate_hz)
    stretch.setTransposeSemitones(semitones)
    shifted: NDArray[np.float32] = np.asarray(stretch.process(sound[None]))[0]
    return shifted


def _envelope(spectra: NDArray[np.complex64], cut: int) -> NDArray[np.float32]:
    """Return the natural logarithm of the spectral envelope of each column, (bins, columns): its "true envelope".

    The spectrum is smoothed by its `cut` first cepstral coefficients; where it is below that, that replaces it.
    """
    spectrum = np.log(np.maximum(np.abs(spectra), FLOOR))
    envelope = spectrum
    for _ in range(ROUNDS):
        cepstrum = np.fft.irfft(np.maximum(spectrum, envelope), axis=0)
        cepstrum[cut : 1 - cut] = 0
        envelope = np.fft.rfft(cepstrum, axis=0).real
    return envelope
