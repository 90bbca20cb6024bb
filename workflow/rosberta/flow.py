"""The flow: every stage in order, what its keys are, and what it reads.

``dvc.yaml`` and the Snakemake rules say the same in their own words and in every detail; a test holds the three
together. This is the page to read first.
"""

from __future__ import annotations

from typing import NamedTuple


class Stage(NamedTuple):
    """One stage: module, command, rule and DVC stage of the same name."""

    does: str
    """What it does, in a line."""
    reads: tuple[str, ...]
    """Stages whose artifacts it reads."""
    keys: str | None = None
    """Block of the parameters whose names are its keys; None: it runs once."""


FLOW: dict[str, Stage] = {
    "check": Stage("checks every parameter", ()),
    "hub": Stage("resolves every pin; builds the miniature", ("check",)),
    "benchmark": Stage("lays out the tasks and lists their test texts", ("hub",)),
    "collect": Stage("turns a raw set into training rows", ("hub",), "collect.sources"),
    "deduplicate": Stage("lists what other rows say already", ("collect",)),
    "clean": Stage(
        "normalises, drops, decontaminates", ("collect", "deduplicate", "benchmark", "hub"), "collect.sources"
    ),
    "mine": Stage("adds hard negatives", ("clean", "hub"), "collect.sources"),
    "mix": Stage("writes the plan of a mixture", ("clean", "mine"), "mixtures"),
    "vocabulary": Stage("adds the donor's tokens to the base", ("hub",), "encoders"),
    "pretrain": Stage("models masked language, merges back", ("vocabulary", "mix"), "encoders"),
    "contrast": Stage("trains with InfoNCE", ("pretrain", "mix"), "runs"),
    "merge": Stage("merges the run with its encoder", ("contrast", "pretrain"), "runs"),
    "evaluate": Stage("scores a model on every task", ("merge", "pretrain", "hub", "benchmark"), "models"),
    "report": Stage(
        "lays the numbers beside the paper's",
        ("hub", "benchmark", "collect", "clean", "mine", "mix", "pretrain", "contrast", "merge", "evaluate"),
    ),
}
