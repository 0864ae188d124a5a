"""The preview engine: a mouth without weights, from phoneme times and the points of the face mesh."""
