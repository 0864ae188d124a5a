"""Speech: text, or the bytes of a sound file, to a waveform with phoneme times."""
