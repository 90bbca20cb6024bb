"""Checkpoints are of one training, and are written whole or not at all."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch
from rosberta.frame import artifacts
from rosberta.frame.mistakes import Mistake
from rosberta.training.checkpoints import finish, newest, save, scratch


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_scratch_is_of_one_training(project: Path) -> None:
    """Equal inputs share a folder; others have another, and what the same training left before is removed."""
    first = scratch("contrast", "a", {"seed": 0, "settings": {"x": 1.5}})
    assert scratch("contrast", "a", {"settings": {"x": 1.5}, "seed": 0}) == first
    assert first.is_relative_to(artifacts.SCRATCH)
    others = [scratch("contrast", "b", {"seed": 0}), scratch("pretrain", "a", {"seed": 0})]
    for folder in (first, *others):
        folder.mkdir(parents=True)
    assert scratch("contrast", "a", {"seed": 0, "settings": {"x": 1.5}}) == first
    assert first.is_dir()
    other = scratch("contrast", "a", {"seed": 1, "settings": {"x": 1.5}})
    assert other != first
    assert not first.exists()
    assert all(folder.is_dir() for folder in others)
    other.mkdir()
    finish(other)
    assert not other.exists()
    assert all(folder.is_dir() for folder in others)


def test_a_full_disk_is_a_mistake(project: Path) -> None:
    """Where a checkpoint cannot be written, the reason is said, no part of it stays, and the one before it serves."""
    save(project / "kept", 1, {"a": torch.ones(3)}, None)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(Mistake, match=r"kept: a checkpoint cannot be written \(.+\); free some room"):
            save(project / "kept", 2, {"a": torch.zeros(200, 200)}, None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in (project / "kept").iterdir()] == ["step-1"]
    found = newest(project / "kept", torch.device("cpu"))
    assert found is not None
    assert found[0] == 1
