"""A voice behind any server with OpenAI's `/v1/audio/speech`: Kokoro, Piper, speaches, a cloud."""

from __future__ import annotations

import logging
import time

import httpx

from deployments.errors import AudioTooLong, SpeechServerFailed, UnreadableAudio, UnspeakableText
from deployments.media import Speech
from deployments.speech.audio_file import SilentAudio, decode_audio

# No voice needs more for a text of a thousand characters, whatever its format.
MAX_ANSWER_S = 600.0
MAX_ANSWER_BYTES = 64_000_000

MAX_CONNECT_S = 5.0

logger = logging.getLogger("ray.serve")


class SpeechServerRefused(SpeechServerFailed):
    """The speech server will answer the same again: a wrong key, model, voice or address."""

    retryable = False


class OpenAiSpeechEngine:
    """Speaks with one voice of a server; `base_url` ends in `/v1`, as for OpenAI's clients. Thread-safe.

    `timeout_s` is what a whole answer may take.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        voice: str,
        api_key: str | None,
        timeout_s: float,
        response_format: str = "wav",
    ) -> None:
        self._url = f"{base_url.rstrip('/')}/audio/speech"
        self._request = {"model": model, "voice": voice, "response_format": response_format}
        self._timeout_s = timeout_s
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(timeout_s, connect=min(MAX_CONNECT_S, timeout_s)),
        )
        self.version = f"openai {self._url} {model} {voice} {response_format}"

    def speak(self, text: str, seed: int = 0) -> Speech:
        """Return the server's speech of `text`, without phonemes; OpenAI's API knows no `seed`.

        Raises `SpeechServerFailed` (not retryable where a retry cannot help) and `UnspeakableText`.
        """
        try:
            sound = self._ask(text)
        except httpx.HTTPError as error:
            logger.warning("%s did not answer: %s", self._url, error)
            raise SpeechServerFailed(
                f"The speech server did not answer ({type(error).__name__}): see that it runs."
            ) from error
        try:
            return decode_audio(sound, MAX_ANSWER_S, MAX_ANSWER_BYTES)
        except SilentAudio as error:
            raise UnspeakableText("The voice made no sound of this text: write it in the voice's language.") from error
        except (UnreadableAudio, AudioTooLong) as error:
            raise SpeechServerFailed(f"The speech server sent no usable sound: {error}") from error

    def _ask(self, text: str) -> bytes:
        """Return the answer's body, at most one piece over the limit."""
        deadline_s = time.monotonic() + self._timeout_s
        with self._client.stream("POST", self._url, json={**self._request, "input": text}) as response:
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
        logger.warning("%s answered %d: %.300s", self._url, status, response.read().decode(errors="replace"))
        if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return SpeechServerFailed(f"The speech server answered {status}: try again later.", {"status": status})
        return SpeechServerRefused(
            f"The speech server answered {status}: check the voice's URL, key, model and name.",
            {"status": status},
        )
