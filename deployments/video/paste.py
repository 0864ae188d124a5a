"""New mouths into a photo: resized to their box, blended by their mask, nothing else touched."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from deployments.media import MouthFrames, Photo, Pixels


def paste(photo: Photo, mouths: MouthFrames) -> Iterator[Pixels]:
    """Yield one (height, width, 3) frame for each mouth.

    Integers throughout: where the mask is 0 the photo stays bit-identical, where it is 255 the mouth does.
    """
    box = mouths.box
    mask = mouths.mask[:, :, None].astype(np.uint16)
    still = box.cut(photo.rgb) * (255 - mask) + np.uint16(127)  # 127 rounds the division; all fits 16 bits
    for mouth in mouths.rgb:
        frame = photo.rgb.copy()
        box.cut(frame)[:] = (_resized(mouth, box.width, box.height) * mask + still) // np.uint16(255)
        yield frame


def _resized(rgb: Pixels, width: int, height: int) -> Pixels:
    """Bilinear, as in the published code."""
    if rgb.shape[:2] == (height, width):
        return rgb
    return np.asarray(cv2.resize(rgb, (width, height)), np.uint8)
