"""What a voice sounds like: a sentence in its language, spoken once and kept in storage."""

from __future__ import annotations

import hashlib
import io
import wave
from typing import Any, cast

from deployments.media import Passage, Waveform
from deployments.storage.store import StoredObject
from deployments.voices import VoiceFacts, primary

SENTENCES = {
    "af": "Hallo! Ek is 'n plakkaat, en nou kan ek praat.",
    "ar": "مرحبا! أنا ملصق، والآن أستطيع الكلام.",
    "bg": "Здравей! Аз съм плакат и вече мога да говоря.",
    "bn": "নমস্কার! আমি একটি পোস্টার, এখন আমি কথা বলতে পারি।",
    "ca": "Hola! Soc un cartell i ara puc parlar.",
    "cs": "Dobrý den! Jsem plakát a teď umím mluvit.",
    "cy": "Helo! Poster ydw i, a nawr dw i'n gallu siarad.",
    "da": "Hej! Jeg er en plakat, og nu kan jeg tale.",
    "de": "Hallo! Ich bin ein Plakat, und jetzt kann ich sprechen.",
    "el": "Γεια σας! Είμαι μια αφίσα και τώρα μπορώ να μιλήσω.",
    "en": "Hello! I am a poster, and now I can talk.",
    "eo": "Saluton! Mi estas afiŝo, kaj nun mi povas paroli.",
    "es": "¡Hola! Soy un cartel y ahora puedo hablar.",
    "et": "Tere! Mina olen plakat ja nüüd oskan ma rääkida.",
    "fi": "Hei! Olen juliste, ja nyt osaan puhua.",
    "fr": "Bonjour ! Je suis une affiche, et maintenant je sais parler.",
    "hi": "नमस्ते! मैं एक पोस्टर हूँ, और अब मैं बोल सकता हूँ।",
    "hr": "Dobar dan! Ja sam plakat i sada mogu govoriti.",
    "hu": "Jó napot! Plakát vagyok, és most már tudok beszélni.",
    "id": "Halo! Saya sebuah poster, dan sekarang saya bisa bicara.",
    "is": "Halló! Ég er veggspjald og nú get ég talað.",
    "it": "Ciao! Sono un manifesto e adesso posso parlare.",
    "ja": "こんにちは！私はポスターです。今は話すことができます。",
    "ka": "გამარჯობა! მე ვარ პლაკატი და ახლა შემიძლია ლაპარაკი.",
    "ko": "안녕하세요! 저는 포스터이고, 이제 말할 수 있어요.",
    "lt": "Sveiki! Aš esu plakatas ir dabar galiu kalbėti.",
    "lv": "Sveiki! Es esmu plakāts, un tagad es protu runāt.",
    "mk": "Здраво! Јас сум плакат и сега можам да зборувам.",
    "ms": "Helo! Saya sebuah poster, dan sekarang saya boleh bercakap.",
    "nl": "Hallo! Ik ben een poster, en nu kan ik praten.",
    "no": "Hei! Jeg er en plakat, og nå kan jeg snakke.",
    "pl": "Dzień dobry! Jestem plakatem i teraz potrafię mówić.",
    "pt": "Olá! Eu sou um cartaz e agora posso falar.",
    "ro": "Bună ziua! Sunt un afiș și acum pot să vorbesc.",
    "ru": "Здравствуйте! Я плакат, и теперь я умею говорить.",
    "sk": "Dobrý deň! Som plagát a teraz viem hovoriť.",
    "sl": "Dober dan! Sem plakat in zdaj znam govoriti.",
    "sq": "Përshëndetje! Unë jam një poster dhe tani mund të flas.",
    "sr": "Здраво! Ја сам плакат и сада умем да говорим.",
    "sv": "Hej! Jag är en affisch, och nu kan jag prata.",
    "sw": "Habari! Mimi ni bango, na sasa ninaweza kuzungumza.",
    "ta": "வணக்கம்! நான் ஒரு சுவரொட்டி, இப்போது என்னால் பேச முடியும்.",
    "tr": "Merhaba! Ben bir afişim ve artık konuşabiliyorum.",
    "uk": "Вітаю! Я плакат, і тепер я вмію говорити.",
    "vi": "Xin chào! Tôi là một tấm áp phích, và bây giờ tôi có thể nói.",
    "zh": "你好！我是一张海报，现在我会说话了。",
}
"""Hello! I am a poster, and now I can talk."""


def sentence(language: str | None) -> str:
    """Return the sentence in a language, a BCP 47 tag; the English one where it is not among them."""
    return SENTENCES.get(primary(language or "en"), SENTENCES["en"])


class VoiceSamples:
    """Speaks and keeps samples, through the stages' handles."""

    def __init__(self, speech: Any, storage: Any) -> None:  # noqa: ANN401 - handles
        self._speech = speech
        self._storage = storage

    async def find(self, voice_id: str, facts: VoiceFacts) -> StoredObject:
        """Return the facts of the WAV file in which the voice speaks. Raises what speaking and storing do."""
        text = sentence(facts.language)
        key = "voice-samples/" + hashlib.sha256(f"{facts.version}\n{text}".encode()).hexdigest()
        if not (stored := await self._storage.stat.remote(key)):
            speech = await self._speech.speak.remote(Passage(text, text), voice_id, 0)
            await self._storage.put.remote(key, _wav(speech.waveform), "audio/wav")
            stored = await self._storage.stat.remote(key)
        return cast("StoredObject", stored)


def _wav(sound: Waveform) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setparams((1, 2, sound.rate_hz, 0, "NONE", ""))
        target.writeframes(sound.samples.tobytes())
    return file.getvalue()
