import hashlib
import logging
import os
import pickle
import zipfile

import pytest
import torch

from deployments.errors import CheckpointUnusable
from deployments.lipsync.checkpoint import load_checkpoint
from deployments.lipsync.published import read_published
from deployments.lipsync.wav2lip import Wav2Lip


class Intruder(torch.nn.Module):
    """A TorchScript archive of it writes to a file when it is loaded."""

    w: torch.Tensor

    def __init__(self):
        super().__init__()
        self.w = torch.zeros(3)

    @torch.jit.export
    def __getstate__(self):
        return self.w, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]):
        self.w = torch.from_file("was_here", True, 10)
        self.training = state[1]

    def forward(self, x):
        return x


class Malicious:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def same(found, expected):
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


def refusal(path):
    with pytest.raises(CheckpointUnusable) as caught:
        load_checkpoint(path)
    assert str(path) in caught.value.detail
    assert "wav2lip_gan.pth" in caught.value.detail
    return caught.value.detail


def test_published_pickle_is_read_and_digested(checkpoint_path, weights):
    checkpoint = load_checkpoint(checkpoint_path)
    assert same(checkpoint.weights, weights)
    assert checkpoint.digest == hashlib.sha256(checkpoint_path.read_bytes()).hexdigest()


def test_the_log_tells_the_digest_and_that_it_is_none_of_the_published(checkpoint_path, caplog):
    with caplog.at_level(logging.INFO, "ray.serve"):
        digest = load_checkpoint(checkpoint_path).digest
    assert (
        f"{checkpoint_path} is none of the published files (fine-tuned or seeded weights), sha256 {digest}"
        in caplog.text
    )


def test_the_log_tells_the_name_of_a_published_file(checkpoint_path, caplog, monkeypatch):
    digest = hashlib.sha256(checkpoint_path.read_bytes()).hexdigest()
    known = read_published()[1].model_copy(update={"sha256": digest})
    monkeypatch.setattr("deployments.lipsync.checkpoint.read_published", lambda: (known,))
    with caplog.at_level(logging.INFO, "ray.serve"):
        load_checkpoint(checkpoint_path, digest)
    assert f"{checkpoint_path} is the published wav2lip.pth, sha256 {digest}" in caplog.text


def test_the_digest_that_is_asked_for_decides_before_the_file_is_read(tmp_path):
    path, published = tmp_path / "wav2lip_gan.pth", read_published()[0]
    path.write_bytes(pickle.dumps(Malicious(tmp_path / "was_here")))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(CheckpointUnusable) as caught:
        load_checkpoint(path, published.sha256)
    assert str(path) in caught.value.detail
    assert f"is none of the published files (fine-tuned or seeded weights), sha256 {digest}" in caught.value.detail
    assert f"asks for the published wav2lip_gan.pth, sha256 {published.sha256}" in caught.value.detail
    with pytest.raises(CheckpointUnusable, match="does not exist"):
        load_checkpoint(tmp_path / "nowhere.pth", digest)


def test_pickle_of_2020_is_read(weights, tmp_path):
    path = tmp_path / "wav2lip.pth"
    state = {f"module.{name}": value for name, value in weights.items()}
    torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=False)
    assert same(load_checkpoint(path).weights, weights)
    path.unlink()


def test_bare_state_dict_is_read(weights, tmp_path):
    path = tmp_path / "any.name"
    torch.save(weights, path)
    assert same(load_checkpoint(path).weights, weights)
    path.unlink()


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # the archive is in circulation all the same
def test_torchscript_archive_is_read_whatever_its_name(weights, tmp_path):
    path = tmp_path / "wav2lip_gan.pth"
    network = Wav2Lip().eval()
    network.load_state_dict(weights)
    torch.jit.save(torch.jit.trace(network, (torch.zeros(1, 1, 80, 16), torch.zeros(1, 3, 96, 96))), path)
    assert same(load_checkpoint(path).weights, weights)
    path.unlink()


def test_missing_file_is_named(tmp_path):
    assert "does not exist" in refusal(tmp_path / "nowhere.pth")


def test_folder_is_refused(tmp_path):
    assert "not a file" in refusal(tmp_path)


