"""The light in a picture and its range of colours: what is drawn into it must have both."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.area import FACE_OVAL, WorkArea
from deployments.lipsync.preview.pictures import filled
from deployments.media import Pixels

Image = NDArray[np.float32]

SKIN = (50, 280, 205, 425, 199, 175)
SKIN_PATCH = 0.05
"""Landmarks around which skin is seen, and how far, in W."""
AROUND_MOUTH = (205, 214, 210, 211, 32, 208, 199, 428, 262, 431, 430, 434, 425, 327, 2, 98)
BRIGHT_PERCENTILE, TOOTH_BRIGHT = 90, 0.97
"""A tooth in full light is this share as bright as the brightest tenth of the face around the mouth."""
TOOTH = np.array([1.06, 0.99, 0.91], np.float32)
SKIN_IN_WHITE = np.array([1.24, 0.95, 0.81], np.float32)
"""Colours in white light, about, with a mean of 1: of a tooth, and of skin of any depth."""
TINTED, MIRRORED = 0.7, 0.4
"""How much of the skin's deviation from that is the light's doing, and how much of its colour teeth take on."""
MOST_SLOPE = 0.3
"""Most that the light changes from the middle of a mouth to its sides, as a share."""
ONE_INK, ONE_INK_PERCENTILE = 6.0, 95
"""A face whose colours follow from their lightness this closely, in levels, is monochrome: a print, or stone."""


@dataclass(frozen=True, eq=False)
class Light:
    """How the picture lights and colours what is in a mouth.

    `tooth` is a tooth's colour in full light, (3,); `slope` is how much brighter the light is one pixel further to the
    right, as a share; `tones` are a monochrome face's own colours by lightness, (256, 3), or None.
    """

    tooth: Image
    slope: float
    tones: Image | None

    def across(self, x: Image, middle: float) -> Image:
        """Return the light at each x (w,), 1 in the middle of the mouth."""
        light: Image = (1 + np.clip(self.slope * (x - middle), -MOST_SLOPE, MOST_SLOPE)).astype(np.float32)
        return light

    def toned(self, colours: Image) -> Image:
        """Return colours (..., 3) as this picture can show them: a black-and-white photo has no ivory in it."""
        if self.tones is None:
            return colours
        toned: Image = self.tones[np.clip(colours.mean(axis=-1), 0, 255).astype(np.intp)]
        return toned


def light_in(area: WorkArea) -> Light:
    """Return the light in a face's picture."""
    face = area.picture[filled(area.picture.shape, area.points[list(FACE_OVAL)]) > 0].astype(np.float32)
    patches = np.array([skin_around(area, landmark).mean(axis=(0, 1)) for landmark in SKIN], np.float32) + 1
    skin = np.median(patches, axis=0)
    skin /= skin.mean()
    tooth = (1 - MIRRORED) * TOOTH * (skin / SKIN_IN_WHITE) ** TINTED + MIRRORED * skin
    around = area.picture[filled(area.picture.shape, area.points[list(AROUND_MOUTH)]) > 0]
    bright = np.percentile((around if len(around) else patches).mean(axis=-1), BRIGHT_PERCENTILE)
    tooth = np.minimum(tooth * (TOOTH_BRIGHT * bright / tooth.mean()), 250).astype(np.float32)
    return Light(tooth, _slope(area.points[list(SKIN), 0], patches.mean(axis=1)), _tones(face))


def skin_around(area: WorkArea, landmark: int) -> Pixels:
    """Return the skin around a landmark, (h, w, 3), of a pixel at least."""
    reach = int(SKIN_PATCH * area.unit)
    limits = area.picture.shape[1] - 1, area.picture.shape[0] - 1
    x, y = np.clip(area.points[landmark].astype(int), 0, limits).tolist()
    return area.picture[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]


def _slope(x: NDArray[np.float64], luma: Image) -> float:
    """Return how much brighter skin is one pixel further to the right, as a share of its mean."""
    away = x - x.mean()
    return float(away @ (luma / luma.mean()) / max(float(away @ away), 1.0))


def _tones(face: Image) -> Image | None:
    """Return a monochrome face's colours by lightness, (256, 3), None for pixels (n, 3) in colour."""
    lightness = np.rint(face.mean(axis=-1)).astype(np.intp)
    counts = np.bincount(lightness, minlength=256)
    known = np.flatnonzero(counts)
    if not len(known):
        return None
    sums = [np.bincount(lightness, channel, minlength=256) for channel in face.T]
    tones = np.stack([np.interp(np.arange(256), known, each[known] / counts[known]) for each in sums], axis=1)
    strays = np.abs(face - tones[lightness]).max(axis=-1)
    return tones.astype(np.float32) if np.percentile(strays, ONE_INK_PERCENTILE) < ONE_INK else None
