"""The miniature hub: equal bytes for equal seeds, small, and nothing for ids that it does not have."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import miniature
import pytest
from miniature import sets
from miniature.models import MODELS
from support.miniature import ROWS, SEED

BUILD = """
import sys
from pathlib import Path
import miniature
from miniature import benchmark, models, sets
miniature.build(Path(sys.argv[1]), [*sets.IDS, *benchmark.IDS], models.IDS, int(sys.argv[2]), 48)
"""


def built_elsewhere(folder: Path, seed: int) -> Path:
    """The whole miniature, built in a process of its own."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed + 1), "TOKENIZERS_PARALLELISM": "true"}
    subprocess.run([sys.executable, "-c", BUILD, str(folder), str(seed)], check=True, env=environment)
    return folder


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_equal_seeds_give_equal_bytes_in_every_process(hub: Path, tmp_path: Path) -> None:
    """A second process, with another hash seed and with tokenizer threads allowed, writes the same bytes."""
    assert digests(built_elsewhere(tmp_path / "again", SEED)) == digests(hub)


@pytest.mark.slow
def test_another_seed_gives_other_bytes(hub: Path, tmp_path: Path) -> None:
    """Every file of a training source, the weights and the tokenizers follow the seed."""
    other, ours = digests(built_elsewhere(tmp_path / "other", SEED + 1)), digests(hub)
    assert other.keys() == ours.keys()
    training = [name for name in ours if name.startswith(tuple(f"datasets/{id}/" for id in sets.IDS))]
    learnt = [name for name in ours if name.endswith(("model.safetensors", "tokenizer.json"))]
    assert len(learnt) == 2 * len(MODELS)
    assert [name for name in training + learnt if other[name] == ours[name]] == []


def test_the_miniature_is_small(hub: Path) -> None:
    """A default of 320 rows stays far below fifteen megabytes; so does this one."""
    assert sum(path.stat().st_size for path in hub.rglob("*") if path.is_file()) < 8e6


def test_an_unknown_id_is_refused(tmp_path: Path) -> None:
    """Ids are checked before anything is written."""
    with pytest.raises(KeyError, match="deepvk/ru-HNPP"):
        miniature.build(tmp_path / "hub", ["deepvk/ru-HNPP"], [], SEED, ROWS)
    with pytest.raises(KeyError, match="google/bert"):
        miniature.build(tmp_path / "hub", ["deepvk/ru-HNP"], ["google/bert"], SEED, ROWS)
    with pytest.raises(KeyError, match="x/y"):
        sets.write_dataset("x/y", tmp_path, SEED, ROWS)
    assert not (tmp_path / "hub").exists()
