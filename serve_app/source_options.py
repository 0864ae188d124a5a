"""The published code's options as form fields."""

from typing import Annotated

from fastapi import Form

from deployments.errors import InvalidRequest
from deployments.media import Edges, Extend, SourceOptions

FOUR = r"^\s*-?\d{1,5}([\s,]+-?\d{1,5}){3}\s*$"
"""Four whole numbers, between commas or blanks as on the published command line."""

EdgesField = Annotated[str | None, Form(pattern=FOUR, examples=["0 10 0 0"])]


def source_options(
    pads: Annotated[EdgesField, Form(description="Pixels around the face found: top bottom left right.")] = None,
    box: Annotated[EdgesField, Form(description="The face, not searched for: top bottom left right.")] = None,
    crop: Annotated[EdgesField, Form(description="What is used: top bottom left right, -1 is the edge.")] = None,
    rotate: Annotated[bool, Form(description="Turn clockwise by a quarter.")] = False,
    resize_factor: Annotated[int, Form(ge=1, le=16, description="Divide width and height by this first.")] = 1,
    fps: Annotated[float | None, Form(ge=10, le=60, description="Frames a second; a clip's own if not given.")] = None,
    nosmooth: Annotated[bool, Form(description="Take each frame's face box as it was found.")] = False,
    static: Annotated[bool, Form(description="Take a clip's first frame as a photo.")] = False,
    extend: Annotated[Extend, Form(description="What a clip does when the sound is longer.")] = "loop",
    face_index: Annotated[int | None, Form(ge=0, description="0 is the largest face, the default.")] = None,
) -> SourceOptions:
    """Read the fields. Raises `InvalidRequest` where a rectangle is empty."""
    given = {"pads": pads, "box": box, "crop": crop}
    edges = {name: _edges(name, text) for name, text in given.items() if text is not None}
    return SourceOptions(
        **edges,
        rotate=rotate,
        resize_factor=resize_factor,
        fps=fps,
        nosmooth=nosmooth,
        static=static,
        extend=extend,
        face_index=face_index,
    )


def _edges(name: str, text: str) -> Edges:
    top, bottom, left, right = (int(edge) for edge in text.replace(",", " ").split())
    if name == "box" and not (0 <= top < bottom and 0 <= left < right):
        raise InvalidRequest(f"'box' is top bottom left right, not {text!r}: nothing lies in it.", {"param": name})
    return top, bottom, left, right
