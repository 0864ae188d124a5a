"""What schemathesis cannot make up: pictures with a face. Loaded by it, as schemathesis.toml says."""

import io

import schemathesis
from hypothesis import strategies as st
from PIL import Image

from cluster.testbed.service import ROOT

SIDE_PX = 256


def _face() -> bytes:
    picture = Image.open(ROOT / "serve_app" / "samples" / "astronaut.png").convert("RGB")
    picture.thumbnail((SIDE_PX, SIDE_PX))
    out = io.BytesIO()
    picture.save(out, "JPEG")
    return out.getvalue()


schemathesis.openapi.media_type("image/jpeg", st.just(_face()) | st.binary())
