"""What the boxes of a clip or a sound file say, read before FFmpeg reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Pictures in the same boxes as an MP4: HEIC and AVIF.
PICTURE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")

# What a MOV from before there was an `ftyp` box may start with.
QUICKTIME_BOXES = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")

# Where an MP4 says how many samples it has, or how often it uses them, in fewer bytes than they are.
TABLES = re.compile(rb"(?:stsz.{8}|trun.{4})(?P<samples>.{4})|elst.{4}(?P<edits>.{4})", re.DOTALL)


def clip_type(data: bytes) -> str | None:
    """Return the media type of an MP4, MOV or WebM by its first bytes, or None where it is none of them."""
    box, brand = data[4:8], data[8:12]
    if box == b"ftyp" and brand not in PICTURE_BRANDS:
        return "video/quicktime" if brand == b"qt  " else "video/mp4"
    if box in QUICKTIME_BOXES:
        return "video/quicktime"
    is_webm = data.startswith(b"\x1a\x45\xdf\xa3") and b"webm" in data[:64]  # an EBML header, and its DocType
    return "video/webm" if is_webm else None


def overstated(data: bytes) -> bool:
    """Whether an MP4 names more samples than it can have: FFmpeg makes room for each, gigabytes for a kilobyte."""
    samples, edits = 0, 1
    for box in _boxes(data):
        for table in TABLES.finditer(box):
            samples += int.from_bytes(table["samples"] or b"")
            edits = max(edits, int.from_bytes(table["edits"] or b""))
    return samples * edits > 2 * len(data)  # a sample takes two bytes, in PCM, and an edit rarely shows one again


def _boxes(data: bytes) -> Iterator[bytes]:
    """Yield the outer boxes of an MP4 but for those of its media."""
    start = 0
    while header := data[start : start + 16]:
        size = int.from_bytes(header[:4])
        size = int.from_bytes(header[8:]) if size == 1 else size or len(data)  # 0 is up to the end
        if header[4:8] != b"mdat":
            yield data[start : start + size]
        start += max(size, 8)
