"""Leases of GPUs: no two jobs of a machine share one, none sees another, and a killed job holds none."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from rosberta.doors import devices
from rosberta.doors.devices import GIVEN, VISIBLE, leased, present
from rosberta.frame.mistakes import Mistake

JOB = """
import sys, time
from pathlib import Path
from rosberta.doors import devices
devices.LOCKS, devices.PAUSE = Path(sys.argv[1]), 0.05
with devices.leased(wanted=True) as held:
    Path(sys.argv[2]).write_text(" ".join(held))
    while not Path(sys.argv[3]).exists():
        time.sleep(0.02)
"""


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with three GPUs, as `nvidia-smi -L` lists them."""
    tool = tmp_path / "nvidia-smi"
    lines = "".join(f"GPU {number}: NVIDIA X (UUID: GPU-{name})\\n" for number, name in enumerate("abc"))
    tool.write_text(f"#!/bin/sh\nprintf '{lines}'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv(VISIBLE, raising=False)
    monkeypatch.setattr(devices, "LOCKS", tmp_path / "locks")
    monkeypatch.setattr(devices, "PAUSE", 0.05)
    return tmp_path


@contextmanager
def other(box: Path, name: str, number: int) -> Iterator[subprocess.Popen[bytes]]:
    """Another job, which was given so many GPUs."""
    arguments = [str(box / "locks"), str(box / f"{name}.held"), str(box / f"{name}.end")]
    environment = os.environ | {GIVEN: str(number), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", JOB, *arguments], env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def held_by(box: Path, name: str) -> set[str]:
    """What another job holds, once it does."""
    until = time.monotonic() + 60
    while not (box / f"{name}.held").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    return set((box / f"{name}.held").read_text().split())


def test_no_two_jobs_share_a_gpu(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job takes what is free and sees nothing else; what is not free it waits for, all of it at once."""
    with other(box, "first", 2) as first:
        theirs = held_by(box, "first")
        assert len(theirs) == 2
        with leased(wanted=True) as ours:
            assert set(ours) | theirs == {"GPU-a", "GPU-b", "GPU-c"}
            assert os.environ[VISIBLE] == ours[0]
        monkeypatch.delenv(VISIBLE)
        with other(box, "second", 3):
            time.sleep(1)
            assert not (box / "second.held").exists()
            # It holds nothing while it waits.
            with leased(wanted=True) as ours:
                assert len(ours) == 1
            first.kill()
            assert held_by(box, "second") == {"GPU-a", "GPU-b", "GPU-c"}


def test_what_a_job_forks_holds_no_gpu(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it close what it has opened since in the place of a lock."""
    monkeypatch.setenv(GIVEN, "all")
    here, there = socket.socketpair()
    with leased(wanted=True) as held:
        if not (child := os.fork()):
            try:
                here.close()
                opened = [os.open(box, os.O_RDONLY) for _ in held]
                devices._let_go(*opened)
                there.send(b"begun")
                there.recv(1)
                os._exit(0 if all(os.path.samestat(os.fstat(file), box.stat()) for file in opened) else 1)
            finally:
                os._exit(1)
        there.close()
        assert here.recv(5) == b"begun"
    with ExitStack() as free:
        assert all(devices._held(name, free) for name in held)
    here.close()
    assert len(held) == 3
    assert os.waitpid(child, 0)[1] == 0
    assert not devices._locks


def test_a_job_takes_what_it_was_given(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One if nothing is said, all of them, those that are visible; a stage that computes on none sees none."""
    for given, number in ((None, 1), ("2", 2), ("all", 3), ("0", 0)):
        with monkeypatch.context() as patch:
            patch.delenv(GIVEN, raising=False) if given is None else patch.setenv(GIVEN, given)
            patch.setenv(VISIBLE, "")
            patch.delenv(VISIBLE)
            with leased(wanted=True) as ours:
                assert len(ours) == number
                assert os.environ[VISIBLE] == ",".join(ours)
    monkeypatch.setenv(VISIBLE, "4,7")
    assert present() == ["4", "7"]
    with leased(wanted=True) as ours:
        assert ours == ["4"]
    monkeypatch.setenv(VISIBLE, "4,7")
    with leased(wanted=False) as ours:
        assert ours == []
        assert os.environ[VISIBLE] == ""


def test_a_gpu_has_one_name(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However CUDA_VISIBLE_DEVICES calls it: else two jobs would hold it at once."""
    for said, names in (
        ("0, 2", ["GPU-a", "GPU-c"]), ("1,1", ["GPU-b"]), ("GPU-c,0", ["GPU-c", "GPU-a"]), ("-1", []), ("", []),
        ("1,-1,0", ["GPU-b"]), ("NoDevFiles", []), ("MIG-x", ["MIG-x"]),
    ):  # fmt: skip
        monkeypatch.setenv(VISIBLE, said)
        assert present() == names, said


@pytest.mark.parametrize(("given", "sentence"), [("4", "4 GPUs are asked for, and 3 found"), ("two", "neither a num")])
def test_what_cannot_be_had_is_said(box: Path, monkeypatch: pytest.MonkeyPatch, given: str, sentence: str) -> None:
    """At once, rather than after waiting for ever."""
    monkeypatch.setenv(GIVEN, given)
    with pytest.raises(Mistake, match=sentence), leased(wanted=True):
        pass


def test_without_a_gpu_a_job_computes_on_the_cpu(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One GPU is nothing that anybody asked for; two are."""
    (box / "nvidia-smi").unlink()
    monkeypatch.setenv("PATH", str(box))
    with leased(wanted=True) as ours:
        assert ours == []
    assert VISIBLE not in os.environ
    monkeypatch.setenv(GIVEN, "2")
    with pytest.raises(Mistake, match="2 GPUs are asked for, and 0 found"), leased(wanted=True):
        pass
