"""The part of SSML 1.1 that is done here (https://www.w3.org/TR/speech-synthesis11): the rest is refused by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from math import log2

from deployments.script.markup import Element, parse, refused
from deployments.script.say_as import said_as
from deployments.script.stretch import MAX_PITCH, MAX_SPEED, MIN_SPEED, Stretch
from deployments.voices import UNKNOWN, primary

NAMESPACE = "http://www.w3.org/2001/10/synthesis"
LANG = "http://www.w3.org/XML/1998/namespace lang"
SCHEMA = "http://www.w3.org/2001/XMLSchema-instance schemaLocation"

ATTRIBUTES = {
    "speak": {"version", LANG, SCHEMA},
    "p": {LANG},
    "s": {LANG},
    "break": {"time", "strength"},
    "prosody": {"rate", "pitch"},
    "say-as": {"interpret-as", "format"},
    "sub": {"alias"},
}

# Names have no amounts in the standard: these are Azure's, as are those of the rates and pitches.
STRENGTHS_S = {"none": 0.0, "x-weak": 0.25, "weak": 0.5, "medium": 0.75, "strong": 1.0, "x-strong": 1.25}
RATES = {"x-slow": 0.5, "slow": 0.64, "medium": 1.0, "default": 1.0, "fast": 1.55, "x-fast": 2.0}
PITCHES = {"x-low": 0.55, "low": 0.8, "medium": 1.0, "default": 1.0, "high": 1.2, "x-high": 1.45}

MAX_BREAK_S = 10.0
MAX_BREAKS_S = 60.0
MAX_CHARS = 100_000

TIME = re.compile(r"\+?(\d{1,6}(?:\.\d{1,6})?|\.\d{1,6})(ms|s)")
PERCENT = re.compile(r"([+-]?)(\d{1,4}(?:\.\d{1,6})?)%")
SEMITONES = re.compile(r"([+-]\d{1,2}(?:\.\d{1,6})?)st")


def stretches(source: str, language: str, speed: float = 1.0, pitch: float = 0.0) -> Iterator[Stretch]:
    """Yield what a document says, in stretches of one speed and pitch; those without words are pauses and paragraphs.

    `language` is the voice's. Raises `InvalidScript` with the line of what is wrong or not done here.
    """
    if len(source) > MAX_CHARS:
        raise refused(f"the document has {len(source)} characters; the limit is {MAX_CHARS}.", 1)
    root = parse(source, NAMESPACE)
    if root.name != "speak":
        raise root.refuse(f"the document is a <speak>, not a <{root.name}>.")
    said = [*_said(root, Stretch((), speed, pitch), language)]
    if sum(stretch.pause_s for stretch in said) > MAX_BREAKS_S:
        raise refused(f"all breaks together last more than {MAX_BREAKS_S:g} s: make them shorter.", root.line)
    for (words, *_), group in groupby(said, lambda stretch: (bool(stretch.pieces), stretch.speed, stretch.pitch)):
        alike = [*group]
        pieces = tuple(piece for stretch in alike for piece in stretch.pieces)
        yield replace(alike[0], pieces=pieces) if words else Stretch(pause_s=sum(part.pause_s for part in alike))


def _said(element: Element, manner: Stretch, language: str) -> Iterator[Stretch]:
    """Yield what an element says in the given manner, a `Stretch` without pieces."""
    _check(element, language)
    match element.name:
        case "break":
            yield Stretch(pause_s=_pause_s(element))
        case "sub" | "say-as":
            yield replace(manner, pieces=((_words(element, language), element.text()),))
        case "prosody":
            yield from _inside(element, _spoken(element, manner), language)
        case _:
            yield Stretch()
            yield from _inside(element, manner, language)
            yield Stretch()


def _inside(element: Element, manner: Stretch, language: str) -> Iterator[Stretch]:
    for part in element.content:
        if isinstance(part, Element):
            if part.name == "speak":
                raise part.refuse("a <speak> lies in another element: there is one, around everything.")
            yield from _said(part, manner, language)
        elif part:
            text = re.sub(r"\s+", " ", part)
            yield replace(manner, pieces=((text, text),))


def _check(element: Element, language: str) -> None:
    """Raise `InvalidScript` where the element or an attribute of it is none that is done here."""
    name = element.name
    if name not in ATTRIBUTES:
        supported = sorted(ATTRIBUTES)
        raise element.refuse(f"<{name}> is not supported; {', '.join(supported)} are.", supported=supported)
    for attribute in sorted(element.attributes.keys() - ATTRIBUTES[name]):
        supported = sorted(known for known in ATTRIBUTES[name] if " " not in known)
        raise element.refuse(
            f"the attribute {attribute!r} of <{name}> is not supported; it has {', '.join(supported) or 'none'}.",
            attribute=attribute,
            supported=supported,
        )
    lang = element.attributes.get(LANG, language)
    if UNKNOWN not in (lang, language) and primary(lang) != primary(language):
        raise element.refuse(f"the voice speaks {language}, not {lang}: choose a voice of that language.")


def _attribute(element: Element, name: str) -> str:
    value = element.attributes.get(name, "").strip()
    if not value:
        raise element.refuse(f"<{element.name}> needs the attribute {name!r}.", attribute=name)
    return value


def _words(element: Element, language: str) -> str:
    """Return what is said for a `sub` or `say-as`."""
    if not element.text():
        raise element.refuse(f"there is no text in <{element.name}>.")
    if element.name == "sub":
        return " ".join(_attribute(element, "alias").split())
    kind, form = _attribute(element, "interpret-as"), element.attributes.get("format")
    try:
        return said_as(kind, element.text(), form, language)
    except ValueError as error:
        raise element.refuse(f"<say-as>: {error}") from None


def _pause_s(element: Element) -> float:
    if element.text():
        raise element.refuse("<break> is empty: close it at once, <break/>.")
    strength = element.attributes.get("strength", "medium")
    if strength not in STRENGTHS_S:
        raise element.refuse(f"the strength of a <break> is one of {', '.join(STRENGTHS_S)}.", attribute="strength")
    time = element.attributes.get("time")
    if time is None:
        return STRENGTHS_S[strength]
    if not (match := TIME.fullmatch(time.strip())):
        raise element.refuse(f"{time!r} is no time such as 500ms or 2s.", attribute="time")
    pause_s = float(match[1]) / (1000 if match[2] == "ms" else 1)
    if pause_s > MAX_BREAK_S:
        raise element.refuse(f"a <break> lasts at most {MAX_BREAK_S:g}s.", attribute="time")
    return pause_s


def _spoken(element: Element, manner: Stretch) -> Stretch:
    """Return the manner inside a `prosody`: rates multiply, pitches add up."""
    speed = manner.speed * _ratio(element, "rate", RATES)
    if not MIN_SPEED <= speed <= MAX_SPEED:
        limits = f"{MIN_SPEED:.0%} to {MAX_SPEED:.0%}"
        raise element.refuse(f"the rate comes to {speed:.0%} of the voice's; it can be {limits}.", attribute="rate")
    semitones = SEMITONES.fullmatch(element.attributes.get("pitch", ""))
    pitch = manner.pitch + (float(semitones[1]) if semitones else 12 * log2(_ratio(element, "pitch", PITCHES)))
    if abs(pitch) > MAX_PITCH:
        raise element.refuse(
            f"the pitch comes to {pitch:+.1f} semitones; it can be {-MAX_PITCH:g} to +{MAX_PITCH:g}.", attribute="pitch"
        )
    return replace(manner, speed=speed, pitch=pitch)


def _ratio(element: Element, attribute: str, names: dict[str, float]) -> float:
    """Return what a name, "120%" or "+20%" multiplies by; 1 where there is no such attribute."""
    value = element.attributes.get(attribute, "default").strip()
    if value in names:
        return names[value]
    match = PERCENT.fullmatch(value)
    ratio = 0.0
    if match:
        ratio = float(f"{match[1]}{match[2]}") / 100 + bool(match[1])
    if ratio <= 0:
        also = ", semitones such as +2st" if attribute == "pitch" else ""
        raise element.refuse(
            f"{attribute}={value!r} is none of {', '.join(names)}, a percentage above 0{also}.", attribute=attribute
        )
    return ratio
