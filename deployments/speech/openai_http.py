"""A voice behind any server with OpenAI's `/v1/audio/speech`: Kokoro, Piper, speaches, a cloud, espeak-ng."""

from __future__ import annotations

import base64
import logging
import time

import httpx
from pydantic import BaseModel, Field, FiniteFloat

from deployments.errors import AudioTooLong, SpeechServerFailed, UnreadableAudio, UnspeakableText
from deployments.media import Passage, Phoneme, Speech
from deployments.speech.audio_file import SilentAudio, decode_audio
from deployments.speech.words import written_words

# No voice needs more for a text of a thousand characters, whatever its format.
MAX_ANSWER_S = 600.0
MAX_ANSWER_BYTES = 64_000_000

MAX_CONNECT_S = 5.0

LATE_S = 0.5
"""How far beyond the sound's end a time may be rounded."""

logger = logging.getLogger("ray.serve")


class SpeechServerRefused(SpeechServerFailed):
    """The speech server will answer the same again: a wrong key, model, voice or address."""

    retryable = False


class Heard(BaseModel):
    """When something is heard."""

    start_s: FiniteFloat
    end_s: FiniteFloat


class TimedPhoneme(Heard):
    """A speech sound, in IPA."""

    symbol: str = Field(min_length=1)


class TimedWord(Heard):
    """A word as it was read."""

    text: str = Field(min_length=1)


class Timed(BaseModel):
    """The answer of a `timed` server: `audio` is the base64 of a WAV file."""

    audio: str
    phonemes: list[TimedPhoneme]
    words: list[TimedWord]


def client_of(api_key: str | None, timeout_s: float) -> httpx.Client:
    """Return a client for all voices of a server: each costs 1 MB. `timeout_s` is what a whole answer may take."""
    return httpx.Client(
        headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
        timeout=httpx.Timeout(timeout_s, connect=min(MAX_CONNECT_S, timeout_s)),
    )


class OpenAiSpeechEngine:
    """Speaks with one voice of a server; `base_url` ends in `/v1`, as for OpenAI's clients. Thread-safe.

    `client` is from `client_of`, with the same `timeout_s`. A `timed` server has `/v1/audio/speech/timed`, too, which
    tells when phonemes and words are heard (speech_servers/espeak_ng/README.md). `version` names the sound where the
    address does not.
    """

    computes_here = False

    def __init__(
        self,
        base_url: str,
        model: str,
        voice: str,
        client: httpx.Client,
        timeout_s: float,
        response_format: str = "wav",
        *,
        timed: bool = False,
        version: str | None = None,
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/audio/speech" + ("/timed" if timed else "")
        self._request = {"model": model, "voice": voice, "response_format": response_format}
        self._timeout_s = timeout_s
        self._timed = timed
        self._client = client
        self.version = version or f"openai {self._url} {model} {voice} {response_format}"

    def reads(self, text: str) -> bool:
        """Return whether there is a letter or a digit in the text: the rest only the server knows."""
        return any(character.isalnum() for character in text)

    def speak(self, passage: Passage, seed: int = 0) -> Speech:
        """Return the server's speech of the passage's text at its speed; OpenAI's API knows no `seed`.

        Phonemes and words are empty unless the server is `timed`. Raises `SpeechServerFailed` (not retryable where a
        retry cannot help) and `UnspeakableText`.
        """
        try:
            answer = self._ask({"input": passage.text} | ({"speed": passage.speed} if passage.speed != 1 else {}))
        except httpx.HTTPError as error:
            logger.warning("%s did not answer: %s", self._url, type(error).__name__)
            raise SpeechServerFailed(
                f"The speech server did not answer ({type(error).__name__}): see that it runs."
            ) from error
        try:
            return _timed(answer, passage) if self._timed else _decoded(answer)
        except SilentAudio as error:
            raise UnspeakableText("The voice made no sound of this text: write it in the voice's language.") from error
        except (UnreadableAudio, AudioTooLong, ValueError) as error:
            raise SpeechServerFailed(f"The speech server sent no usable sound ({type(error).__name__}).") from error

    def _ask(self, spoken: dict[str, str | float]) -> bytes:
        """Return the answer's body, at most one piece over the limit."""
        deadline_s = time.monotonic() + self._timeout_s
        with self._client.stream("POST", self._url, json=self._request | spoken) as response:
            if not response.is_success:
                raise self._failure(response)
            sound = bytearray()
            for piece in response.iter_bytes():
                sound += piece
                if len(sound) > MAX_ANSWER_BYTES:
                    break
                if time.monotonic() > deadline_s:
                    raise httpx.ReadTimeout(f"no whole answer in {self._timeout_s:g} s")
        return bytes(sound)

    def _failure(self, response: httpx.Response) -> SpeechServerFailed:
        status = response.status_code
        logger.warning("%s answered %d", self._url, status)  # some repeat the text in their answer
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return SpeechServerFailed(f"The speech server answered {status}: try again later.", {"status": status})
        return SpeechServerRefused(
            f"The speech server answered {status}: check the voice's URL, key, model and name.",
            {"status": status},
        )


def _decoded(sound: bytes) -> Speech:
    return decode_audio(sound, MAX_ANSWER_S, MAX_ANSWER_BYTES)


def _timed(answer: bytes, passage: Passage) -> Speech:
    """Read a timed answer. Raises `ValueError` where it is none."""
    told = Timed.model_validate_json(answer)
    waveform = _decoded(base64.b64decode(told.audio, validate=True)).waveform
    heard: list[Heard] = [*told.phonemes, *told.words]
    if any(not 0 <= each.start_s <= each.end_s <= waveform.duration_s + LATE_S for each in heard):
        raise ValueError("its times lie beyond its sound")
    phonemes = tuple(Phoneme(each.symbol, each.start_s, each.end_s) for each in told.phonemes)
    # What is written may differ from what was read ("2 km", "two kilometres"): words are matched by their letters.
    spoken = [[Phoneme(sign, each.start_s, each.end_s) for sign in each.text] for each in told.words]
    return Speech(waveform, phonemes, written_words(passage.written, spoken, list) if spoken else ())
