"""Which documents that the tasks of search look through were trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rosberta.corpus.seen import corpora, seen
from rosberta.frame.artifacts import DEDUPLICATED, DUPLICATES, INDEX, SEEN
from rosberta.frame.rows import read_rows
from rosberta.report.table import Column, Row, Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rosberta.experiment import Experiment


@dataclass(frozen=True)
class Searched:
    """The documents of a task, and how many of them were trained on."""

    task: str
    documents: int
    """That differ in their normal forms."""
    by_mixture: Mapping[str, int]
    by_source: Mapping[str, int]


def searched(experiment: Experiment) -> list[Searched]:
    """Of each task of search, what the rows of every mixture and of every source hold of its documents."""
    of_source = {
        name: seen(SEEN / f"{name}.parquet", _trained_on(experiment, name))
        for name in experiment.collect.sources
        if all((folder / f"{name}.parquet").is_file() for folder in (SEEN, DEDUPLICATED, DUPLICATES))
    }
    none = np.zeros(0, np.uint64)
    return [
        Searched(
            task,
            len(documents),
            {
                mixture: len(
                    np.unique(np.concatenate([none, *(of_source.get(name, {}).get(task, none) for name in sources)]))
                )
                for mixture in experiment.mixtures
                for sources in [experiment.sources_of(mixture)]
            },
            {name: len(found[task]) for name, found in of_source.items() if task in found},
        )
        for task, documents in corpora(INDEX).items()
        if task in experiment.benchmark.tasks
    ]


def _trained_on(experiment: Experiment, source: str) -> list[str]:
    """Ids of the rows of a source whose texts are trained on: those kept, and equal ones that gave their negatives."""
    mixtures = {name: set(experiment.sources_of(name)) for name in experiment.mixtures}
    same = [
        name
        for name in experiment.collect.sources
        if all((name in sources) == (source in sources) for sources in mixtures.values())
    ]
    said = read_rows(DUPLICATES / f"{source}.parquet", ["id", "reason", "kept_source"])
    equal = pc.and_(pc.equal(said["reason"], "duplicate"), pc.is_in(said["kept_source"], value_set=_strings(same)))
    kept = read_rows(DEDUPLICATED / f"{source}.parquet", ["id"])["id"]
    return [*kept.to_pylist(), *said.filter(equal)["id"].to_pylist()]


def _strings(values: list[str]) -> pa.Array:
    return pa.array(values, pa.string())


def documents(found: Sequence[Searched], experiment: Experiment) -> Table:
    """How many documents of each task every mixture trains on, and which sources bring them."""
    columns = (
        Column("Task"),
        Column("Documents", 0),
        *(Column(mixture, 0, over="Trained on") for mixture in experiment.mixtures),
        Column("Sources"),
    )
    rows = []
    for each in found:
        most = sorted(each.by_source.items(), key=lambda one: (-one[1], one[0]))
        numbers = (each.by_mixture[mixture] for mixture in experiment.mixtures)
        rows.append(Row((each.task, each.documents, *numbers, ", ".join(f"{name} {n}" for name, n in most) or None)))
    caption = (
        "Distinct documents that a task searches, and how many of them a row holds that a mixture trains on: the same "
        "words, whatever case and punctuation. Those that are relevant to a query are test texts, whose rows were "
        "dropped; the others are no answers, but a model has seen them."
    )
    return Table("documents", "Documents that were trained on", caption, columns, tuple(rows))
