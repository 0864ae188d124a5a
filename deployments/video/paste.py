"""New mouths into pictures: resized to their box, blended by their mask, nothing else touched."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.media import FaceBox, MouthFrames, Pixels
from deployments.video.shots import Shot

OPAQUE = np.uint16(255)


def paste(shot: Shot, mouths: MouthFrames | None) -> Iterator[Pixels]:
    """Yield one (height, width, 3) frame for each picture of the shot; `mouths` are those of its `seen` pictures.

    Integers throughout: where the mask is 0 the picture stays bit-identical, where it is 255 the mouth does.
    """
    number = count()
    for picture, seen in zip(shot.pictures, shot.seen, strict=True):
        yield _pasted(picture, mouths, next(number)) if mouths and seen else picture


def _pasted(picture: Pixels, mouths: MouthFrames, i: int) -> Pixels:
    """The picture with mouth `i`; the box and the mask of a photo are those of all its frames."""
    box = mouths.boxes[i % len(mouths.boxes)]
    frame, mouth = picture.copy(), _resized(mouths.rgb[i], box)
    mask = _resized(mouths.masks[i % len(mouths.masks)], box)
    box.cut(frame)[:] = mouth if mask.min() == OPAQUE else _blended(box.cut(picture), mouth, mask[:, :, None])
    return frame


def _blended(under: Pixels, over: Pixels, mask: NDArray[np.uint8]) -> NDArray[np.uint16]:
    weight = mask.astype(np.uint16)
    below = under * (OPAQUE - weight) + np.uint16(127)  # 127 rounds the division; all fits 16 bits
    return (over * weight + below) // OPAQUE


def _resized(pixels: NDArray[np.uint8], box: FaceBox) -> NDArray[np.uint8]:
    """Bilinear, as in the published code."""
    if pixels.shape[:2] == (box.height, box.width):
        return pixels
    return np.asarray(cv2.resize(pixels, (box.width, box.height)), np.uint8)
