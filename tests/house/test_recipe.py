"""Every source of the recipe, and every extra one, from its raw shape to cleaned rows, on the miniature."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rosberta.commands import preset
from rosberta.doors import parameters
from rosberta.experiment import Experiment
from rosberta.frame.artifacts import CLEANED, COLLECTED, DEDUPLICATED
from rosberta.frame.rows import read_counts
from rosberta.stages import benchmark, clean, collect, deduplicate, hub, index
from ruamel.yaml import YAML
from support.trees import merged

pytestmark = pytest.mark.slow

EXTRA = preset.PRESETS / "extra/sources.yaml"
TASKS = ("TERRa", "RuBQReranking", "RuSTSBenchmarkSTS", "RiaNewsRetrieval", "RuSciBenchGRNTIClassification")
"""Enough of the benchmark to find what is planted."""


def whole() -> dict[str, Any]:
    """The preset `paper` with all extra sources."""
    return merged(parameters.read(preset.PRESETS / "paper.yaml"), YAML(typ="safe").load(EXTRA))


KEYS = tuple(parameters.check(whole()).collect.sources)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Experiment]:
    """All of it from the miniature, collected and cleaned, in a current directory of its own."""
    data = whole()
    data["hub"] |= {"origin": "miniature", "miniature": {"seed": 7, "rows": 80}}
    data["benchmark"]["tasks"] = {name: data["benchmark"]["tasks"][name] for name in TASKS}
    used = {source["dataset"] for source in data["collect"]["sources"].values()}
    used |= {task["dataset"] for task in data["benchmark"]["tasks"].values()}
    data["hub"]["datasets"] = {id: pin for id, pin in data["hub"]["datasets"].items() if id in used}
    # Baselines are evaluated, never collected.
    data["models"] = {name: each for name, each in data["models"].items() if "data/hub" not in each["weights"]}
    encoders = (id for each in data["encoders"].values() for id in (each["base"], each["donor"]))
    needed = {data["clean"]["tokenizer"], data["clean"]["similarity"]["model"], data["mine"]["teacher"], *encoders}
    data["hub"]["models"] = {id: pin for id, pin in data["hub"]["models"].items() if id in needed}
    experiment = parameters.check(data)
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("recipe"))
    try:
        hub.run(experiment)
        benchmark.run(experiment)
        index.run(experiment)
        for key in KEYS:
            collect.run(experiment, key)
            clean.run(experiment, key)
        yield experiment
    finally:
        os.chdir(before)


@pytest.mark.parametrize("key", KEYS)
def test_every_source_is_read_and_cleaned(key: str, built: Experiment) -> None:
    """What was read is kept or dropped for a reason, and something is kept."""
    counts = read_counts(COLLECTED / f"{key}.parquet")
    assert counts["read"] + counts["split"] == counts["kept"] + sum(counts["dropped"].values())
    cleaned = read_counts(CLEANED / f"{key}.parquet")
    assert cleaned["read"] == counts["kept"]
    assert cleaned["read"] == cleaned["kept"] + sum(cleaned["dropped"].values())
    assert cleaned["kept"]


def test_all_sources_are_deduplicated(built: Experiment) -> None:
    """Across all of them: of each something stays, and every row stays or is dropped for a reason."""
    deduplicate.run(built)
    for key in KEYS:
        counts = read_counts(DEDUPLICATED / f"{key}.parquet")
        assert counts["read"] == read_counts(CLEANED / f"{key}.parquet")["kept"]
        assert counts["read"] == counts["kept"] + sum(counts["dropped"].values())
        assert counts["kept"]


def test_the_miniature_has_the_dirt_of_each_source(built: Experiment) -> None:
    """Collecting drops something of each source; nothing is dropped from a source that has nothing wrong."""
    clean_ones = {key for key in KEYS if not read_counts(COLLECTED / f"{key}.parquet")["dropped"]}
    assert {key for key in clean_ones if built.collect.sources[key].adapter != "medi"} == set()


def test_mined_translations_are_filtered_by_cosine(built: Experiment) -> None:
    """The sides that belong to other sentences lie apart, for the miniature's untrained model by little."""
    source = built.collect.sources["wikimatrix"].model_copy(update={"min_cosine": 0.958})
    sources = {**built.collect.sources, "wikimatrix": source}
    strict = built.model_copy(update={"collect": built.collect.model_copy(update={"sources": sources})})
    clean.run(strict, "wikimatrix")
    assert read_counts(CLEANED / "wikimatrix.parquet")["dropped"]["low similarity"] >= 3
