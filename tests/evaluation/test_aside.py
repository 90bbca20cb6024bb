"""What ends in a process of its own is told of as if it had ended here (its bytes: `tests/stages/test_evaluate.py`)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from rosberta.evaluation.aside import Aside, aside_of
from rosberta.frame.mistakes import Mistake
from tqdm import tqdm


def ran(aside: Aside, name: str, rest: Callable[[], object], saved: Path) -> None:
    """A task that leaves, does `rest`, and is saved."""
    with aside.task(name):
        aside.leave()
        rest()
        (saved / name).touch()


def failing(error: BaseException) -> Callable[[], object]:
    def rest() -> None:
        raise error

    return rest


def test_the_first_of_the_tasks_that_fail_is_told(tmp_path: Path) -> None:
    """In the order of the tasks, not in that of their ends; what was begun is brought to its end."""
    with pytest.raises(ChildProcessError, match=r"b: (.|\n)*ValueError: once"), Aside(3) as aside:
        ran(aside, "a", lambda: time.sleep(0.3), tmp_path)
        ran(aside, "b", lambda: time.sleep(0.2) or failing(ValueError("once"))(), tmp_path)
        with aside.task("c"):
            raise Mistake("twice")
    assert [file.name for file in tmp_path.iterdir()] == ["a"]
    with pytest.raises(Mistake, match="first"), Aside(3) as aside:
        ran(aside, "a", lambda: time.sleep(0.2) or failing(Mistake("first"))(), tmp_path)
        ran(aside, "b", failing(Mistake("second")), tmp_path)
    with pytest.raises(Mistake, match="here"), Aside(3) as aside:
        ran(aside, "d", lambda: None, tmp_path)
        with aside.task("e"):
            raise Mistake("here")
    assert (tmp_path / "d").exists()


def test_no_task_begins_behind_one_that_has_failed(tmp_path: Path) -> None:
    begun = []
    with pytest.raises(Mistake, match="wrong"), Aside(1) as aside:
        for name in "abc":
            with aside.task(name):
                begun.append(name)
                aside.leave()
                raise Mistake("wrong")
    # The second waits for the first before it is left.
    assert begun in (["a"], ["a", "b"])
    ended, ends = os.pipe()
    with pytest.raises(Mistake, match="first"), Aside(3) as aside:
        ran(aside, "d", failing(Mistake("first")), tmp_path)
        os.close(ends)
        assert os.read(ended, 1) == b""  # its process has ended, and there is room for two more
        with aside.task("e"):
            begun.append("e")
    os.close(ended)
    assert "e" not in begun


def test_what_cannot_say_why_it_failed_ends_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line in the parent, whose blocks the child does not run through."""
    parent = os.getpid()
    monkeypatch.setattr("rosberta.evaluation.aside.json.dump", lambda *_: failing(MemoryError())())
    with pytest.raises(Mistake, match=r"^a: .* could not say why \(out of memory\?\); start the same again$"):
        try:
            with Aside(2) as aside:
                ran(aside, "a", failing(ValueError("once")), tmp_path)
        finally:
            if os.getpid() != parent:
                (tmp_path / "left").touch()
                os._exit(1)
    assert not list(tmp_path.iterdir())


def test_without_a_process_a_task_ends_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", failing(BlockingIOError(11, "Resource temporarily unavailable")))
    here = len(list(Path("/dev/fd").iterdir()))
    with Aside(2) as aside:
        for name in "ab":
            ran(aside, name, (tmp_path / "here").touch, tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"a", "b", "here"}
    assert len(list(Path("/dev/fd").iterdir())) == here
    with pytest.raises(ValueError, match="as it is"), Aside(2) as aside:
        ran(aside, "c", failing(ValueError("as it is")), tmp_path)


KILLED = """
import os, signal, sys, time
from pathlib import Path
from rosberta.evaluation.aside import Aside
parent, saved = os.getpid(), Path(sys.argv[1])
with Aside(2) as aside:
    for name in "ab":
        with aside.task(name):
            aside.leave()
            (saved / f"{name}.begun").touch()
            while os.getppid() == parent:
                time.sleep(0.01)
            time.sleep(0.2)
            (saved / name).touch()
    while len(list(saved.glob("*.begun"))) < 2:
        time.sleep(0.01)
    os.kill(parent, signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not end a process with its parent")
def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    # It returns when nobody holds the output any more.
    subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], env=environment, stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert {file.name for file in tmp_path.iterdir()} == {"a.begun", "b.begun"}


def test_a_parent_that_has_ended_at_once_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getppid", lambda: 1)
    with pytest.raises(Mistake, match=r"^a: "), Aside(2) as aside:
        ran(aside, "a", lambda: None, tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_feeds_the_gpu_goes_first(tmp_path: Path) -> None:
    with Aside(1) as aside:
        ran(aside, "a", lambda: (tmp_path / "nice").write_text(str(os.nice(0))), tmp_path)
    assert int((tmp_path / "nice").read_text()) == min(19, os.nice(0) + 5)


def test_a_process_that_is_killed_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Mistake, match=r"^a: the process of its fits was ended by SIGKILL"), Aside(2) as aside:
        ran(aside, "a", lambda: os.kill(os.getpid(), signal.SIGKILL), tmp_path)
        ran(aside, "b", lambda: None, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["b"]


def test_so_many_at_once(tmp_path: Path) -> None:
    """Never more are at work than may be; with none, all is done here."""
    parent = os.getpid()

    def work(name: str) -> Callable[[], object]:
        def rest() -> None:
            (tmp_path / f"{name}.now").touch()
            assert len(list(tmp_path.glob("*.now"))) <= 2
            time.sleep(0.1)
            (tmp_path / f"{name}.now").unlink()
            assert os.getpid() != parent

        return rest

    with Aside(2) as aside:
        for name in "abcd":
            ran(aside, name, work(name), tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a", "b", "c", "d"]
    found = []
    with Aside(0) as aside:
        ran(aside, "e", lambda: found.append(os.getpid()), tmp_path)
    assert found == [parent]


def test_a_bar_that_the_parent_draws_stops_no_child(tmp_path: Path) -> None:
    """The lock of its bars is held by another thread when the process forks."""

    def rest() -> None:
        signal.alarm(10)
        tqdm(disable=True)

    with tqdm.get_lock(), ThreadPoolExecutor(1) as other:
        done = other.submit(lambda: forked(tmp_path, rest))
        done.result()
    assert (tmp_path / "a").exists()


def forked(saved: Path, rest: Callable[[], object]) -> None:
    with Aside(1) as aside:
        ran(aside, "a", rest, saved)


def test_only_beside_a_gpu() -> None:
    """Where embedding takes the processors itself, fits would only be in its way."""
    for on_gpu in (True, False):
        embedder: object = SimpleNamespace(on_gpu=on_gpu)
        assert bool(aside_of(embedder)._at_once) == on_gpu  # type: ignore[arg-type]
