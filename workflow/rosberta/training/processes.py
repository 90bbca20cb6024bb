"""The processes that compute a training together, one a GPU: how they meet, and what the first does alone."""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch

from rosberta.frame.mistakes import LOST

MEETING = "ROSBERTA_MEETING"
"""The variable with the address where the processes of a job meet; torchrun's own, where it is not set."""

PATIENCE = timedelta(days=2)
"""Longer than the first process cuts any corpus into tokens."""


@contextmanager
def met() -> Iterator[torch.device]:
    """Meet the other processes of this job, if there are any (``WORLD_SIZE``, ``RANK``, ``LOCAL_RANK``).

    Yields:
        The device that this process computes on.
    """
    there = torch.cuda.is_available()
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0"))) if there else torch.device("cpu")
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield device
        return
    if MEETING in os.environ:
        threading.Thread(target=_follow, daemon=True).start()
    if there:
        torch.cuda.set_device(device)
    torch.distributed.init_process_group(
        # Of two minds: what waits for the first process waits on the CPU.
        "cpu:gloo,cuda:nccl" if there else "gloo",
        init_method=os.environ.get(MEETING, "env://"),
        rank=int(os.environ["RANK"]),
        world_size=world,
        timeout=PATIENCE,
    )
    try:
        yield device
    except RuntimeError as error:
        if MEETING in os.environ and re.search("connection|peer|remote", str(error), re.IGNORECASE):
            # Another process is gone, and says why; this one has nothing to add.
            sys.stderr.write(f"rosberta: process {place()[0]} lost another one\n")
            sys.stderr.flush()
            # At once: the threads of a group that broke would abort the process.
            os._exit(LOST)
        raise
    # Not after an error: the others may be in the middle of a sum, and are stopped by who started them.
    torch.distributed.destroy_process_group()


def place() -> tuple[int, int]:
    """The number of this process, and how many there are."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


def is_first() -> bool:
    """Whether this is the process that writes."""
    return place()[0] == 0


def dealt(sizes: Sequence[int], world: int) -> list[list[int]]:
    """Deal out parts of a step so that the processes have about as much to compute, the largest first.

    Args:
        sizes: tokens of each part.
        world: processes.

    Returns:
        The numbers of the parts of each process, rising.
    """
    found: list[list[int]] = [[] for _ in range(world)]
    loads = [0] * world
    for part in sorted(range(len(sizes)), key=lambda each: (-sizes[each], each)):
        least = loads.index(min(loads))
        found[least].append(part)
        loads[least] += sizes[part]
    return [sorted(parts) for parts in found]


@contextmanager
def first_before_others() -> Iterator[None]:
    """Let the first process through a block alone, so that the others find what it wrote."""
    rank, world = place()
    if rank:
        _wait()
    yield
    if world > 1 and not rank:
        _wait()


def _wait() -> None:
    torch.distributed.all_reduce(torch.zeros(1))


def _follow() -> None:
    """End when the launcher does, however it does: what it left running would write what the next start writes."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)
