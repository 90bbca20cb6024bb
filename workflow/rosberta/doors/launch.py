"""One job as several processes, one a GPU: started together, ended together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from rosberta.frame.mistakes import LOST

GRACE = 5.0
"""Seconds that processes have to end by themselves when another of them failed."""


def launch(arguments: Sequence[str], processes: int) -> None:
    """Run ``python -m rosberta ARGUMENTS`` as several processes that find one another.

    Each has its number in ``RANK``, as under torchrun, and ends when this process does, since its standard input then
    closes (`rosberta.training.processes`). The first one's messages are shown as they come, those of another only where
    it fails by itself: a mistake that all make is told once.

    Raises:
        SystemExit: a process failed; the others were stopped.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rosberta-")))
        stack.callback(signal.signal, signal.SIGTERM, signal.signal(signal.SIGTERM, _leave))
        shared = {"WORLD_SIZE": str(processes), "ROSBERTA_MEETING": (folder / "meeting").as_uri()}
        started = []
        for rank in range(processes):
            told = stack.enter_context((folder / f"messages-{rank}").open("w+")) if rank else None
            process = subprocess.Popen(
                [sys.executable, "-m", "rosberta", *arguments],
                env=os.environ | shared | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
                stdin=subprocess.PIPE,
                stderr=told,
            )
            stack.callback(_end, process)
            started.append((process, told))
        while all(process.poll() is None or process.returncode == 0 for process, _ in started):
            if all(process.returncode == 0 for process, _ in started):
                return
            time.sleep(0.1)
        first = next(rank for rank, (process, _) in enumerate(started) if process.returncode)
        until = time.monotonic() + GRACE
        while time.monotonic() < until and any(process.poll() is None for process, _ in started):
            time.sleep(0.1)
        # What loses a peer fails, too, and says so; why is known to who failed first.
        process, told = started[first]
        if process.returncode == LOST:
            first, (process, told) = next(
                ((rank, each) for rank, each in enumerate(started) if each[0].returncode not in (LOST, 0, None)),
                (first, (process, told)),
            )
        if told is not None and started[0][0].returncode in (LOST, 0, None):
            told.seek(0)
            sys.stderr.write(told.read())
        if process.returncode < 0:
            name = signal.Signals(-process.returncode).name
            sys.stderr.write(f"rosberta: process {first} was ended by {name}; memory may be short\n")
        raise SystemExit(1)


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()
