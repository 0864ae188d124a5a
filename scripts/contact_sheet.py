"""A contact sheet: each sample poster at rest and at the sounds of one sentence, as frames of the decoded MP4."""

import argparse
import asyncio
import io
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from deployments.faces.finder import FaceFinder
from deployments.lipsync.preview.engine import PreviewEngine
from deployments.media import FaceTrack, MouthFrames, Passage, Pixels, Speech
from deployments.speech.hibari import HibariEngine
from deployments.video.encode import Encoding
from deployments.video.render import Renderer, finished
from deployments.video.shots import PhotoShots, Shot

SAMPLES = Path(__file__).resolve().parent.parent / "serve_app" / "samples"
TEXT = "My father is very old, so he sees the blue moon above."
SOUNDS = {"A": ("ɑ", "ɑː"), "E": ("ɛ",), "I": ("i", "iː"), "O": ("oʊ",), "U": ("u", "uː"), "M": ("m",), "F": ("f",)}
FPS = 25.0
TILE_PX = 220


def decoded_frames(track: FaceTrack, speech: Speech) -> list[Pixels]:
    """The frames of the finished MP4."""
    engine = PreviewEngine()
    drive = engine.drive(speech, FPS)

    shots = PhotoShots(track)

    async def talking() -> AsyncIterator[tuple[Shot, MouthFrames]]:
        for first in range(0, drive.frames, 16):
            chunk = drive.chunk(first, first + 16)
            yield shots.take(chunk.frames), engine.animate(track.crop, chunk)

    kept = io.BytesIO()
    size = shots.width, shots.height
    rendered = Renderer(Encoding()).render(size, speech.waveform, FPS, talking(), lambda file: kept.write(file.read()))
    asyncio.run(finished(rendered))
    with av.open(io.BytesIO(kept.getvalue())) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def moments(speech: Speech) -> Iterator[tuple[str, int]]:
    """A label and a frame number: rest, then the first of each sound."""
    yield "rest", 0
    for label, symbols in SOUNDS.items():
        middle_s = next((p.start_s + p.end_s) / 2 for p in speech.phonemes if p.symbol in symbols)
        yield label, round(middle_s * FPS)


def row(path: Path, speech: Speech) -> Pixels:
    """One poster's tiles side by side."""
    track = FaceFinder().track(path.read_bytes())
    frames = decoded_frames(track, speech)
    box = track.crop.box.padded(*[track.crop.box.width // 5] * 4).within(track.photo.width, track.photo.height)
    tiles = []
    for label, number in moments(speech):
        tile = cv2.resize(
            box.cut(frames[number]), (TILE_PX, TILE_PX * box.height // box.width), interpolation=cv2.INTER_CUBIC
        )
        cv2.putText(tile, label, (8, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (255, 255, 255), 4, cv2.LINE_AA)
        cv2.putText(tile, label, (8, 26), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (20, 20, 20), 1, cv2.LINE_AA)
        tiles.append(tile)
    return np.hstack(tiles)


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(prog="scripts/contact-sheet", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/contact-sheet.png"))
    out = parser.parse_args().out
    speech = HibariEngine().speak(Passage(TEXT, TEXT))
    sheet = np.vstack([row(path, speech) for path in sorted(SAMPLES.glob("*.png"))])
    cv2.imwrite(str(out), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    print(out)


if __name__ == "__main__":
    main()
