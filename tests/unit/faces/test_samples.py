import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[3]
SAMPLES = ROOT / "serve_app" / "samples"

# Mesh index -> where scripts/draw-portrait draws that point of the lips.
DRAWN = {61: (305, 560), 78: (307, 561), 291: (415, 560), 308: (413, 561), 0: (360, 554), 17: (360, 591)}


def pixels(png: bytes):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def test_the_script_draws_the_shipped_portrait(tmp_path):
    drawn = tmp_path / "portrait.png"

    subprocess.run([sys.executable, ROOT / "scripts" / "draw-portrait", drawn], check=True, timeout=120)

    assert np.abs(pixels(drawn.read_bytes()) - pixels((SAMPLES / "illustration.png").read_bytes())).max() <= 1


def test_the_portrait_has_one_face_with_the_mesh_on_its_drawn_lips(finder):
    data = (SAMPLES / "illustration.png").read_bytes()

    track = finder.track(data)

    assert len(finder.inspect(data)["faces"]) == 1
    assert track.face.confidence > 0.9
    landmarks = track.face.landmarks[:, :2]
    for index, at in DRAWN.items():
        assert np.hypot(*(landmarks[index] - at)) < 8, index
    for lip in (13, 14):
        assert np.hypot(*(landmarks[lip] - (360, 569.5))) < 5
    assert landmarks[291, 0] - landmarks[61, 0] > 90


@pytest.mark.parametrize("name", ["astronaut.png", "illustration.png"])
def test_every_sample_fits_a_video(finder, name):
    photo = finder.track((SAMPLES / name).read_bytes()).photo

    assert max(photo.width, photo.height) <= 1280
    assert photo.width % 2 == photo.height % 2 == 0
