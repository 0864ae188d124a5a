"""OpenCV's picture operations as they are used here, typed to return what they are given."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = TypeVar("Picture", bound=NDArray[Any])

_NO_SECOND_MAP: Any = None  # OpenCV's way to say that `where` holds x and y; its types do not know it


def looked_up(picture: Picture, where: NDArray[np.float32], between: int = cv2.INTER_LINEAR) -> Picture:
    """Return the picture at the places (h, w, 2) given as x and y, its rim beyond it; `between` pixels linearly."""
    edge = cv2.BORDER_REPLICATE
    return cast("Picture", cv2.remap(picture, where, _NO_SECOND_MAP, between, borderMode=edge))


def places(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float32]:
    """Return x and y, broadcast against each other, as places to look up."""
    return np.stack(np.broadcast_arrays(x, y), axis=-1).astype(np.float32)


def blurred(picture: Picture, sigma: float) -> Picture:
    """Return the picture under a Gaussian."""
    return cast("Picture", cv2.GaussianBlur(picture, (0, 0), sigma))


def moved(picture: Picture, matrix: NDArray[np.float64], size: tuple[int, int]) -> Picture:
    """Return the picture moved by an affine (2, 3) matrix onto a canvas (width, height) that is 0 elsewhere."""
    return cast("Picture", cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR))


def filled(shape: tuple[int, ...], outline: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return 255 inside a polygon of (n, 2) points and 0 elsewhere, (h, w)."""
    canvas = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(canvas, [outline.round().astype(np.int32)], 255)
    return canvas
