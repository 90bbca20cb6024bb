"""A project after the stages `hub` and `benchmark` on all tasks of the miniature, and data sets of one's own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from miniature import benchmark as made
from rosberta.evaluation import tasks
from rosberta.experiment.hub import Hub, Pin
from rosberta.frame.files import digest
from rosberta.stages import benchmark, hub

from support.scoring import Entry

SEED, ROWS = 7, 60
SPLITS = {"train": "train.parquet", "test": "test.parquet"}


def published(*names: str) -> dict[str, Entry]:
    """Entries of ruMTEB's tasks: those of these names, or all of both versions."""
    rumteb = tasks.rumteb()
    return {name: Entry(rumteb[name].metadata.dataset["path"]) for name in names or rumteb}


def experiment(entries: dict[str, Entry], pins: dict[str, str]) -> SimpleNamespace:
    datasets = {id: Pin(revision=revision) for id, revision in pins.items()}
    return SimpleNamespace(
        hub=Hub(origin="hub", datasets=datasets, models={}), benchmark=SimpleNamespace(tasks=entries)
    )


def pins(*ids: str) -> dict[str, str]:
    revisions = {task.metadata.dataset["path"]: task.metadata.dataset["revision"] for task in tasks.rumteb().values()}
    return {id: revisions[id] for id in ids or revisions}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The miniature's data sets, laid out as a mirror."""
    root = tmp_path_factory.mktemp("mirror")
    for id in made.IDS:
        made.write_dataset(id, root / "datasets" / id, SEED, ROWS)
    return root


@pytest.fixture(scope="module")
def laid_out(tmp_path_factory: pytest.TempPathFactory, mirror: Path) -> Iterator[Path]:
    """A project after the stages `hub` and `benchmark` on all tasks; no network, no cache that outlives the tests."""
    import datasets
    import torch

    torch.set_num_threads(1)
    root, before = tmp_path_factory.mktemp("project"), Path.cwd()
    patch = pytest.MonkeyPatch()
    patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    patch.setenv("ROSBERTA_MIRROR", str(mirror))
    os.chdir(root)
    try:
        whole = experiment(published(), pins())
        hub.run(whole)
        benchmark.run(whole)
    finally:
        os.chdir(before)
    yield root
    patch.undo()


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache for each test."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


@pytest.fixture
def project(tmp_path: Path, laid_out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own in which all pins are resolved and nothing is laid out."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(laid_out / "data/hub", tmp_path / "data/hub")
    return tmp_path


def own(mirror: Path, id: str, **files: pa.Table) -> None:
    """Add a data set of one's own to the mirror and pin it."""
    folder = mirror / "datasets" / id
    shutil.rmtree(folder, ignore_errors=True)
    for name, table in files.items():
        path = folder / f"{name.replace('__', '/')}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
    hub.run(experiment({}, {id: digest(folder)}))


LABELLED = {"text": ["а", "б"], "label": [0, 1]}
