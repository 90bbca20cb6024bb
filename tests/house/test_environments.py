"""The environments in `envs/` agree: conda files hold the locks' versions, and the locks are what is installed."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, version

import pytest
from support.trees import ROOT

ENVS = ROOT / "envs"


def pins(lines: list[str]) -> dict[str, str]:
    """Name to version of the lines ``name==version``."""
    found = {}
    for line in lines:
        if match := re.fullmatch(r"\s*-?\s*([A-Za-z0-9_.-]+)==([^\s;#]+)\s*", line.split("#")[0]):
            found[re.sub(r"[-_.]+", "-", match[1]).lower()] = match[2]
    return found


def lock(name: str) -> dict[str, str]:
    """The pins of a lock file."""
    return pins((ENVS / f"{name}.lock").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_conda_files_hold_the_locks_versions(name: str) -> None:
    """The conda file installs the same packages at the same versions as the pip lock."""
    assert pins((ENVS / f"{name}.yaml").read_text(encoding="utf-8").splitlines()) == lock(name)


def test_what_is_asked_for_is_locked() -> None:
    """Every direct requirement is in its lock, at the version asked for."""
    for requirements, locks in (("requirements.txt", ("cpu", "gpu")), ("test-requirements.txt", ("test",))):
        asked = pins((ENVS / requirements).read_text(encoding="utf-8").splitlines())
        assert asked
        for name in locks:
            assert asked.items() <= lock(name).items()


def test_gpu_differs_from_cpu_by_cuda_only() -> None:
    """Both environments run the same code."""
    cpu, gpu = lock("cpu"), lock("gpu")
    assert cpu.items() <= gpu.items()
    extra = set(gpu) - set(cpu)
    assert extra
    assert all(name.startswith(("nvidia-", "cuda-", "triton")) for name in extra)


def test_the_lock_is_what_is_installed() -> None:
    """These tests run in the locked environment."""
    different = {}
    for name, wanted in (lock("cpu") | lock("test")).items():
        try:
            found = version(name).split("+")[0]
        except PackageNotFoundError:
            found = "missing"
        if found != wanted:
            different[name] = (wanted, found)
    assert not different
