"""The flow: every stage in order, what its keys are, what it reads, and on which parameters its bytes depend.

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
    """Stages whose artifacts it reads; that each job reads its slice, which `check` writes, goes without saying."""
    keys: str | None = None
    """Block of the parameters whose names are its keys; None: it runs once."""
    parameters: tuple[str, ...] = ()
    """The parameters that it reads, as dotted paths: ``{key}`` stands for its key, ``*`` for every name there is. What
    follows from several blocks has the name of the method of `Experiment` that says so, as ``contrast_of.{key}``."""
    adapter: str | None = None
    """The parameter that names the adapter that it calls, a module of `rosberta.corpus.adapters`."""
    gpu: bool | str = False
    """Whether it computes on the GPUs that its job was given, where there are any; or the parameter without which it
    does not."""
    processes: bool = False
    """Whether it is one process a GPU, where its job was given several."""


READ = ("adapter", "dataset", "files", "group", "prefix", "language", "task", "cap", "rows", "options")
"""What `collect` reads of a source's entry."""
INDEXED = ("words", "short_words", "min_words", "distractors", "alike")
"""What `index` reads of `clean.overlap`."""

FLOW: dict[str, Stage] = {
    "check": Stage("checks every parameter", ()),
    "hub": Stage(
        "resolves every pin; builds the miniature",
        ("check",),
        parameters=(
            "hub.origin",
            "hub.miniature",
            *(f"hub.{kind}.*.{field}" for kind in ("datasets", "models") for field in ("revision", "files", "url")),
        ),
    ),
    "benchmark": Stage(
        "lays out the tasks and lists their test texts",
        ("hub",),
        parameters=("benchmark", "hub.datasets.*.revision"),
    ),
    "index": Stage(
        "sorts the test texts, to be searched",
        ("benchmark",),
        parameters=("held_out", *(f"clean.overlap.{field}" for field in INDEXED)),
    ),
    "collect": Stage(
        "turns a raw set into training rows",
        ("hub",),
        "collect.sources",
        ("collect.seed", "collect.cap", "collect.surplus", *(f"collect.sources.{{key}}.{field}" for field in READ)),
        adapter="collect.sources.{key}.adapter",
    ),
    "clean": Stage(
        "normalises, drops, decontaminates",
        ("collect", "index", "hub"),
        "collect.sources",
        ("clean", *(f"collect.sources.{{key}}.{field}" for field in ("language", "min_cosine")), "embedders_of.{key}"),
        gpu="collect.sources.{key}.min_cosine",
    ),
    "deduplicate": Stage(
        "keeps one of equal rows, and the cap",
        ("collect", "clean"),
        parameters=(
            "deduplicate",
            "collect.cap",
            "collect.seed",
            *(f"collect.sources.*.{field}" for field in ("group", "cap")),
            "sources_of",
            "drawn_from",
        ),
    ),
    "mine": Stage(
        "adds hard negatives",
        ("deduplicate", "hub"),
        "collect.sources",
        ("mine", "minings_of.{key}", "drawn_from.{key}", "judges_of.{key}"),
        gpu=True,
    ),
    "mix": Stage(
        "writes the plan of a mixture",
        ("deduplicate", "mine"),
        "mixtures",
        (
            *("sources_of.{key}", "pairs_of.{key}", "plans_of.{key}", "mixtures.{key}.mining"),
            *("collect.sources.*.group", "collect.sources.*.prefix"),
        ),
    ),
    "vocabulary": Stage(
        "adds the donor's tokens to the base",
        ("hub",),
        "encoders",
        ("encoders.{key}.base", "encoders.{key}.donor"),
    ),
    "pretrain": Stage(
        "models masked language, merges back",
        ("vocabulary", "mix"),
        "encoders",
        ("pretrain_of.{key}", "encoders.{key}.mixture"),
        gpu=True,
        processes=True,
    ),
    "contrast": Stage(
        "trains with InfoNCE",
        ("pretrain", "mix"),
        "runs",
        ("contrast_of.{key}", *(f"runs.{{key}}.{field}" for field in ("encoder", "mixture", "seed"))),
        gpu=True,
        processes=True,
    ),
    "merge": Stage(
        "merges the run with its encoder",
        ("contrast", "pretrain"),
        "runs",
        ("merge_of.{key}", "runs.{key}.encoder"),
    ),
    "evaluate": Stage(
        "scores a model on every task",
        ("merge", "pretrain", "hub", "benchmark"),
        "models",
        ("evaluate", "benchmark.tasks", "models.{key}", "hub.origin", "hub.models.*.revision"),
        gpu=True,
    ),
    "release": Stage(
        "makes the folder that is handed on",
        ("clean", "mix", "contrast", "merge", "evaluate"),
        "runs",
        (
            "release",
            "runs.{key}",
            "contrast_of.{key}",
            "merge_of.{key}",
            "pretrain",
            "encoders",
            "models.*.weights",
            "benchmark.tasks.*.dataset",
            "collect.sources",
            "collect.cap",
            "hub.origin",
            "hub.datasets.*.revision",
            "hub.datasets.*.licence",
        ),
    ),
    "report": Stage(
        "lays the numbers beside the paper's",
        (
            "hub",
            "benchmark",
            "index",
            "collect",
            "clean",
            "deduplicate",
            "mine",
            "mix",
            "pretrain",
            "contrast",
            "merge",
            "evaluate",
        ),
        parameters=("*",),
    ),
}
