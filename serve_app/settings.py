"""Every setting of the service: strict (an unknown key is refused), with its unit in its name and its reason."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from deployments.media import Paste
from deployments.voices import NAME
from serve_app.access_settings import AccessSettings


class Strict(BaseModel):
    """Frozen, and closed to keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HibariVoice(Strict):
    """The built-in US English voice."""

    engine: Literal["hibari"] = "hibari"
    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    language: str = "en-US"
    gender: str = "female"


class OpenAiVoice(Strict):
    """A voice of any server with OpenAI's `/v1/audio/speech` (Kokoro, Piper, speaches, a cloud)."""

    engine: Literal["openai"]
    base_url: str
    model: str
    voice: str
    api_key_env: str | None = None  # the key's name in the environment: keys never stand in a config file
    timeout_s: float = 60.0  # a cold server may have to load its model first
    language: str | None = None  # BCP 47: with it, texts in other letters are refused
    gender: str | None = None


class VoiceServer(Strict):
    """A server whose voices are found: it has `/v1/voices`, too, as speech_servers/espeak_ng does."""

    base_url: str | None = None
    base_url_env: str | None = None  # or the environment variable that holds it: without it, there is no server
    api_key_env: str | None = None
    timeout_s: float = 60.0

    @model_validator(mode="after")
    def _has_an_address(self) -> "VoiceServer":
        if (self.base_url is None) == (self.base_url_env is None):
            raise ValueError("give base_url or base_url_env")
        return self


VoiceName = Annotated[str, Field(pattern=NAME)]

VoiceSettings = Annotated[HibariVoice | OpenAiVoice, Field(discriminator="engine")]


class SpeechSettings(Strict):
    """Voices by voiceId, servers that lend more, and the limits of what is said or uploaded."""

    voices: dict[VoiceName, VoiceSettings] = {"default": HibariVoice()}
    servers: dict[VoiceName, VoiceServer] = {}  # by prefix: espeak makes the server's voice `de` the voice `espeak-de`
    max_text_chars: int = 1000  # about 70 s of speech
    max_audio_s: float = 600.0  # what D-ID and its peers accept
    max_audio_bytes: int = 50_000_000  # 10 min of WAV at 41 kHz mono

    @model_validator(mode="after")
    def _default_exists(self) -> "SpeechSettings":
        if "default" not in self.voices:
            raise ValueError("voices: a voice named 'default' must exist")
        return self


class FacesSettings(Strict):
    """Limits of a picture or a clip, and the size of the video made from it."""

    max_image_bytes: int = 20_000_000  # a 50 megapixel JPEG of a phone
    max_pixels: int = 50_000_000  # 150 MB decoded
    max_side_px: int = (
        1280  # the video's longer side: what a phone shows, and what two cores encode faster than real time
    )
    max_clip_bytes: int = 60_000_000  # a minute of a phone's 1080p
    max_clip_s: float = 120.0  # finding the face takes two cores about half of that


Engine = Literal["auto", "wav2lip", "preview"]


class LipsyncSettings(Strict):
    """The engines that move mouths."""

    engine: Engine = "auto"  # of orders that name none: auto is wav2lip if the checkpoint is there, preview otherwise
    checkpoint: Path = Path("weights/wav2lip_gan.pth")
    checkpoint_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")  # refuses any other file
    device: str = "auto"  # a PyTorch device; auto is CUDA where there is one
    threads: int | None = Field(default=None, ge=1)  # PyTorch's; none is the replica's num_cpus, rounded up
    paste: Paste = "feathered"  # of orders that name none
    silence: Literal["rest", "published"] = "rest"  # published: the mouth trembles in the noise of a pause
    alignment: Literal["published", "training"] = "published"
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"  # the fastest that the device has in hardware


class VideoSettings(Strict):
    """The shape of the MP4."""

    fps: float = Field(default=25.0, ge=10, le=60)  # Wav2Lip was trained at 25
    chunk_frames: int = Field(default=16, ge=1, le=256)  # per call: long enough to hide a hop, short enough to hold two
    crf: int = Field(default=20, ge=0, le=51)
    preset: str = "veryfast"


class DiskStorage(Strict):
    """Objects as files below a folder: one machine."""

    kind: Literal["disk"] = "disk"
    root: Path = Path(".data/objects")


class MinioStorage(Strict):
    """Objects in an S3 bucket; endpoint, keys and bucket come from the four MINIO_* variables."""

    kind: Literal["minio"]
    region: str = "us-east-1"  # given, so that signing a URL makes no call
    public_endpoint: str | None = None  # what phones reach: the host is part of a presigned URL's signature


Storage = Annotated[DiskStorage | MinioStorage, Field(discriminator="kind")]


class JobsSettings(Strict):
    """The memory of finished work, and how much is done at once."""

    cache_dir: Path = Path(".data/cache")
    cache_hours: float = 24.0  # the mobile contract
    running: int = Field(default=4, ge=1)  # pipelines at once; a stage in use by another just queues
    queue: int = Field(default=200, ge=1)  # videos in work or waiting: beyond, callers are asked to come back
    deadline_s: float = 7200.0  # from the order to its end: twice what the longest sound takes on two cores
    stage_limit_s: float = 3600.0  # ten minutes of sound by Wav2Lip on two cores take 20; what hangs must end some day
    dollars_per_place_hour: float | None = Field(default=None, gt=0)  # of the machines behind one of `running`
    samples: bool = True  # register the shipped sample posters


class HttpSettings(Strict):
    """What callers see."""

    wait_s: float = Field(default=7.0, ge=0, le=60)  # OkHttp gives up at 10 s, ExoPlayer at 8
    max_body_bytes: int = 80_000_000  # the largest picture and the largest sound in one form
    public_base_url: str | None = None  # e.g. https://talk.example.org; otherwise what the caller asked
    video_urls: Literal["content", "presigned"] = "content"
    signed_hours: float = Field(default=1.0, gt=0, le=168)  # how long a phone may play a video without a key
    presigned_hours: float = Field(default=24.0, gt=0, le=168)


class OutboundSettings(Strict):
    """Addresses that callers give: pictures, sounds, webhooks. None leads to a private network but those named here."""

    allow_networks: tuple[str, ...] = ()  # e.g. 10.1.0.0/16


class WebhooksSettings(Strict):
    """Telling callers of the end of a video. Without secrets, orders that name a webhook are refused."""

    secrets_env: str | None = None  # the variable with the signing secrets, whsec_..., between blanks: the newest first
    concurrent: int = Field(default=32, ge=1)


class Settings(Strict):
    """The `args` of a Serve config file."""

    speech: SpeechSettings = SpeechSettings()
    faces: FacesSettings = FacesSettings()
    lipsync: LipsyncSettings = LipsyncSettings()
    video: VideoSettings = VideoSettings()
    storage: Storage = DiskStorage()
    jobs: JobsSettings = JobsSettings()
    http: HttpSettings = HttpSettings()
    access: AccessSettings = AccessSettings()
    outbound: OutboundSettings = OutboundSettings()
    webhooks: WebhooksSettings = WebhooksSettings()
