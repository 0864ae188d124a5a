"""One face made ready to speak: set up once, then a picture for each frame's features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from deployments.lipsync.preview.area import part
from deployments.lipsync.preview.channels import CHANNELS
from deployments.lipsync.preview.eyelids import Eyelids
from deployments.lipsync.preview.mouth import Mouth
from deployments.lipsync.preview.sway import Sway
from deployments.media import FaceBox, FaceCrop, Pixels


class Portrait:
    """A face ready to speak. Immutable after set-up, so that threads may share it.

    `box` is the photo pixels that its frames cover; at its rim they are always the photo's own.
    """

    def __init__(self, crop: FaceCrop) -> None:
        self._mouth, self._eyelids, self._sway = Mouth(crop), Eyelids(crop), Sway(crop)
        self.box = _around(self._mouth.box, self._eyelids.box, self._sway.box)
        self._photo = part(crop.rgb, crop.area, self.box).copy()

    def frame(self, features: NDArray[np.float32]) -> Pixels:
        """Return the picture under `box` for one frame's features: CHANNELS and, if it lives, LIFE."""
        mouth, life = features[: len(CHANNELS)], features[len(CHANNELS) :]
        head = self._photo.copy()
        self._mouth.onto(head, self.box, mouth)
        if not len(life):
            return head
        turn, nod, tilt, blink = life.tolist()
        self._eyelids.onto(head, self.box, blink)
        self._sway.onto(head, self.box, turn, nod, tilt)
        return head


def _around(*boxes: FaceBox) -> FaceBox:
    """Return the smallest box around some."""
    return FaceBox(
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )
