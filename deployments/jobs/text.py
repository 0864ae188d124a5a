"""What a text must be before a voice speaks it."""

from __future__ import annotations

import unicodedata

from deployments.errors import EmptyText, InvalidRequest, TextTooLong


def readable(text: str, max_chars: int) -> str:
    """Return `text` with plain line ends and no space around it.

    Raises `EmptyText`, `TextTooLong`, and `InvalidRequest` where it has control characters or half of a character.
    """
    text = "\n".join(text.replace("\t", " ").splitlines()).strip()
    if not text:
        raise EmptyText("The text is empty: write what the poster shall say.")
    if len(text) > max_chars:
        raise TextTooLong(
            f"The text has {len(text)} characters and the limit is {max_chars}: shorten it, or send it in parts.",
            {"chars": len(text), "max_chars": max_chars},
        )
    if bad := sorted(
        {f"U+{ord(char):04X}" for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cs")}
    ):
        raise InvalidRequest(f"The text has control characters ({', '.join(bad)}): take them out.", {"characters": bad})
    return text
