"""Wav2Lip's weights from any of the files they are published in, told apart by what is in them.

Three layouts are in circulation, often under the same name: a training checkpoint (`state_dict` with
`module.` before each tensor's name, beside optimizer state), a TorchScript archive, and a bare state dict.
Nothing in a file can run code here: pickles are read with `weights_only`, and an archive may not bring a
`__setstate__`, the one method that loading it would call.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deployments.errors import CheckpointUnusable
from deployments.lipsync.published import read_published
from deployments.lipsync.wav2lip import Wav2Lip

logger = logging.getLogger("ray.serve")

WANTED = (
    "Wanted is Wav2Lip's published generator for 96x96 faces, wav2lip.pth or wav2lip_gan.pth: scripts/fetch-weights "
    "gets it."
)
DAMAGED = "is cut short or damaged"
UNSAFE = "is no PyTorch file, or holds more than tensors and plain values, which could run code: refused"
PREFIX = "module."

OTHER_NETWORKS = {
    "conv1_1.weight": "the face detector S3FD",
    "face_encoder.0.conv_block.0.weight": "the lip-sync expert (SyncNet), which serves training only",
    "binary_pred.0.weight": "the visual quality discriminator, which serves training only",
}
"""Networks that are published beside the generator, by a tensor that only they have."""

FACE_ENCODER = "face_encoder_blocks.{}.0.conv_block.0.weight"
"""The first kernel of each of the face encoder's blocks: (out, in, height, width)."""

OTHER_SIZES = {(8, 16, 3, 3): 192, (8, 16, 3, 4): 256, (9, 16, 3, 3): 256, (9, 16, 5, 3): 288, (9, 8, 3, 3): 384}
"""Generators for larger faces, in pixels, by their face encoder: number of blocks, channels after the first, sizes of
the second and the last kernel. From the definitions in primepake/wav2lip_288x288 (192, 288, 384),
nghiakvnvsd/wav2lip384 and lipku/LiveTalking (256); the other 256 is one that halves its way down to one pixel."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Tensors by the names of `Wav2Lip().state_dict()`, and the SHA-256 of the file they came from, in hex."""

    weights: Mapping[str, Tensor]
    digest: str


def load_checkpoint(path: Path, sha256: str | None = None) -> Checkpoint:
    """Return the weights in the file at `path`, on the CPU, and log which file it is.

    Raises `CheckpointUnusable` with a sentence that says what the file is instead; before anything of it is parsed
    where `sha256` (hex) is given and the file has another.
    """
    digest = _digest(path)
    if sha256 is not None and sha256 != digest:
        problem = f"is {_known_as(digest)}, but lipsync.checkpoint_sha256 asks for {_known_as(sha256)}"
        raise _unusable(path, problem)
    weights = _named(path, _contents(path))
    _compare(path, weights)
    logger.info("checkpoint %s is %s", path, _known_as(digest))
    return Checkpoint(weights, digest)


def _digest(path: Path) -> str:
    if not path.is_file():
        raise _unusable(path, "does not exist" if not path.exists() else "is not a file")
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _known_as(digest: str) -> str:
    names = [published.name for published in read_published() if published.sha256 == digest]
    what = f"the published {names[0]}" if names else "none of the published files (fine-tuned or seeded weights)"
    return f"{what}, sha256 {digest}"


def _contents(path: Path) -> Any:  # noqa: ANN401 - whatever is in the file
    """What PyTorch reads from the file: a dict if all is well."""
    with path.open("rb") as file:
        head = file.read(1024).lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise _unusable(path, "is a web page, saved in place of the file it offers")
    try:
        if zipfile.is_zipfile(path) and (code := _torchscript(path)):
            if b"__setstate__" in code:
                raise _unusable(path, UNSAFE)
            return torch.jit.load(path, map_location="cpu").state_dict()  # type: ignore[no-untyped-call]
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _unusable(path, UNSAFE) from error
    except (OSError, EOFError, RuntimeError, LookupError, zipfile.BadZipFile) as error:
        raise _unusable(path, DAMAGED) from error


def _torchscript(path: Path) -> bytes:
    """The source in a TorchScript archive; empty for another zip file. PyTorch's reader ignores case, so does this."""
    with zipfile.ZipFile(path) as archive:
        return b"".join(archive.read(entry) for entry in archive.infolist() if "/code/" in entry.filename.lower())


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
        problem = f"holds {_network(found)}: {len(wrong)} of {len(wanted)} are missing or of another shape"
        raise _unusable(path, f"{problem}, {len(unknown)} are unknown, the first is {(unknown + wrong)[0]!r}")


def _network(shapes: Mapping[str, torch.Size]) -> str:
    """Whose tensors these are."""
    for tensor, network in OTHER_NETWORKS.items():
        if tensor in shapes:
            return network
    kernels = [shapes[name] for name in map(FACE_ENCODER.format, range(16)) if name in shapes]
    if len(kernels) in (0, 7) or any(len(kernel) != 4 for kernel in kernels):
        return "other tensors"
    first, second, last = kernels[0], kernels[1 % len(kernels)], kernels[-1]
    size_px = OTHER_SIZES.get((len(kernels), first[0], second[3], last[3]))
    which = f"the {size_px}x{size_px} variant of Wav2Lip" if size_px else "Wav2Lip for another size of face"
    return f"{which} ({len(kernels)} face encoder blocks, not 7)"


def _unusable(path: Path, problem: str) -> CheckpointUnusable:
    return CheckpointUnusable(f"The checkpoint {path} {problem}. {WANTED}", {"path": str(path)})
