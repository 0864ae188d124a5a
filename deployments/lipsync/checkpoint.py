"""Wav2Lip's weights from any of the files they are published in, told apart by what is in them.

Three layouts are in circulation, often under the same name: a training checkpoint (`state_dict` with
`module.` before each tensor's name, beside optimizer state), a TorchScript archive, and a bare state dict.
Nothing in a file can run code here: pickles are read with `weights_only`.
"""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deployments.errors import CheckpointUnusable
from deployments.lipsync.wav2lip import Wav2Lip

WANTED = "Wanted is Wav2Lip's published generator: wav2lip.pth or wav2lip_gan.pth."
DAMAGED = "is cut short or damaged"
PREFIX = "module."


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Tensors by the names of `Wav2Lip().state_dict()`, and the SHA-256 of the file they came from, in hex."""

    weights: Mapping[str, Tensor]
    digest: str


def load_checkpoint(path: Path) -> Checkpoint:
    """Return the weights in the file at `path`, on the CPU.

    Raises `CheckpointUnusable` with a sentence that says what the file is instead.
    """
    if not path.is_file():
        raise _unusable(path, "does not exist" if not path.exists() else "is not a file")
    weights = _named(path, _contents(path))
    _compare(path, weights)
    with path.open("rb") as file:
        return Checkpoint(weights, hashlib.file_digest(file, "sha256").hexdigest())


def _contents(path: Path) -> Any:  # noqa: ANN401 - whatever is in the file
    """What PyTorch reads from the file: a dict if all is well."""
    with path.open("rb") as file:
        head = file.read(1024).lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise _unusable(path, "is a web page, saved in place of the file it offers")
    try:
        if zipfile.is_zipfile(path) and _is_torchscript(path):
            return torch.jit.load(path, map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        problem = "is no PyTorch file, or holds more than tensors and plain values, which could run code: refused"
        raise _unusable(path, problem) from error
    except (OSError, EOFError, RuntimeError, LookupError, zipfile.BadZipFile) as error:
        raise _unusable(path, DAMAGED) from error


def _is_torchscript(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def _named(path: Path, contents: Any) -> dict[str, Tensor]:  # noqa: ANN401 - whatever was in the file
    """The tensors under their bare names."""
    if isinstance(contents, Mapping) and isinstance(contents.get("state_dict"), Mapping):
        contents = contents["state_dict"]
    if not isinstance(contents, Mapping):
        raise _unusable(path, f"holds a {type(contents).__name__}, not a dict of tensors")
    return {str(name).removeprefix(PREFIX): value for name, value in contents.items()}


def _compare(path: Path, weights: Mapping[str, Any]) -> None:
    """Refuse other networks' tensors."""
    with torch.device("meta"):
        wanted = {name: value.shape for name, value in Wav2Lip().state_dict().items()}
    found = {name: value.shape for name, value in weights.items() if isinstance(value, Tensor)}
    wrong = [name for name, shape in wanted.items() if found.get(name) != shape]
    unknown = [name for name in weights if name not in wanted]
    if wrong or unknown:
        problem = f"holds other tensors: {len(wrong)} of {len(wanted)} are missing or of another shape"
        raise _unusable(path, f"{problem}, {len(unknown)} are unknown, the first is {(unknown + wrong)[0]!r}")


def _unusable(path: Path, problem: str) -> CheckpointUnusable:
    return CheckpointUnusable(f"The checkpoint {path} {problem}. {WANTED}", {"path": str(path)})
