"""English in words where the built-in voice would read signs and numbers wrong.

It reads most numbers, dates, times, money, units, titles and acronyms right by itself. The other voices speak through
servers that know their own languages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

Piece = tuple[str, str]

SIGNS = {
    ".": "dot", "/": "slash", "@": "at", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "+": "plus", "%": "percent", "~": "tilde",
}  # fmt: skip
"""What is said in web and mail addresses; other signs are not."""

UNITS = {"V": "volts", "W": "watts", "kW": "kilowatts", "s": "seconds", "h": "hours", "l": "liters"}

DOMAIN = r"(?<![\w.@-])(?:[\w-]+\.)+(?:com|org|net|edu|gov|info|io|ai|app|dev|eu|de|fr|es|uk|ca|au)\b"


def normalised(text: str, language: str) -> list[Piece]:
    """Return the text in pieces, each as it is said and as it is written; only English is said otherwise."""
    pieces = [(text, text)]
    if language.lower().startswith("en"):
        for pattern, reading in RULES:
            pieces = [part for piece in pieces for part in _read(pattern, reading, piece)]
    return pieces


def _read(pattern: re.Pattern[str], reading: Reading, piece: Piece) -> Iterator[Piece]:
    text, written = piece
    if text != written:
        yield piece
        return
    at = 0
    for match in pattern.finditer(text):
        yield text[at : match.start()], text[at : match.start()]
        yield match.expand(reading) if isinstance(reading, str) else reading(match), match[0]
        at = match.end()
    yield text[at:], text[at:]


def _address(match: re.Match[str]) -> str:
    address = re.sub(r"^\w+://", "", match[0]).rstrip("/").replace("www.", "w w w.")
    return " ".join(re.sub(r"[\W_]", lambda sign: f" {SIGNS.get(sign[0], '')} ", address).split())


def _one_by_one(match: re.Match[str]) -> str:
    """Say digits alone, with a pause between their groups."""
    groups = re.findall(r"\d+", match[0])
    return "plus " * match[0].startswith("+") + ", ".join(" ".join(group) for group in groups)


def _day(match: re.Match[str]) -> str:
    """Write a date as the voice expects it."""
    return f"{match['y']}-{int(match['m']):02}-{int(match['d']):02}"


Reading = str | Callable[[re.Match[str]], str]
"""A template, or what makes words of a match."""

RULES: tuple[tuple[re.Pattern[str], Reading], ...] = tuple(
    (re.compile(pattern), reading)
    for pattern, reading in (
        (rf"(?:https?://|\bwww\.)\S*[\w/]|(?<![\w.+-])[\w.+-]+@[\w.-]*\w|{DOMAIN}(?:/\S*[\w/])?", _address),
        (r"(?<![\w.-])(?:\+?\d{1,3}[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])", _one_by_one),
        (r"(?<!\w)\+\d[\d -]{6,}\d", _one_by_one),
        (r"\b(?P<d>0?[1-9]|[12]\d|3[01])\.(?P<m>0?[1-9]|1[0-2])\.(?P<y>\d{4})\b", _day),
        (r"\b(?P<y>\d{4})/(?P<m>0?[1-9]|1[0-2])/(?P<d>0?[1-9]|[12]\d|3[01])\b", _day),
        (r"(?<![\d.])\d+(?:\.\d+){2,}(?!\.?\d)", lambda match: match[0].replace(".", " dot ")),
        (r"(?<![\d,.])\d{1,3}(?:[\u00a0\u202f\u2009]\d{3})+(?!\d)", lambda match: re.sub(r"\s", ",", match[0])),
        (r"(?<![\d,.])\d{1,3}(?: \d{3}){2,}(?! ?\d)", lambda match: match[0].replace(" ", ",")),
        (r"(?<![\w.,:/-])0\d+(?![.,:/-]?\w)", _one_by_one),
        (r"(?<![\d.,])(\d+)[.,](\d\d?) ?([€£$])(?! ?\d)", lambda match: f"{match[3]}{match[1]}.{match[2]:0<2}"),
        (r"(?<![\d.,])(\d+(?:,\d{3})*) ?([€£¥$])(?! ?\d)", r"\2\1"),
        (r"(\d+(?:\.\d+)?) ?[-–] ?(\d+(?:\.\d+)?)(?= ?%)", r"\1 to \2"),
        (r"(\d+)['′] ?(\d{1,2})[\"″]", r"\1 foot \2"),
        (r"\b24/7\b", "twenty-four seven"),
        (r"[~≈] ?(?=\d)", "about "),
        (r"≥ ?", "at least "),
        (r"≤ ?", "at most "),
        (r"(?<!\S)> ?(?=\d)", "more than "),
        (r" ?‰", " per thousand"),
        (rf"(?<=\d )({'|'.join(UNITS)})(?![\w'])", lambda match: UNITS[match[0]]),
    )
)
