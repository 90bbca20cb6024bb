"""The miniature, built once for all tests of it, and no network."""

from __future__ import annotations

from pathlib import Path

import miniature
import pytest
from miniature import benchmark, models, sets
from miniature.world.world import World
from support.miniature import ROWS, SEED


@pytest.fixture(scope="session")
def world() -> World:
    return World(SEED)


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole miniature, built in this process."""
    folder = tmp_path_factory.mktemp("miniature")
    miniature.build(folder, [*sets.IDS, *benchmark.IDS], models.IDS, SEED, ROWS)
    return folder


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
