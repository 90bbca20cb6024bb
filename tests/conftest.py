"""The tiny experiment, built once for all tests that need it built."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

# Before any library reads it: tests run side by side, and sums of floats depend on the number of threads.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import pytest
from filelock import FileLock
from support.generated import Generated
from support.trees import Tree, tiny


def pytest_addoption(parser: pytest.Parser) -> None:
    """``pytest --fix`` rewrites what is generated, where it differs, instead of failing."""
    parser.addoption("--fix", action="store_true", help="rewrite generated files and parts of files")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What a machine cannot run is skipped, with the reason."""
    for mark in item.iter_markers("gpu"):
        import torch

        if torch.cuda.device_count() < mark.kwargs.get("count", 1):
            pytest.skip(f"needs {mark.kwargs.get('count', 1)} GPU(s), found {torch.cuda.device_count()}")
    for _ in item.iter_markers("distributed"):
        import torch

        if not torch.distributed.is_available():
            pytest.skip("needs a torch that was built with torch.distributed")


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Set the environment back after each test: a stage that runs in this process fixes what libraries read from it."""
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def generated(request: pytest.FixtureRequest) -> Generated:
    """Holds generated text to what generates it, or rewrites it."""
    return Generated(fix=request.config.getoption("--fix"))


@pytest.fixture(scope="session")
def built_by_snakemake(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The tiny experiment, built through Snakemake's door."""
    return _built(tmp_path_factory, "snakemake", Tree.snakemake)


@pytest.fixture(scope="session")
def built_by_dvc(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The tiny experiment, built through DVC's door."""
    return _built(tmp_path_factory, "dvc", Tree.repro)


def _built(tmp_path_factory: pytest.TempPathFactory, door: str, build: Callable[[Tree], object]) -> Tree:
    """A tree that is built once for all processes that run tests, whichever asks first."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder, done = shared / door, shared / f"{door}.built"
    with FileLock(shared / f"{door}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            build(tiny(folder))
            done.touch()
    return Tree(folder)
