"""Pictures made from the one real poster, and the finder, loaded once."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from deployments.faces.finder import FaceFinder
from deployments.media import Pixels

POSTER = Path(__file__).parents[2] / "assets" / "poster.png"


@pytest.fixture(scope="session")
def poster_png() -> bytes:
    return POSTER.read_bytes()


@pytest.fixture(scope="session")
def poster_rgb() -> Pixels:
    return np.array(Image.open(POSTER).convert("RGB"))


@pytest.fixture(scope="session")
def finder() -> FaceFinder:
    return FaceFinder()


@pytest.fixture
def encode() -> Callable[..., bytes]:
    def encode(rgb: Pixels | Image.Image, file_format: str = "PNG", **options: object) -> bytes:
        file = io.BytesIO()
        image = rgb if isinstance(rgb, Image.Image) else Image.fromarray(rgb)
        image.save(file, file_format, **options)
        return file.getvalue()

    return encode


@pytest.fixture
def paste_head(poster_rgb: Pixels) -> Callable[..., None]:
    def paste_head(canvas: Pixels, left: int, top: int, face_width_px: int) -> None:
        """Put the poster's head on `canvas`; its face box is 105 px wide in the poster."""
        head = poster_rgb[15:190, 140:310]
        scale = face_width_px / 105
        head = cv2.resize(head, (round(170 * scale), round(175 * scale)), interpolation=cv2.INTER_AREA)
        canvas[top : top + head.shape[0], left : left + head.shape[1]] = head

    return paste_head
