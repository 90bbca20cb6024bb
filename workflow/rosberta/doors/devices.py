"""Which GPUs a job computes on: leased by file locks, so that no two jobs of a machine share one.

Snakemake counts GPUs, and knows not which; DVC does not count them; people start stages by hand. So each job of a stage
that computes on GPUs takes as many as it was given (``ROSBERTA_GPUS``; one, if nothing is said), waits for those that
others hold, and sees no others. The lock goes with the process, however it ends: what it forks does not hold it.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rosberta.frame.mistakes import Mistake

log = logging.getLogger(__name__)

GIVEN = "ROSBERTA_GPUS"
"""The variable with the number of GPUs that a job was given, or ``all``."""

VISIBLE = "CUDA_VISIBLE_DEVICES"

LOCKS = Path(tempfile.gettempdir()) / "rosberta-gpus"
"""One file a GPU: checkouts of the project and people on one machine share its GPUs."""

PAUSE = 2.0
"""Seconds between two attempts."""

_locks: set[int] = set()
"""Descriptors of the locks that this process holds."""


def _let_go(*files: int) -> None:
    for file in files:
        if file in _locks:  # not what was opened since in a place that is free
            _locks.remove(file)
            os.close(file)


# A lock lasts until the last copy of its descriptor is closed, and a fork copies it.
os.register_at_fork(after_in_child=lambda: _let_go(*_locks))


@contextmanager
def leased(*, wanted: bool) -> Iterator[list[str]]:
    """Lease the GPUs that this job was given, and let CUDA see no others.

    Args:
        wanted: whether the stage computes on GPUs.

    Yields:
        The names of the GPUs; none where the machine has none, so that the stage computes on the CPU.

    Raises:
        Mistake: more are asked for than there are, or ``ROSBERTA_GPUS`` is no number.
    """
    there = present()
    number = _number(len(there)) if wanted else 0
    with ExitStack() as locks:
        devices = _taken(there, number, locks)
        if there:
            os.environ[VISIBLE] = ",".join(devices)
        yield devices


def present() -> list[str]:
    """The GPUs that this process may use, each by one name: that of its chip, where it is known."""
    tool = shutil.which("nvidia-smi")
    listed = subprocess.run([tool, "-L"], capture_output=True, text=True, check=False).stdout if tool else ""
    chips = dict(re.findall(r"^GPU (\d+): .*\(UUID: (\S+)\)", listed, re.MULTILINE))
    if VISIBLE not in os.environ:
        return list(chips.values())
    found: dict[str, None] = {}
    for name in map(str.strip, os.environ[VISIBLE].split(",")):
        # As CUDA reads it: what is none ends the list.
        if not name or name.startswith("-") or name == "NoDevFiles":
            break
        found[chips.get(name, name)] = None
    return list(found)


def _number(there: int) -> int:
    said = os.environ.get(GIVEN, "1")
    if said == "all":
        return there
    if not said.isdecimal():
        raise Mistake(f"{GIVEN}: {said!r} is neither a number nor all; set it to the GPUs that a job may take")
    # One is what nobody has to ask for: a machine without a GPU computes on its CPU.
    if int(said) > max(there, 1):
        raise Mistake(f"{GIVEN}: {said} GPUs are asked for, and {there} found; lower it, or set {VISIBLE}")
    return min(int(said), there)


def _taken(there: list[str], number: int, locks: ExitStack) -> list[str]:
    """Hold so many of the GPUs, all at once, so that two jobs never wait for one another."""
    waited = False
    while True:
        with ExitStack() as tried:
            held: list[str] = []
            for name in there:
                if len(held) < number and _held(name, tried):
                    held.append(name)
            if len(held) == number:
                locks.push(tried.pop_all())
                return held
        if not waited:
            log.info("%d of %d GPUs are wanted, and others hold them: waiting", number, len(there))
            waited = True
        time.sleep(PAUSE)


def _held(name: str, locks: ExitStack) -> bool:
    """Hold a GPU's lock, if nobody else does."""
    if not LOCKS.is_dir():
        LOCKS.mkdir(parents=True, exist_ok=True)
        LOCKS.chmod(0o777)
    file = os.open(LOCKS / re.sub(r"\W", "-", name), os.O_RDONLY | os.O_CREAT, 0o666)
    if os.fstat(file).st_uid == os.getuid():
        os.fchmod(file, 0o666)  # whatever this user's mask is, others wait for the same GPU
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    _locks.add(file)
    locks.callback(_let_go, file)
    return True
