"""Video: a photo, mouth frames and a waveform to an MP4."""
