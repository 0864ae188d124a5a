"""Byte ranges of RFC 9110 section 14: what players ask for when they seek."""

import re
from dataclasses import dataclass

from deployments.errors import TalkingPhotoError

_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


@dataclass(frozen=True)
class ByteRange:
    """The bytes [start, stop) of a whole."""

    start: int
    stop: int


class RangeUnsatisfiable(TalkingPhotoError):
    """The range lies outside the content."""

    code = "range_not_satisfiable"
    http_status = 416


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """Return the range asked for, or None for all of it.

    A header that is no single byte range is ignored, as the RFC allows. Raises `RangeUnsatisfiable`.
    """
    match = _ONE_RANGE.fullmatch(header.strip()) if header else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:  # the last N bytes
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < int(first):
            return None
    if start >= size or start >= stop:
        raise RangeUnsatisfiable(f"The content has {size} bytes: ask for some of them.")
    return ByteRange(start, stop)
