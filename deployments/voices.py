"""Who speaks what: the facts of a voice, and the voice that an order gets."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from deployments.errors import UnknownVoice, VoiceLanguageMismatch

DEFAULT = "default"
"""The voiceId of orders that name none."""

NAME = r"^[A-Za-z0-9._-]{1,64}$"
"""What a voice or a speech server may be called: it stands in URLs."""

UNKNOWN = "und"
"""The BCP 47 tag of a language that nobody told."""

LATIN = frozenset({"LATIN"})

LATIN_LANGUAGES = (
    *("af", "az", "bs", "ca", "cs", "cy", "da", "de", "en", "eo", "es", "et", "eu", "fi", "fr", "ga", "gd", "gl"),
    *("hr", "hu", "id", "is", "it", "la", "lb", "lt", "lv", "mi", "ms", "mt", "nl", "no", "pl", "pt", "qu", "ro"),
    *("sk", "sl", "so", "sq", "sv", "sw", "tl", "tr", "vi", "xh", "yo", "zu"),
)

# The scripts of languages by their names in Unicode's names of characters; a language that is not here is believed.
SCRIPTS = {
    **dict.fromkeys(LATIN_LANGUAGES, LATIN),
    **dict.fromkeys(("be", "bg", "kk", "ky", "mk", "mn", "ru", "tg", "uk"), frozenset({"CYRILLIC"})),
    "sr": frozenset({"CYRILLIC", "LATIN"}),
    "el": frozenset({"GREEK"}),
    **dict.fromkeys(("ar", "fa", "ur"), frozenset({"ARABIC"})),
    "he": frozenset({"HEBREW"}),
    **dict.fromkeys(("hi", "mr", "ne"), frozenset({"DEVANAGARI"})),
    "bn": frozenset({"BENGALI"}),
    "gu": frozenset({"GUJARATI"}),
    "kn": frozenset({"KANNADA"}),
    "ml": frozenset({"MALAYALAM"}),
    "pa": frozenset({"GURMUKHI"}),
    "ta": frozenset({"TAMIL"}),
    "te": frozenset({"TELUGU"}),
    "th": frozenset({"THAI"}),
    "am": frozenset({"ETHIOPIC"}),
    "hy": frozenset({"ARMENIAN"}),
    "ka": frozenset({"GEORGIAN"}),
    **dict.fromkeys(("zh", "cmn", "yue"), frozenset({"CJK"})),
    "ja": frozenset({"CJK", "HIRAGANA", "KATAKANA"}),
    "ko": frozenset({"HANGUL", "CJK"}),
}

LEAST_READABLE = 0.5
"""The share of a text's letters that a voice must be able to read: a foreign name in a sentence is no mismatch."""


@dataclass(frozen=True)
class VoiceFacts:
    """A voice as callers see it, and `version`, which changes whenever its sound would.

    `language` is a BCP 47 tag; it and `gender` are None where nobody told them.
    """

    version: str
    engine: str
    language: str | None = None
    gender: str | None = None
    name: str = ""

    def speaks(self, language: str) -> bool:
        """Whether it speaks that language, of whatever region; True where its own is not known."""
        return self.language is None or primary(self.language) == primary(language)

    def reads(self, text: str) -> bool:
        """Whether it knows the letters of at least half of the text; True where its language's are not known."""
        scripts = SCRIPTS.get(primary(self.language or UNKNOWN))
        if scripts is None:
            return True
        letters = [character for character in text if character.isalpha()]
        known = sum(unicodedata.name(letter, "").split(" ")[0].split("-")[0] in scripts for letter in letters)
        return known >= LEAST_READABLE * len(letters)


@dataclass(frozen=True)
class VoiceList:
    """The voices that are there by voiceId, and why those of a speech server are not, by its prefix."""

    voices: dict[str, VoiceFacts]
    missing: dict[str, str]

    def after(self, before: VoiceList) -> VoiceList:
        """This list with the voices that were there before, of servers that do not answer now."""
        away = tuple(f"{prefix}-" for prefix in self.missing)
        kept = {name: voice for name, voice in before.voices.items() if name.startswith(away)}
        return VoiceList(kept | self.voices, self.missing)


def chosen(voices: Mapping[str, VoiceFacts], voice_id: str, language: str | None) -> str:
    """Return the voiceId that speaks: `voice_id`, or for the default one of the `language` asked for.

    A voice of the very region comes before others of the language, and earlier voices before later ones.

    Raises `UnknownVoice`, and `VoiceLanguageMismatch` where the voice has another language.
    """
    if voice_id not in voices:
        raise UnknownVoice.among(voice_id, voices)
    if language and voice_id == DEFAULT:
        voice_id = next(iter(_speaking(voices, language)), voice_id)
    voice = voices[voice_id]
    if language and not voice.speaks(language):
        raise VoiceLanguageMismatch.suggesting(
            f"The voice {voice_id!r} does not speak {language!r}.", _speaking(voices, language)
        )
    return voice_id


def check_letters(voices: Mapping[str, VoiceFacts], voice_id: str, text: str) -> None:
    """Raise `VoiceLanguageMismatch` where a voice cannot read plain `text`."""
    if not voices[voice_id].reads(text):
        raise VoiceLanguageMismatch.suggesting(
            f"The voice {voice_id!r} cannot read this text's letters.",
            [name for name, other in voices.items() if other.language and other.reads(text)],
        )


def _speaking(voices: Mapping[str, VoiceFacts], language: str) -> list[str]:
    """Return the voices of a language, those of its region first."""
    found = [name for name, voice in voices.items() if voice.language and voice.speaks(language)]
    return sorted(found, key=lambda name: (voices[name].language or "").lower() != language.lower())


def primary(language: str) -> str:
    """Return the language of a BCP 47 tag without its region or script; Norwegian is one."""
    primary = language.lower().replace("_", "-").split("-")[0]
    return "no" if primary in ("nb", "nn") else primary
