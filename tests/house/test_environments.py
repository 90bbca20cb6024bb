"""The environments in `envs/` agree: conda files hold the locks' versions, and the locks are what is installed."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

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


def test_one_range_of_pythons_everywhere() -> None:
    """pip, conda and make take the same versions of Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in ("cpu", "gpu"):
        conda = (ENVS / f"{name}.yaml").read_text(encoding="utf-8")
        assert f"- python{project['requires-python']}\n" in conda
    least, most = (int(minor) for minor in re.findall(r"3\.(\d+)", project["requires-python"]))
    (made,) = re.findall(r"^PYTHONS := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert made.split() == [f"python3.{minor}" for minor in range(most - 1, least - 1, -1)]


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        ({"python3.13": True, "python3.12": True, "python3.11": True}, "python3.13"),
        ({"python3.13": False, "python3.12": True, "python3.11": True}, "python3.12"),
        ({"python3.13": False, "python3.12": False, "python3.11": True}, "python3.11"),
        ({"python3.13": False, "python3.12": False, "python3.11": False}, None),
    ],
)
def test_make_takes_the_newest_python_that_works(there: dict[str, bool], taken: str | None, tmp_path: Path) -> None:
    """A stub that starts nothing, or one without venv, is passed over; where there is none, one line says so."""
    for name, works in there.items():
        (tmp_path / name).write_text(f"#!/bin/sh\nexit {0 if works else 127}\n")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHON", None)
    done = subprocess.run(
        ["make", "-f", ROOT / "Makefile", "--dry-run", "install", f"VENV={tmp_path}/venv"],
        cwd=ROOT, env=environment, text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert f"{taken} -m venv" in done.stdout if taken else "install one" in done.stdout
    if taken is None:
        failed = subprocess.run(
            ["make", "-f", ROOT / "Makefile", "install", f"VENV={tmp_path}/venv"],
            cwd=ROOT, env=environment, text=True, capture_output=True, check=False,
        )  # fmt: skip
        assert failed.returncode
        assert "make: no Python 3.11, 3.12 or 3.13 with venv is here; install one" in failed.stderr
        assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize("named", ["python3.10", "nowhere"])
def test_make_takes_no_python_that_the_locks_are_not_for(named: str, tmp_path: Path) -> None:
    """One that a person names is looked at, too, before anything is made."""
    script = f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 10, 13); $(echo "$2")"\n'
    (tmp_path / "python3.10").write_text(script)
    (tmp_path / "python3.10").chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    failed = subprocess.run(
        ["make", "-f", ROOT / "Makefile", "install", f"VENV={tmp_path}/venv", f"PYTHON={named}"],
        cwd=ROOT, env=environment, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert failed.returncode
    assert f"make: no Python 3.11, 3.12 or 3.13 with venv is here, and {named} is none; install one" in failed.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(
    ("answer", "status", "sentence"),
    [
        ("580.65.06\n", 0, "the GPU's driver 580.65 is new enough for CUDA 13"),
        ("595.10\n595.10\n", 0, "is new enough"),
        ("570.133.20\n", 1, "the GPU's driver is 570.133, the locked build (CUDA 13) wants 580.65 or newer; update"),
        ("580.12\n", 1, "wants 580.65 or newer"),
        (None, 0, "no NVIDIA driver is found here; where jobs run it must be 580.65 or newer"),
        ("No devices were found", 0, "no NVIDIA driver is found here"),
    ],
)
def test_an_old_driver_is_told_before_the_install(answer: str | None, status: int, sentence: str) -> None:
    """Of the CUDA version that the lock really has."""
    driver = runpy.run_path(str(ENVS / "driver.py"))
    lock_text = (ENVS / "gpu.lock").read_text(encoding="utf-8")
    assert driver["cuda"](lock_text) in driver["DRIVERS"]
    found, said = driver["judged"](answer, lock_text)
    assert found == status
    assert sentence in said
