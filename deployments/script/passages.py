"""A script for a voice as the passages that it says one after the other: a sentence each, or a part of a long one."""

from __future__ import annotations

from dataclasses import replace

from deployments.media import Passage
from deployments.script import ssml as markup
from deployments.script.stretch import Stretch

CLOSING = ".,;:!?…)]}»”'\""


def passages(
    script: str, ssml: bool = False, language: str = "en-US", speed: float = 1.0, pitch: float = 0.0
) -> tuple[Passage, ...]:
    """Return what a voice says for `script`: plain text, whose lines end sentences, or an SSML document.

    `language` is the voice's BCP 47 tag; `speed` multiplies its pace, `pitch` adds semitones. No passage is blank,
    except the first where SSML begins with a break: that has no text, and the break as its pause. What has neither
    letter nor digit stays with the passage before it. Raises `InvalidScript` for SSML that is wrong or not done here.
    """
    stretches = (
        markup.stretches(script, language, speed, pitch)
        if ssml
        else (Stretch(((line, line),), speed, pitch) for line in script.splitlines())
    )
    told: list[Passage] = []
    for stretch in stretches:
        for passage in stretch.passages(language):
            if told and told[-1].text and not any(map(str.isalnum, passage.text)):
                passage = _joined(told.pop(), passage)  # noqa: PLW2901 - it is the same passage, longer
            told.append(passage)
        if stretch.pause_s:
            last = told.pop() if told else Passage("", "", speed, pitch)
            told.append(replace(last, pause_s=last.pause_s + stretch.pause_s))
    return tuple(told)


def _joined(passage: Passage, signs: Passage) -> Passage:
    blank = "" if signs.text[0] in CLOSING else " "
    return replace(passage, text=passage.text + blank + signs.text, written=passage.written + blank + signs.written)
