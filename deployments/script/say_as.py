"""What SSML's `say-as` means, as words that any voice reads so (https://www.w3.org/TR/ssml-sayas)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from num2words import num2words

from deployments.voices import primary

DATES = {"ymd": "", "mdy": "", "dmy": "", "md": "MMMMd", "dm": "MMMMd", "ym": "yMMMM", "my": "yMMMM", "y": "y"}
"""The orders of year, month and day that are read, and CLDR's skeleton of those that are no whole date."""

TIME = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?: ?[ap]\.?m\.?)?", re.IGNORECASE)
NUMBER = re.compile(r"-?\d{1,3}(?:[ ,.']\d{3}){1,3}|-?\d{1,12}")


def said_as(kind: str, text: str, form: str | None, language: str) -> str:
    """Return the words for `text` taken as that kind of thing; `form` is the order of a date.

    Raises `ValueError` with what to do where the text is no such thing, or the kind is unknown.
    """
    if kind == "date":
        return _dated(text, form, language)
    if kind not in KINDS:
        raise ValueError(f"interpret-as {kind!r} is not supported: choose date, {', '.join(KINDS)}.")
    if form is not None:
        raise ValueError(f"interpret-as {kind!r} takes no format.")
    return KINDS[kind](text, language)


def _spelled(text: str, language: str) -> str:
    """One sign after the other: with commas, else an A were an article."""
    return ", ".join(_digit(sign, language) for sign in text if not sign.isspace())


def _digits(text: str, language: str) -> str:
    """Digits without pauses, other signs as they are."""
    return " ".join(_digit(sign, language) for sign in text if not sign.isspace())


def _digit(sign: str, language: str) -> str:
    return _in_words(int(sign), "cardinal", language) or sign if sign.isdecimal() else sign.upper()


def _cardinal(text: str, language: str) -> str:
    number = _number(text)
    return _in_words(number, "cardinal", language) or str(number)


def _ordinal(text: str, language: str) -> str:
    words = _in_words(_number(re.sub(r"(?<=\d)(?:st|nd|rd|th|\.|º|ª)$", "", text)), "ordinal", language)
    if not words:
        raise ValueError(f"there is no such ordinal in the language {language!r}: write it in words.")
    return words


def _in_words(number: int, to: str, language: str) -> str | None:
    """Return the number in words, None where the language's are not known or do not reach so far."""
    if language.startswith("am"):  # num2words 0.5.14 never comes back from 123456789 in Amharic
        return None
    try:
        return str(num2words(number, lang=num2words_language(language), to=to))
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError):  # each language ends in its own way
        return None


def num2words_language(language: str) -> str:
    """Return a language as num2words names it."""
    return "no" if primary(language) == "no" else language.replace("-", "_")


def _number(text: str) -> int:
    if not NUMBER.fullmatch(text):
        raise ValueError("it is no whole number of at most 12 digits.")
    return int(re.sub(r"[ ,.']", "", text))


def _timed(text: str, _: str) -> str:
    if not TIME.fullmatch(text):
        raise ValueError("it is no time such as 10:30, 22:15:30 or 10:30 pm.")
    return text


def _telephone(text: str, language: str) -> str:
    groups = re.findall(r"\+|\d+", text)
    if not groups or re.search(r"[^\d+() ./-]", text):
        raise ValueError("it is no telephone number of digits, blanks and the signs + ( ) - . /")
    plus = "plus" if language.startswith("en") else "+"
    spoken = (plus if group == "+" else f"{_digits(group, language)}," for group in groups)
    return " ".join(spoken).rstrip(",")


def _dated(text: str, form: str | None, language: str) -> str:
    form = form or ("ymd" if re.match(r"\d{4}\D", text) else "")
    parts = re.findall(r"\d+", text)
    if form not in DATES:
        raise ValueError(f"say the order of the date in a format: one of {', '.join(DATES)}.")
    known = dict(zip(form, parts, strict=False))
    if len(parts) != len(form) or re.search(r"[^\d./ -]", text) or len(known.get("y", "2000")) != 4:
        raise ValueError(f"it is no {form!r} of digits with a year of four, as 2026-11-23 is a 'ymd'.")
    try:
        day = date(int(known.get("y", 2000)), int(known.get("m", 1)), int(known.get("d", 1)))
    except (ValueError, OverflowError):
        raise ValueError(f"there is no such day in the order {form!r}.") from None
    try:
        locale = Locale.parse(language, sep="-")
    except UnknownLocaleError:
        raise ValueError(f"there are no dates for the language {language!r}: write it in words.") from None
    return format_skeleton(DATES[form], day, locale=locale) if DATES[form] else format_date(day, "long", locale)


KINDS: dict[str, Callable[[str, str], str]] = {
    "characters": _spelled,
    "spell-out": _spelled,
    "digits": _digits,
    "cardinal": _cardinal,
    "ordinal": _ordinal,
    "time": _timed,
    "telephone": _telephone,
}
