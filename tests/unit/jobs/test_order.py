import pytest

from deployments.errors import EngineUnavailable, InvalidScript, UnknownVoice, VoiceLanguageMismatch
from deployments.jobs.order import Capabilities, VideoOrder
from deployments.media import SourceOptions
from deployments.voices import VoiceFacts

VOICES = {"default": VoiceFacts("v1", "hibari"), "emma": VoiceFacts("v2", "openai")}
ABLE = Capabilities(voices=VOICES, max_text_chars=50, engines={"wav2lip": "1", "preview": "2"})
PREVIEW_ONLY = ABLE.model_copy(update={"engines": {"preview": "2"}})
ORDER = VideoOrder(poster_key="posters/a/abc", poster_id="a", text="Hello.")


def changed(able=ABLE, **changes):
    return ORDER.model_copy(update=changes).checked(able)


def names(order, able=ABLE):
    return order.content_id(able), order.video_id(able)


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Bye."},
        {"voice_id": "emma"},
        {"poster_key": "posters/a/def"},
        {"source": SourceOptions(face_index=1)},
        {"source": SourceOptions(face_point=(10, 20))},
        {"engine": "preview"},
        {"paste": "published"},
        {"seed": 1},
        {"speed": 1.5},
        {"pitch": 2.0},
        {"motion": "still"},
    ],
    ids=["text", "voice", "picture", "face", "point", "engine", "paste", "seed", "speed", "pitch", "motion"],
)
def test_another_order_is_another_content(change):
    assert changed(**change).content_id(ABLE) != changed().content_id(ABLE)


@pytest.mark.parametrize(
    "change",
    [
        {"engines": {"wav2lip": "2", "preview": "2"}},
        {"voices": {"default": VoiceFacts("v9", "hibari")}},
        {"video": {"fps": 30}},
        {"paste": "published"},
    ],
    ids=["engine", "voice", "video", "paste"],
)
def test_what_the_stages_do_otherwise_is_another_content(change):
    able = ABLE.model_copy(update=change)
    assert changed(able).content_id(able) != changed().content_id(ABLE)


def test_the_version_of_an_engine_that_does_nothing_in_it_is_no_part_of_its_name():
    able = ABLE.model_copy(update={"engines": {"wav2lip": "1", "preview": "3"}})
    assert names(changed(able), able) == names(changed())


@pytest.mark.parametrize(
    "change",
    [{"engine": "wav2lip"}, {"paste": "feathered"}, {"seed": 0}, {"poster_key": "posters/b/abc", "poster_id": "b"}],
    ids=["engine", "paste", "seed", "picture"],
)
def test_a_default_by_name_is_the_default(change):
    assert names(changed(**change)) == names(changed())


def test_auto_is_the_engine_that_is_there():
    assert (changed().engine, changed(PREVIEW_ONLY).engine) == ("wav2lip", "preview")
    assert names(changed(PREVIEW_ONLY), PREVIEW_ONLY) == names(changed(engine="preview"))


def test_a_checked_order_stays_what_it_is():
    assert changed().checked(ABLE) == changed()


def test_an_engine_that_is_not_there_is_refused_with_what_to_do():
    with pytest.raises(EngineUnavailable, match="scripts/fetch-weights") as caught:
        changed(PREVIEW_ONLY, engine="wav2lip", text=None, audio_key="uploads/abc")
    assert caught.value.data == {"param": "engine", "known": ["preview"]}
    assert (caught.value.http_status, caught.value.retryable) == (422, False)


def test_an_unknown_voice_names_the_known_ones():
    with pytest.raises(UnknownVoice, match="default, emma") as caught:
        changed(voice_id="who")
    assert caught.value.data == {"known": ["default", "emma"]}


GERMAN = {"otto": VoiceFacts("v1", "espeak-ng", "de"), "default": VoiceFacts("v1", "hibari", "en-US")}
SSML = '<speak xml:lang="de">Guten <break/>Tag.</speak>'


@pytest.mark.parametrize("asked", [{"voice_id": "otto"}, {"language": "de"}])
def test_ssml_is_of_the_language_of_the_voice_that_is_chosen(asked):
    able = ABLE.model_copy(update={"voices": GERMAN})
    order = changed(able, text=SSML, ssml=True, **asked)
    assert (order.voice_id, order.language) == ("otto", "de")
    assert [(passage.text, passage.pause_s) for passage in order.passages()] == [("Guten", 0.75), ("Tag.", 0.0)]
    with pytest.raises(InvalidScript):
        changed(able, text=SSML, ssml=True)


def test_what_cannot_be_read_is_refused_before_it_is_accepted():
    able = ABLE.model_copy(update={"voices": GERMAN})
    for text in ("Привет, мир", "<speak>Привет</speak>"):
        with pytest.raises(VoiceLanguageMismatch):
            changed(able, text=text, ssml=text.startswith("<"))
    with pytest.raises(InvalidScript):
        changed(able, text="<speak><audio/></speak>", ssml=True)


def test_what_is_said_must_be_readable_not_what_is_written():
    able = ABLE.model_copy(update={"voices": GERMAN, "max_text_chars": 100})
    written = '<speak><sub alias="World Wide Web">万维网联盟</sub></speak>'
    assert [passage.text for passage in changed(able, text=written, ssml=True).passages()] == ["World Wide Web"]
    with pytest.raises(VoiceLanguageMismatch):
        changed(able, text='<speak><sub alias="Привет">Hi</sub></speak>', ssml=True)


def test_a_voice_whose_language_nobody_told_is_given_the_text_as_it_is():
    order = changed(text="Die Spannung ist 12 V.")
    assert [passage.text for passage in order.passages()] == ["Die Spannung ist 12 V."]
