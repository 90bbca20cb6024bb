"""A stage reads the parameters that it names in the flow, and no others: what else it read would change unnoticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rosberta.frame.flow import FLOW
from support.trees import Tree, copied

pytestmark = [pytest.mark.built, pytest.mark.xdist_group("readme")]

RECORDER = """
import importlib, json, logging, sys
from pathlib import Path
from rosberta.doors import parameters
from rosberta.doors.run import settle
from rosberta.experiment.blocks import Block
from rosberta.frame.flow import FLOW
from rosberta.frame.slices import jobs_of

experiment = parameters.load()
jobs = {stage: jobs_of(stage, experiment.model_dump(mode="json")) for stage in FLOW}
places, read, stock = {}, set(), Block.__getattribute__

def place(value, path):
    if isinstance(value, Block):
        places[id(value)] = path
        for name in type(value).model_fields:
            place(getattr(value, name), (*path, name))
    elif isinstance(value, dict):
        for name, each in value.items():
            place(each, (*path, name))

def holds_blocks(value):
    return isinstance(value, Block) or (isinstance(value, dict) and any(isinstance(v, Block) for v in value.values()))

def recorded(self, name):
    value = stock(self, name)
    path = stock(self, "__class__") and places.get(id(self))
    if path is not None:
        if name in ("model_dump", "model_dump_json", "model_copy", "__dict__"):
            read.add(path)
        elif name in type(self).model_fields and not holds_blocks(value):
            read.add((*path, name))
    return value

place(experiment, ())
settle(1, online=False, scratch=Path(".scratch/reads"))
Block.__getattribute__ = recorded
found = {}
for stage, keys in jobs.items():
    for key in keys:
        if stage != "check" and (len(sys.argv) < 2 or stage in sys.argv[1:]):
            read.clear()
            importlib.import_module(f"rosberta.stages.{stage}").run(experiment, key)
            found[f"{stage}@{key}" if key else stage] = sorted(read)
print(json.dumps(found))
"""
"""Runs every job once more, in one process, and notes which parameters it looks at."""


RESOLVED = {
    "minings_of.{key}": ("minings", "mixtures", "runs.*.mixture", "collect.sources.*.group"),
    "drawn_from.{key}": ("pools", "mine.pools", "minings", "mixtures", "runs.*.mixture", "collect.sources.*.group"),
    "drawn_from": ("pools", "mine", "minings", "mixtures", "runs.*.mixture", "collect.sources.*.group"),
    "embedders_of.{key}": ("clean", "collect.sources.{key}.min_cosine", "hub.models.*.revision"),
    "judges_of.{key}": ("mine", "minings", "mixtures", "runs.*.mixture", "hub.models.*.revision"),
    "plans_of.{key}": ("mixtures.{key}", "runs.*.mixture"),
    "pretrain_of.{key}": ("pretrain", "encoders.{key}.pretrain"),
    "contrast_of.{key}": ("contrast", "runs.{key}.contrast"),
    "merge_of.{key}": ("merge", "runs.{key}.merge"),
    "held_out": ("benchmark.tasks", "collect.sources"),
    "sources_of": ("mixtures", "collect.sources.*.group"),
    "sources_of.{key}": ("mixtures.{key}", "collect.sources.*.group"),
    "pairs_of.{key}": ("mixtures.{key}", "collect.sources.*.group"),
}
"""What the methods of an experiment look at, whose results stand in a slice."""


def covered(path: list[str], declared: tuple[str, ...], key: str) -> bool:
    """Whether one of the declared paths is a parameter's, or that of a block which holds it."""
    if "*" in declared:
        return True
    for pattern in (each for name in declared for each in RESOLVED.get(name, (name,))):
        parts = [key if part == "{key}" else part for part in pattern.split(".")]
        if len(parts) <= len(path) and all(part in ("*", found) for part, found in zip(parts, path, strict=False)):
            return True
    return False


def test_a_stage_reads_what_it_names(built_by_snakemake: Tree, tmp_path: Path) -> None:
    """No job looks at a parameter that its slice does not hold; and each looks at one."""
    tree = copied(built_by_snakemake, tmp_path)
    found = json.loads(tree.run("python", "-c", RECORDER).stdout.splitlines()[-1])
    assert {job.split("@")[0] for job in found} == set(FLOW) - {"check"}
    for job, read in found.items():
        stage, _, key = job.partition("@")
        unnamed = [".".join(path) for path in read if not covered(path, FLOW[stage].parameters, key)]
        assert not unnamed, f"{job} reads {unnamed}, which its stage does not name in the flow"
        assert read, job
