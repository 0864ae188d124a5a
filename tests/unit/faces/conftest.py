"""Pictures made from the one real poster, and the finder, loaded once."""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from deployments.faces.finder import FaceFinder
from deployments.faces.search import FaceSearch
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


@pytest.fixture(scope="session")
def search() -> FaceSearch:
    return FaceSearch()


@pytest.fixture(scope="session")
def draw(poster_rgb: Pixels) -> Callable[..., Pixels]:
    def draw(*heads: tuple[float, float, float], width: int = 320, height: int = 240, grain: int = 0) -> Pixels:
        """Return a grainy picture with the poster's head for each middle x, middle y and width of a face."""
        chance = np.random.default_rng(grain)
        canvas = np.full((height, width, 3), 170, np.uint8)
        for x, y, face_width_px in heads:
            scale = face_width_px / 105
            place = np.array([[scale, 0, x - 225.5 * scale], [0, scale, y - 120 * scale]])
            head, left, top = poster_rgb[15:190, 140:310], 140, 15
            place[:, 2] += place[:, :2] @ (left, top)
            cv2.warpAffine(head, place, (width, height), canvas, borderMode=cv2.BORDER_TRANSPARENT)
        return np.clip(canvas + chance.normal(0, 3, canvas.shape), 0, 255).astype(np.uint8)

    return draw


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
