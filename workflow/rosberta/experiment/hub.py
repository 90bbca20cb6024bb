"""The block `hub`: where everything comes from, and every pin."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rosberta.experiment.blocks import Block, Glob, Revision


class Pin(Block):
    """One data set or model of the outside world, at one revision."""

    revision: Revision | None = None
    """Commit (40 hexadecimal digits) or content digest (64). Null: not known yet; such a pin stops the `hub` stage,
    which says what the hub has today."""
    files: list[Glob] = ["*"]
    """Which files of it are wanted, as globs."""
    url: str | None = None
    """Where the one file lies, for sets that are on no hub."""
    licence: str | None = None
    """Licence as its publisher states it, as far as known; null: none stated."""


class Miniature(Block):
    """The embedded miniature hub, made by the project itself."""

    seed: int = Field(7, ge=0)
    """Seed of the miniature's world and texts."""
    rows: int = Field(320, ge=40, le=100_000)
    """Rows of a training source, about; the sizes of the tasks follow it."""


class Hub(Block):
    """Where data sets and models come from, and every pin, once."""

    origin: Literal["miniature", "hub"] = "miniature"
    """`miniature`: the project's own small stand-ins, no network. `hub`: the Hugging Face hub, or the folder that the
    environment variable ROSBERTA_MIRROR names."""
    miniature: Miniature = Miniature()
    """Size and seed of the miniature."""
    datasets: dict[str, Pin]
    """Pinned data sets by id."""
    models: dict[str, Pin]
    """Pinned models by id."""
