"""Voices that the settings name beside those that speech servers tell of."""

import json
import logging

import pytest
from sounds import sound_file, tone
from speech_server import Server, running

from deployments.errors import SpeechServerFailed, UnknownVoice
from deployments.media import Passage
from deployments.speech.voices import SpeechServer, Voices
from deployments.voices import VoiceFacts, VoiceList
from serve_app import engines
from serve_app.settings import SpeechSettings

VOICE = {"id": "de-female", "language": "de", "gender": "female", "name": "German"}
FACTS = VoiceFacts("1", "fine", "de")
TOLD = {"engine": "fine", "version": "1.2", "timed": False, "voices": [VOICE]}


def told(**changes):
    return Server(body=json.dumps(TOLD | changes).encode())


def settings(**server):
    return SpeechSettings.model_validate({"servers": {"mine": server}})


def test_a_servers_voices_stand_beside_those_of_the_settings():
    with running(told()) as server:
        listed = engines.voices(settings(base_url=server.url)).listed()
    assert server.asked[0]["path"] == "/v1/voices"
    assert {name: (voice.language, voice.gender, voice.engine) for name, voice in listed.voices.items()} == {
        "default": ("en-US", "female", "hibari"),
        "mine-de-female": ("de", "female", "fine"),
    }
    assert listed.missing == {}


def test_a_servers_voice_speaks_by_its_own_name():
    with running(told()) as server:
        engine = engines.voices(settings(base_url=server.url)).engine("mine-de-female")
        server.body = sound_file("wav", tone())
        assert engine.speak(Passage("Hallo.", "Hallo.")).waveform.duration_s == 1.0
    assert server.asked[1]["body"] == {
        "model": "fine",
        "voice": "de-female",
        "response_format": "wav",
        "input": "Hallo.",
    }


def test_a_voice_is_the_same_at_another_address_and_another_by_the_servers_version():
    versions = []
    for server in (told(), told(), told(version="1.3")):
        with running(server):
            versions.append(SpeechServer(server.url, None, 5.0).voices()["de-female"].engine.version)
    assert versions[0] == versions[1] != versions[2]


@pytest.mark.parametrize(
    "body",
    [b"no JSON", b"[]", json.dumps({"voices": ["alloy"]}).encode(), told(voices=[VOICE | {"id": "a/b"}]).body],
    ids=["no JSON", "no object", "no facts", "no id"],
)
def test_an_answer_that_lists_no_voices_is_the_servers_failure(body):
    with running(Server(body=body)) as server, pytest.raises(SpeechServerFailed, match="lists no voices"):
        SpeechServer(server.url, None, 5.0).voices()


def test_a_server_that_comes_later_is_found_then_and_told_of_once(caplog):
    server = told()
    with running(server):
        url = server.url
    there = {}

    def ask():
        return SpeechServer(there.get("url", url), None, 5.0).voices()

    voices = Voices({}, {"mine": ask})
    assert voices.listed().voices == {}
    assert list(voices.listed().missing) == ["mine"]
    with pytest.raises(SpeechServerFailed):
        voices.engine("mine-de-female")
    with pytest.raises(UnknownVoice):
        voices.engine("other")
    assert sum("no voices of the speech server mine" in record.message for record in caplog.records) == 1
    with running(told()) as back, caplog.at_level(logging.INFO, "ray.serve"):
        there["url"] = back.url
        assert voices.engine("mine-de-female").version == "fine 1.2 de-female"
        assert voices.listed().missing == {}
    assert "1 voices of the speech server mine" in caplog.text


def test_a_variable_that_is_not_set_is_told(monkeypatch):
    monkeypatch.delenv("SPEECH_URL", raising=False)
    listed = engines.voices(settings(base_url_env="SPEECH_URL")).listed()
    assert list(listed.voices) == ["default"]
    assert "SPEECH_URL" in listed.missing["mine"]


def test_a_variable_tells_where_the_server_is_and_another_holds_its_key(monkeypatch):
    with running(told()) as server:
        monkeypatch.setenv("SPEECH_URL", server.url)
        monkeypatch.setenv("SPEECH_KEY", "secret")
        listed = engines.voices(settings(base_url_env="SPEECH_URL", api_key_env="SPEECH_KEY")).listed()
    assert "mine-de-female" in listed.voices
    assert server.asked[0]["key"] == "Bearer secret"


@pytest.mark.parametrize("server", [{}, {"base_url": "http://a/v1", "base_url_env": "SPEECH_URL"}])
def test_a_server_has_one_address(server):
    with pytest.raises(ValueError, match="give base_url or base_url_env"):
        settings(**server)


def test_a_server_is_asked_again_for_what_it_has_now_and_its_voices_stay_while_it_is_away():
    with running(told()) as server:
        voices = engines.voices(settings(base_url=server.url))
        first = voices.engine("mine-de-female")
        voices.listed()
        assert voices.engine("mine-de-female") is first
        server.body = told(version="1.3").body
        assert voices.listed().voices["mine-de-female"].version == "fine 1.3 de-female"
        server.body = told(voices=[VOICE | {"id": "fr", "language": "fr"}]).body
        assert set(voices.listed().voices) == {"default", "mine-fr"}
    listed = voices.listed()
    assert set(listed.voices) == {"default", "mine-fr"}
    assert list(listed.missing) == ["mine"]


def test_what_another_replica_knew_of_a_server_that_is_away_stays():
    known = VoiceList({"default": FACTS, "mine-de": FACTS, "other-de": FACTS}, {})
    now = VoiceList({"default": FACTS}, {"mine": "away"})
    assert set(now.after(known).voices) == {"default", "mine-de"}


@pytest.mark.parametrize("url", ["http://host:abc/v1", "nonsense"])
def test_an_address_that_is_none_stops_no_other_voice(url):
    listed = engines.voices(settings(base_url=url)).listed()
    assert list(listed.voices) == ["default"]
    assert list(listed.missing) == ["mine"]


def test_a_key_never_stands_in_the_log(monkeypatch, caplog):
    monkeypatch.setenv("SPEECH_KEY", "sk-secret\n")
    with running(told()) as server:
        engines.voices(settings(base_url=server.url, api_key_env="SPEECH_KEY"))
    assert server.asked[0]["key"] == "Bearer sk-secret"
    monkeypatch.delenv("SPEECH_KEY")
    listed = engines.voices(settings(base_url=server.url, api_key_env="SPEECH_KEY")).listed()
    assert "SPEECH_KEY" in listed.missing["mine"]
    assert "sk-secret" not in caplog.text
