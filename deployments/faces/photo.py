"""Photos: the bytes of a JPEG, PNG or WebP file to upright RGB pixels."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from deployments.errors import ImageTooLarge, UnreadableImage
from deployments.media import Photo, Pixels

MAX_BYTES = 20_000_000
"""Above what phones and print shops send as one JPEG or PNG."""

MAX_PIXELS = 50_000_000
"""The largest common phone photo is 48 or 50 megapixels; decoded it takes 150 MB."""

_FORMATS = ("JPEG", "PNG", "WEBP")
_BROKEN = (OSError, EOFError, SyntaxError, ValueError, TypeError, IndexError, KeyError, struct.error, zlib.error)
"""What Pillow's readers raise on files that are cut short or damaged."""


def decode_photo(data: bytes, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Photo:
    """Return the first picture in `data`, upright (EXIF orientation applied), on white where transparent.

    The format is recognised by content. Raises `ImageTooLarge` from the header alone, before any pixel is
    decoded, and `UnreadableImage` where the bytes are no JPEG, PNG or WebP, or a broken one.
    """
    if len(data) > max_bytes:
        raise ImageTooLarge(
            f"The picture has {len(data)} bytes; send one of at most {max_bytes}.",
            {"bytes": len(data), "max_bytes": max_bytes},
        )
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _check_pixels(image, max_pixels)
            return Photo(_rgb(ImageOps.exif_transpose(image)))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(max_pixels, {}) from error
    except UnidentifiedImageError as error:
        raise UnreadableImage(
            "This is no picture or clip that can be read; send a JPEG, PNG or WebP file, or an MP4, MOV or WebM."
        ) from error
    except _BROKEN as error:
        raise UnreadableImage("The picture is damaged or cut short; send the complete file again.") from error


def content_type(data: bytes) -> str:
    """Return the media type of bytes that `decode_photo` reads."""
    if data.startswith(b"\x89PNG"):
        return "image/png"
    return "image/webp" if data.startswith(b"RIFF") else "image/jpeg"


def _check_pixels(image: Image.Image, max_pixels: int) -> None:
    if image.width * image.height > max_pixels:
        raise _too_many_pixels(max_pixels, {"width": image.width, "height": image.height})


def _too_many_pixels(max_pixels: int, size: dict[str, int]) -> ImageTooLarge:
    return ImageTooLarge(
        f"The picture has too many pixels; scale it down to at most {max_pixels} (width times height).",
        {**size, "max_pixels": max_pixels},
    )


def _rgb(image: Image.Image) -> Pixels:
    """Return (height, width, 3) uint8 of a picture in any of Pillow's modes."""
    if image.mode.startswith("I"):  # 16-bit gray, which convert() would clip at 255
        gray = (np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8)
        return np.repeat(gray[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        image = Image.new("RGBA", layers.size, "white")
        image.alpha_composite(layers)
    return np.array(image.convert("RGB"))
