# SPDX-License-Identifier: GPL-3.0-or-later
"""The voices that are offered: the languages that espeak-ng reads well, each by a man and a woman."""

from __future__ import annotations

from dataclasses import dataclass

FEMALE = "+f2"
"""espeak-ng's variant that makes its male voices female."""

LANGUAGES = {
    "af": ("af", "Afrikaans"),
    "bg": ("bg", "Bulgarian"),
    "bn": ("bn", "Bengali"),
    "ca": ("ca", "Catalan"),
    "cs": ("cs", "Czech"),
    "cy": ("cy", "Welsh"),
    "da": ("da", "Danish"),
    "de": ("de", "German"),
    "el": ("el", "Greek"),
    "en-gb": ("en-GB", "English (Great Britain)"),
    "en-us": ("en-US", "English (America)"),
    "eo": ("eo", "Esperanto"),
    "es": ("es", "Spanish (Spain)"),
    "es-419": ("es-419", "Spanish (Latin America)"),
    "et": ("et", "Estonian"),
    "fi": ("fi", "Finnish"),
    "fr-fr": ("fr", "French"),
    "hi": ("hi", "Hindi"),
    "hr": ("hr", "Croatian"),
    "hu": ("hu", "Hungarian"),
    "id": ("id", "Indonesian"),
    "is": ("is", "Icelandic"),
    "it": ("it", "Italian"),
    "ka": ("ka", "Georgian"),
    "lt": ("lt", "Lithuanian"),
    "lv": ("lv", "Latvian"),
    "mk": ("mk", "Macedonian"),
    "ms": ("ms", "Malay"),
    "nb": ("nb", "Norwegian"),
    "nl": ("nl", "Dutch"),
    "pl": ("pl", "Polish"),
    "pt": ("pt-PT", "Portuguese (Portugal)"),
    "pt-br": ("pt-BR", "Portuguese (Brazil)"),
    "ro": ("ro", "Romanian"),
    "ru": ("ru", "Russian"),
    "sk": ("sk", "Slovak"),
    "sl": ("sl", "Slovenian"),
    "sq": ("sq", "Albanian"),
    "sr": ("sr", "Serbian"),
    "sv": ("sv", "Swedish"),
    "sw": ("sw", "Swahili"),
    "ta": ("ta", "Tamil"),
    "tr": ("tr", "Turkish"),
    "uk": ("uk", "Ukrainian"),
    "vi": ("vi", "Vietnamese"),
}
"""By espeak-ng's name of the voice: BCP 47 tag and English name."""


@dataclass(frozen=True)
class Voice:
    """An offered voice: `espeak` is its name for the library, `language` a BCP 47 tag."""

    id: str
    espeak: str
    language: str
    gender: str
    name: str


def offered(installed: set[str]) -> dict[str, Voice]:
    """Every voice of the languages that are installed by its id: `de` is a man, `de-female` a woman."""
    voices = []
    for espeak, (language, name) in LANGUAGES.items():
        if espeak in installed:
            voices.append(Voice(language.lower(), espeak, language, "male", name))
            voices.append(Voice(f"{language.lower()}-female", espeak + FEMALE, language, "female", name))
    return {voice.id: voice for voice in voices}
