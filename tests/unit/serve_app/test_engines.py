"""What the settings choose."""

import logging

import pytest
import torch
from seeded_checkpoint import seeded_weights, write_checkpoint

from deployments.errors import CheckpointUnusable, StorageUnavailable
from deployments.lipsync.published import read_published
from serve_app import engines
from serve_app.settings import LipsyncSettings, MinioStorage


@pytest.fixture(scope="module")
def checkpoint_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "seeded.pth"
    write_checkpoint(path, seeded_weights())
    yield path
    path.unlink()


def test_wav2lip_without_a_checkpoint_fails_with_the_path_it_looked_at(tmp_path):
    path = tmp_path / "wav2lip_gan.pth"
    with pytest.raises(CheckpointUnusable, match=str(path)):
        engines.lipsync(LipsyncSettings(engine="wav2lip", checkpoint=path), 1.0, 0.0)


def test_auto_without_a_checkpoint_is_the_preview_and_says_why(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "ray.serve"):
        (engine,) = engines.lipsync(LipsyncSettings(checkpoint=tmp_path / "none.pth"), 1.0, 0.0)
    assert engine.name == "preview"
    assert f"no checkpoint at {tmp_path / 'none.pth'}" in caplog.text


def test_auto_with_a_file_that_is_no_checkpoint_does_not_fall_back_in_silence(tmp_path):
    path = tmp_path / "wav2lip_gan.pth"
    path.write_text("<html>not found</html>")
    with pytest.raises(CheckpointUnusable):
        engines.lipsync(LipsyncSettings(checkpoint=path), 1.0, 0.0)


def test_another_checkpoint_than_the_configured_digest_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "wav2lip_gan.pth"
    path.write_bytes(b"other weights")
    with pytest.raises(CheckpointUnusable, match=r"checkpoint_sha256 asks for the published wav2lip_gan\.pth"):
        engines.lipsync(LipsyncSettings(checkpoint=path, checkpoint_sha256=read_published()[0].sha256), 1.0, 0.0)


@pytest.mark.parametrize(
    ("configured", "cpus", "threads"), [(None, 1.4, 2), (None, 0.1, 1), (None, 3.0, 3), (1, 3.0, 1)]
)
def test_wav2lip_computes_with_the_threads_that_its_replica_has(checkpoint_path, configured, cpus, threads):
    before = torch.get_num_threads()
    try:
        made = engines.lipsync(LipsyncSettings(checkpoint=checkpoint_path, threads=configured), cpus, 0.0)
        assert [engine.name for engine in made] == ["wav2lip", "preview"]
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


def test_minio_without_its_variables_names_those_that_are_missing(monkeypatch):
    monkeypatch.setenv("MINIO_BUCKET", "b")
    for name in ("MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(StorageUnavailable, match="MINIO_ENDPOINT, MINIO_ACCESS_KEY, MINIO_SECRET_KEY"):
        engines.store(MinioStorage(kind="minio"))
