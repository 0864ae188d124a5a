"""The published checkpoints, as configs/models.yaml lists them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

MODELS = Path(__file__).parents[2] / "configs" / "models.yaml"

Url = Annotated[str, Field(pattern=r"^https?://[^/\s]+/\S*$")]


class PublishedCheckpoint(BaseModel):
    """One file: what tells it from any other, what its licence allows, and where it may be had."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0)
    layout: Literal["training checkpoint", "TorchScript archive", "state dict"]
    licence: str = Field(min_length=1)
    mirrors: tuple[Url, ...] = Field(min_length=1)


class PublishedCheckpoints(BaseModel):
    """The file: strict, each name and each digest once."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    checkpoints: tuple[PublishedCheckpoint, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        for field in ("name", "sha256"):
            values = [getattr(checkpoint, field) for checkpoint in self.checkpoints]
            if len(set(values)) < len(values):
                raise ValueError(f"two checkpoints have the same {field}")
        return self


def read_published(path: Path = MODELS) -> tuple[PublishedCheckpoint, ...]:
    """The checkpoints in the file at `path`. Raises `pydantic.ValidationError` where it breaks the rules above."""
    return PublishedCheckpoints.model_validate(yaml.safe_load(path.read_text("utf-8"))).checkpoints
