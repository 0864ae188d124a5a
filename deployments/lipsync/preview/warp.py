"""Fields of motion: thin-plate splines through moving points, evaluated on a grid and turned backwards."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.pictures import looked_up

Points = NDArray[np.float64]
Field = NDArray[np.float32]

REGULARISATION = 1e-3
INVERSE_PASSES, DAMPING = 6, 0.7


def grid_centres(width: int, height: int, step: int) -> Field:
    """Return the centres of a grid's cells in pixels, (rows, columns, 2): what `upsampled` takes them to be."""
    x = np.arange(width // step) * step + (step - 1) / 2
    y = np.arange(height // step) * step + (step - 1) / 2
    return np.stack(np.meshgrid(x, y), axis=-1).astype(np.float32)


def spline_matrix(controls: Points, places: Points, unit: float) -> Field:
    """Return the (places, controls) matrix that turns displacements of `controls` into those of `places`.

    Thin-plate splines (Bookstein 1989), regularised; (n, 2) points in pixels, made small by `unit`.
    """
    count = len(controls)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(controls, controls, unit) + REGULARISATION * np.eye(count)
    system[:count, count:] = _plane(controls, unit)
    system[count:, :count] = system[:count, count:].T
    weights = np.linalg.inv(system)[:, :count].astype(np.float32)
    basis = np.hstack([_kernel(places, controls, unit), _plane(places, unit)]).astype(np.float32)
    matrix: Field = basis @ weights
    return matrix


def _kernel(a: Points, b: Points, unit: float) -> NDArray[np.float64]:
    squared = ((a[:, None] - b[None]) ** 2).sum(axis=-1) / unit**2
    bent: NDArray[np.float64] = squared * np.log(squared + 1e-12)
    return bent


def _plane(points: Points, unit: float) -> NDArray[np.float64]:
    return np.hstack([np.ones((len(points), 1)), points / unit])


def backwards(forward: Field, centres: Field, step: int) -> Field:
    """Return where each cell's picture comes from, as displacements (rows, columns, 2), for a forward field.

    A damped fixed point: undamped it diverges where a lip doubles in thickness.
    """
    forward = forward / np.float32(step)
    cells = (centres - np.float32((step - 1) / 2)) / np.float32(step)
    back = -forward
    for _ in range(INVERSE_PASSES):
        back = np.float32(1 - DAMPING) * back - np.float32(DAMPING) * looked_up(forward, cells + back)
    return np.float32(step) * back


def upsampled(field: Field, step: int) -> Field:
    """Return a grid's values at every pixel."""
    rows, columns = field.shape[:2]
    size = (columns * step, rows * step)
    return cv2.resize(field, size, interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)


def smoothstep(value: NDArray[np.floating]) -> Field:
    """Return 0 below 0, 1 above 1, and a smooth rise between."""
    inside = np.clip(value, 0, 1)
    step: Field = (inside * inside * (3 - 2 * inside)).astype(np.float32, copy=False)
    return step
