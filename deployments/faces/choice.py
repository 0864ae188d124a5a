"""The choice: which of a picture's faces speaks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from deployments.errors import InvalidRequest, NoFace
from deployments.footage import crop_edges
from deployments.media import Face, SourceOptions

T = TypeVar("T", float, NDArray[np.floating])

Point = tuple[float, float]
"""Across and down, in widths and heights of a picture: so it stays when the picture is scaled."""


@dataclass(frozen=True)
class Choice:
    """The face of number `index`, 0 being the largest, or the one at `point`; the largest where both are None."""

    index: int | None = None
    point: Point | None = None

    @classmethod
    def of(cls, options: SourceOptions, width: int, height: int) -> Choice:
        """Return the choice in a picture of that size (upright) when it is `shaped`.

        Raises `InvalidRequest` where the point lies beyond it, or the crop does.
        """
        if options.face_point is None:
            return cls(options.face_index)
        x, y = options.face_point
        if not (0 <= x < width and 0 <= y < height):
            raise InvalidRequest(
                f"The face_point {x}, {y} lies beyond the picture, which is {width} pixels wide and {height} high:"
                " send one within it.",
                {"face_point": [x, y], "width": width, "height": height},
            )
        return cls(point=_shaped(((x + 0.5) / width, (y + 0.5) / height), options, width, height))

    @property
    def of_all(self) -> bool:
        """Whether it may fall on a small face."""
        return self.index is not None or self.point is not None

    def turned(self, quarters: int) -> Choice:
        """Return the choice in the picture turned counter-clockwise by as many quarters."""
        return replace(self, point=self.point and turned(*self.point, quarters))

    def among(self, faces: Sequence[Face], width: int, height: int) -> Face:
        """Return the chosen one of the faces, largest first, of a picture of that size.

        Raises `NoFace` where there are not as many as its number says.
        """
        if self.point:
            x, y = self.point[0] * width, self.point[1] * height
            return min(faces, key=lambda face: _beside(face, x, y))
        index = self.index or 0
        if not 0 <= index < len(faces):
            raise NoFace(
                f"The picture has {len(faces)} face(s), counted from 0, largest first; ask for 0 to {len(faces) - 1}.",
                {"faces": len(faces), "face_index": index},
            )
        return faces[index]


def _shaped(point: Point, options: SourceOptions, width: int, height: int) -> Point:
    """Return where a point of a picture of that size is in what `shaped` makes of it."""
    width, height = max(1, width // options.resize_factor), max(1, height // options.resize_factor)
    if options.rotate:
        point, width, height = turned(*point, -1), height, width
    top, bottom, left, right = crop_edges(width, height, options)
    return (point[0] * width - left) / (right - left), (point[1] * height - top) / (bottom - top)


def turned(across: T, down: T, quarters: int) -> tuple[T, T]:
    """Return where shares of a picture's width and height lie once it is turned by quarters, counterclockwise."""
    for _ in range(quarters % 4):
        across, down = down, 1 - across
    return across, down


def _beside(face: Face, x: float, y: float) -> tuple[bool, float]:
    """Return whether the point lies outside the face's box, and how far it is from the box's middle."""
    box = face.box
    outside = not (box.left <= x < box.right and box.top <= y < box.bottom)
    return outside, math.hypot(x - (box.left + box.right) / 2, y - (box.top + box.bottom) / 2)