def test_web_page_is_recognised(tmp_path):
    path = tmp_path / "wav2lip_gan.pth"
    path.write_text("\n<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title></html>")
    assert "web page" in refusal(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("kept", [0, 10, 300, 5000, -1000])
def test_truncated_download_is_recognised(tmp_path, zipped, kept):
    path = tmp_path / "wav2lip.pth"
    torch.save({"state_dict": {"weight": torch.zeros(10_000)}}, path, _use_new_zipfile_serialization=zipped)
    path.write_bytes(path.read_bytes()[:kept])
    assert "cut short or damaged" in refusal(path)


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "s3fd.pth"
    torch.save({"conv1_1.weight": torch.zeros(64, 3, 3, 3)}, path)
    assert "352 of 352 are missing" in refusal(path)


# The first kernel of each face encoder block, as (channels, size), in published definitions of larger generators.
VARIANTS = {
    "192x192": [(16, 7), (32, 3), (64, 3), (128, 3), (256, 3), (512, 3), (1024, 3), (1024, 3)],
    "256x256": [(16, 7), (32, 3), (64, 3), (128, 3), (256, 3), (512, 3), (512, 3), (512, 4)],
    "288x288": [(16, 7), (32, 5), (32, 3), (64, 3), (128, 3), (256, 3), (512, 3), (512, 3), (512, 3)],
    "384x384": [(8, 7), (16, 3), (32, 3), (64, 3), (128, 3), (256, 3), (512, 3), (1024, 3), (1024, 3)],
    "another size": [(6, 7), (6, 3), (8, 3), (16, 3), (32, 3), (64, 3), (128, 3), (256, 3), (512, 3), (1024, 3)],
    "another size of": [(16, 7)],
}


@pytest.mark.parametrize("size", VARIANTS)
def test_generators_for_other_sizes_of_face_are_named_whatever_the_file_is_called(tmp_path, size):
    path, before, state = tmp_path / "wav2lip_gan.pth", 6, {}
    for block, (channels, kernel) in enumerate(VARIANTS[size]):
        one = torch.zeros(1).expand(channels, before, kernel, kernel)  # of any shape, a few bytes in the file
        state[f"module.face_encoder_blocks.{block}.0.conv_block.0.weight"] = one
        before = channels
    torch.save({"state_dict": state}, path)
    told = refusal(path)
    assert size in told
    assert f"({len(VARIANTS[size])} face encoder blocks, not 7)" in told
    assert "96x96" in told


@pytest.mark.parametrize(
    ("tensor", "told"),
    [
        ("conv1_1.weight", "S3FD"),
        ("face_encoder.0.conv_block.0.weight", "SyncNet"),
        ("binary_pred.0.weight", "discriminator"),
        ("face_encoder_blocks.0.0.conv_block.0.weight", "other tensors"),
    ],
)
def test_networks_published_beside_the_generator_are_named(tmp_path, tensor, told):
    path = tmp_path / "wav2lip.pth"
    torch.save({"state_dict": {tensor: torch.zeros(3)}}, path)
    assert told in refusal(path)


def test_another_shape_is_refused(weights, tmp_path):
    path = tmp_path / "wav2lip_288.pth"
    torch.save(weights | {"output_block.1.bias": torch.zeros(4)}, path)
    assert "'output_block.1.bias'" in refusal(path)
    path.unlink()


def test_a_list_is_refused(tmp_path):
    path = tmp_path / "list.pth"
    torch.save([torch.zeros(3)], path)
    assert "list" in refusal(path)


@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", bytes(range(256)) * 8])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "wav2lip.pth"
    path.write_bytes(content)
    assert "no PyTorch file" in refusal(path)


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("folder", ["code", "CODE"])
def test_torchscript_that_would_run_when_loaded_is_refused_and_not_run(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    torch.jit.save(torch.jit.script(Intruder()), "plain.pt")
    path, trace = tmp_path / "wav2lip_gan.pth", tmp_path / "was_here"
    with zipfile.ZipFile("plain.pt") as plain, zipfile.ZipFile(path, "w") as archive:
        for entry in plain.infolist():
            archive.writestr(entry.filename.replace("/code/", f"/{folder}/"), plain.read(entry))
    assert "could run code" in refusal(path)
    assert not trace.exists()
    torch.jit.load("plain.pt")
    assert trace.exists()  # it would have


@pytest.mark.filterwarnings("ignore:Detected pickle protocol:UserWarning")
@pytest.mark.parametrize("layout", ["zip", "legacy", "raw"])
def test_malicious_pickle_is_refused_and_not_run(tmp_path, layout):
    path, trace = tmp_path / "wav2lip.pth", tmp_path / "was_here"
    if layout == "raw":
        path.write_bytes(pickle.dumps(Malicious(trace)))
    else:
        torch.save({"state_dict": Malicious(trace)}, path, _use_new_zipfile_serialization=layout == "zip")
    assert "could run code" in refusal(path)
    assert not trace.exists()
    pickle.loads(pickle.dumps(Malicious(trace)))
    assert trace.exists()  # it would have
