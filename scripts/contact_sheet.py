"""A contact sheet of each poster: at rest and at the sounds of one sentence, as frames of the decoded MP4."""

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
from deployments.media import FaceBox, FaceTrack, MouthFrames, Passage, Pixels, Speech
from deployments.speech.hibari import HibariEngine
from deployments.video.encode import Encoding
from deployments.video.render import Renderer, finished
from deployments.video.shots import PhotoShots, Shot

HERE = Path(__file__).resolve().parent.parent
POSTERS = [*(HERE / "serve_app" / "samples").glob("*.png"), *(HERE / "tests" / "assets" / "posters").glob("*.jpg")]
TEXT = "My father is very old, so he sees the blue moon above."
VOWELS = {"A": ("ɑ", "ɑː"), "E": ("ɛ",), "I": ("i", "iː"), "O": ("oʊ",), "U": ("u", "uː")}
SOUNDS = VOWELS | {"M": ("m",), "F": ("f",), "L": ("l",)}
FPS = 25.0
COLUMNS, TILE_PX = 3, 300
MARGIN = 0.1
"""How much more than the face a tile shows, as a share of its size."""


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
    """A label and a frame number: rest, then the middle of the longest of each sound."""
    yield "rest", 0
    for label, symbols in SOUNDS.items():
        longest = max((p for p in speech.phonemes if p.symbol in symbols), key=lambda p: p.end_s - p.start_s)
        yield label, int((longest.start_s + longest.end_s) / 2 * FPS)


def seen(track: FaceTrack) -> FaceBox:
    """What tiles show: the face and a little around it."""
    points = track.face.landmarks[:, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    margin = MARGIN * (high - low)
    edges = [*np.floor(low - margin).astype(int).tolist(), *np.ceil(high + margin).astype(int).tolist()]
    return FaceBox(*edges).within(track.photo.width, track.photo.height)


def write(label: str, tile: Pixels) -> None:
    """Write a label into the corner, dark with a light rim."""
    for x, y, shade in (*((x, y, 255) for x in (7, 9) for y in (27, 29)), (8, 28, 20)):
        cv2.putText(tile, label, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (shade,) * 3, 1, cv2.LINE_AA)


def sheet(poster: Path, speech: Speech) -> Pixels:
    """One poster's tiles in rows."""
    track = FaceFinder().track(poster.read_bytes())
    frames = decoded_frames(track, speech)
    box = seen(track)
    size = TILE_PX, TILE_PX * box.height // box.width
    smooth = cv2.INTER_CUBIC if box.width < TILE_PX else cv2.INTER_AREA
    tiles = []
    for label, number in moments(speech):
        tile = cv2.resize(box.cut(frames[number]), size, interpolation=smooth)
        write(label, tile)
        tiles.append(tile)
    return np.vstack([np.hstack(tiles[first : first + COLUMNS]) for first in range(0, len(tiles), COLUMNS)])


def main() -> None:
    """Draw the sheets."""
    parser = argparse.ArgumentParser(prog="scripts/contact-sheet", description=__doc__)
    parser.add_argument("posters", nargs="*", type=Path, default=POSTERS, help="pictures (all that are shipped)")
    parser.add_argument("--out", type=Path, default=HERE / "docs" / "contact-sheets", help="where sheets are written")
    parser.add_argument("--relative-to", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder, posters = options.relative_to / options.out, [options.relative_to / path for path in options.posters]
    folder.mkdir(parents=True, exist_ok=True)
    speech = HibariEngine().speak(Passage(TEXT, TEXT))
    for poster in sorted(posters, key=lambda path: path.stem):
        out = folder / f"{poster.stem}.jpg"
        cv2.imwrite(str(out), cv2.cvtColor(sheet(poster, speech), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])
        print(out)


if __name__ == "__main__":
    main()
