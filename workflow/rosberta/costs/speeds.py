"""How fast a GPU works: sizes of encoders, peaks of GPUs, and the speeds that were measured."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

from rosberta.published import records

GPU = "H200"
"""The GPU that hours are given for where none is named."""


class Shape(NamedTuple):
    """Sizes of an encoder."""

    layers: int
    hidden: int
    intermediate: int
    vocabulary: int


class Throughput(NamedTuple):
    """A measured speed."""

    work: str
    """What was measured: embed, pretrain or contrast."""
    gpu: str
    shape: Shape
    tokens_per_text: float
    tokens_per_second: float
    source: str
    """The command that gives the number, or what else gave it."""


@cache
def shapes() -> dict[str, Shape]:
    """Sizes of encoders by id on the hub."""
    fields = Shape._fields
    return {
        row["id"]: Shape(**{field: int(row[field]) for field in fields})
        for row in records(files(__package__) / "models.csv")
    }


@cache
def gpus() -> dict[str, float]:
    """Peak operations a second in bf16, by GPU: data sheets."""
    return {row["gpu"]: 1e12 * float(row["bf16_teraflops"]) for row in records(files(__package__) / "gpus.csv")}


@cache
def throughputs() -> tuple[Throughput, ...]:
    """Measured speeds: ours, each with what gave it."""
    return tuple(
        Throughput(
            row["work"],
            row["gpu"],
            shapes()[row["model"]],
            float(row["tokens_per_text"]),
            float(row["tokens_per_second"]),
            row["source"],
        )
        for row in records(files(__package__) / "throughput.csv")
    )
