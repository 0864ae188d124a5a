import hashlib
import os
import pickle

import pytest
import torch

from deployments.errors import CheckpointUnusable
from deployments.lipsync.checkpoint import load_checkpoint
from deployments.lipsync.wav2lip import Wav2Lip


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
