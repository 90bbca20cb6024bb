"""Command `cost`: say what the experiment will read, compute and store, without running it.

Rows, disk, tokens, hours on a GPU, and the licences that forbid commercial use, of the parameters as they stand.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from rosberta.costs import speeds
from rosberta.doors import parameters
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.report.costs import tables

if TYPE_CHECKING:
    from rosberta.experiment import Experiment


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the GPU."""
    parser.add_argument("--gpu", default=speeds.GPU, help="the GPU that hours are given for (%(default)s)")
    parser.add_argument("--gpus", type=int, default=1, help="how many of them share the work (%(default)s)")


def run(asked: argparse.Namespace) -> int:
    """Print the tables."""
    sys.stdout.write(cost(parameters.load(), asked.gpu, asked.gpus))
    return 0


def cost(experiment: Experiment, gpu: str = speeds.GPU, gpus: int = 1) -> str:
    """The tables as text.

    Raises:
        Mistake: there is no such GPU in the table of GPUs, or not one of them.
    """
    if gpu not in speeds.gpus():
        raise Mistake(f"cost: {gpu!r} is no GPU whose speed is known{nearest(gpu, speeds.gpus())}")
    if gpus < 1:
        raise Mistake(f"cost: --gpus {gpus}: at least one computes")
    return "\n".join(table.text() for table in tables(experiment, gpu, gpus))
