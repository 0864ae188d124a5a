"""Which voice an order gets, and what is said where none fits."""

import pytest

from deployments.errors import UnknownVoice, VoiceLanguageMismatch
from deployments.jobs.order import Capabilities, VideoOrder
from deployments.jobs.voice_samples import SENTENCES
from deployments.voices import VoiceFacts, check_letters, chosen, primary


def voice(language, gender="male"):
    return VoiceFacts("1", "espeak-ng", language, gender)


VOICES = {
    "default": voice("en-US"),
    "gb": voice("en-GB"),
    "de": voice("de"),
    "pt": voice("pt-PT"),
    "br": voice("pt-BR"),
    "nb": voice("nb"),
    "ru": voice("ru"),
    "uk": voice("uk"),
    "sr": voice("sr"),
    "el": voice("el"),
    "any": voice(None),
}


def pick(voice_id="default", language=None, text="Hello."):
    picked = chosen(VOICES, voice_id, language)
    check_letters(VOICES, picked, text)
    return picked


def refused(voice_id="default", language=None, text="Hello."):
    with pytest.raises(VoiceLanguageMismatch) as caught:
        pick(voice_id, language, text)
    return caught.value


@pytest.mark.parametrize(
    ("language", "voice_id"),
    [
        (None, "default"),
        ("en", "default"),
        ("en-GB", "gb"),
        ("EN-gb", "gb"),
        ("en-AU", "default"),
        ("de-AT", "de"),
        ("pt-BR", "br"),
        ("pt", "pt"),
        ("no", "nb"),
        ("nn-NO", "nb"),
    ],
)
def test_a_language_alone_picks_a_voice_of_its_region_or_else_of_the_language(language, voice_id):
    assert pick("default", language) == voice_id


def test_a_voice_that_is_named_speaks_its_language_in_any_region():
    assert pick("br", "pt-PT", "Bom dia.") == "br"
    assert pick("any", "ja", "こんにちは") == "any"


def test_a_voice_of_another_language_is_refused_with_voices_that_speak_it():
    error = refused("de", "pt-BR")
    assert error.data == {"suggested": ["br", "pt"]}
    assert str(error) == "The voice 'de' does not speak 'pt-BR'. Choose one of br, pt."
    assert (error.code, error.http_status, error.retryable) == ("voice_language_mismatch", 422, False)


def test_a_language_that_nobody_speaks_is_refused():
    assert refused(language="xx").data == {"suggested": []}
    assert "GET /v1/voices" in str(refused(language="xx"))


def test_a_text_in_letters_that_the_voice_cannot_read_is_refused_with_voices_that_can():
    assert refused(text="Привет, мир!").data == {"suggested": ["ru", "uk", "sr"]}
    assert refused(text="Γεια σας").data == {"suggested": ["el"]}
    assert refused("ru", text="Good morning").data == {"suggested": ["default", "gb", "de", "pt", "br", "nb", "sr"]}
    for text in ("你好，世界", "こんにちは", "안녕하세요", "مرحبا", "שלום", "नमस्ते", "สวัสดี"):
        assert refused(text=text).data == {"suggested": []}


@pytest.mark.parametrize(
    ("voice_id", "text"),
    [
        ("default", "Ich heiße Zoë, naïve façade."),
        ("default", "The museum in Москва is open."),
        ("ru", "Смотрите на Wi-Fi."),
        ("sr", "Zdravo. Здраво."),
        ("default", "3 × 4 = 12 €"),
        ("default", "?!"),
        ("default", "ﬁne ＡＢＣ"),
        ("any", "你好"),
    ],
)
def test_a_foreign_name_or_no_letters_at_all_is_no_mismatch(voice_id, text):
    assert pick(voice_id, None, text) == voice_id


def test_a_voice_that_is_not_there_is_unknown_before_anything_else():
    with pytest.raises(UnknownVoice):
        pick("emma", "xx", "Привет")


def test_every_sample_sentence_can_be_read_in_its_language():
    for language, text in SENTENCES.items():
        assert voice(language).reads(text), language
        assert primary(language) == language


def test_an_order_gets_the_voice_of_its_language_and_tells_which():
    able = Capabilities(voices=VOICES, max_text_chars=100, engines={"preview": "1"})
    order = VideoOrder(poster_key="posters/a/abc", text="Привет, мир. Как дела?", language="ru")
    checked = order.checked(able)
    assert (checked.voice_id, checked.language) == ("ru", "ru")
    named = order.model_copy(update={"voice_id": "ru", "language": None}).checked(able)
    assert named.content_id(able) == checked.content_id(able)
    assert checked.checked(able) == checked
    with pytest.raises(VoiceLanguageMismatch):
        order.model_copy(update={"language": None}).checked(able)
    with pytest.raises(VoiceLanguageMismatch):
        order.model_copy(update={"language": "en"}).checked(able)


def test_tags_of_ssml_are_no_letters_to_read():
    able = Capabilities(voices=VOICES, max_text_chars=100, engines={"preview": "1"})
    ssml = '<speak>да <break time="300ms"/> нет</speak>'
    order = VideoOrder(poster_key="posters/a/abc", text=ssml, ssml=True, voice_id="ru")
    assert order.checked(able).voice_id == "ru"


def test_a_voice_of_a_language_whose_letters_are_not_known_here_is_believed():
    assert voice("km").reads("សួស្តី")
    assert voice(None).reads("你好")
    assert not voice("en").reads("សួស្តី")
