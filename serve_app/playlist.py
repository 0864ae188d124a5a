"""HLS playlists as they are served: the names in them become links."""

import re

_MAP = re.compile(r'(?<=^#EXT-X-MAP:URI=")[^"]+', re.MULTILINE)
_SEGMENT = re.compile(r"^[^#\s].*$", re.MULTILINE)


def linked(playlist: str, folder: str, query: str = "") -> str:
    """The playlist with `folder/` before every URI in it and `?query` after, where one is given.

    Relative URIs do not inherit the playlist's own query, so what a signed URL needs must be said again (RFC 3986 5.2).
    """
    suffix = f"?{query}" if query else ""

    def link(name: re.Match[str]) -> str:
        return f"{folder}/{name[0]}{suffix}"

    return _SEGMENT.sub(link, _MAP.sub(link, playlist))
