"""Scripts: text or SSML to the passages that a voice says one after the other."""
