"""Faces: the bytes of a picture to an upright photo and the face in it that will speak."""
