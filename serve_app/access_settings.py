"""Who may call: API keys by name, each with a rate and a concurrency of its own."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ApiKey(BaseModel):
    """One caller's key: its digest, or the environment variable that holds it; the key itself stands in no file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,39}$")  # the owner of what the key orders; seen in logs
    sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")  # printf %s "$KEY" | sha256sum
    env: str | None = None
    requests_per_minute: int = Field(default=120, ge=1)  # a client that polls each of two videos once a second
    concurrent_jobs: int = Field(default=10, ge=1)

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.sha256 is None) == (self.env is None):
            raise ValueError(f"access.keys: {self.name!r} needs either sha256 or env")
        return self


class AccessSettings(BaseModel):
    """Without keys the service is open to whoever reaches it, and says so in its log."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keys: tuple[ApiKey, ...] = ()
    required: bool = False  # true: without keys the service does not start
    signing_secret_env: str = "SIGNING_SECRET"  # noqa: S105 - the variable's name

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [key.name for key in self.keys]
        if len(set(names)) < len(names):
            raise ValueError("access.keys: two keys have the same name")
        if self.required and not names:
            raise ValueError("access.keys: access.required is true, so at least one key must be given")
        return self
