"""Which documents that the tasks of search look through were trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rosberta.corpus.seen import corpora, drawn, seen
from rosberta.frame.artifacts import DEDUPLICATED, DUPLICATES, INDEX, SEEN, mined
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
    tasks = corpora(INDEX)
    of_mining = {
        (name, mining): drawn(
            mined(name, mining),
            [(DEDUPLICATED / f"{other}.parquet", SEEN / f"{other}.parquet") for other in others if other in of_source],
            tasks,
        )
        for name in of_source
        for mining, others in experiment.drawn_from(name).items()
        if mined(name, mining).is_file()
    }
    none = np.zeros(0, np.uint64)

    def of(task: str, sources: Sequence[str], minings: Sequence[str] | None) -> int:
        found = [of_source.get(name, {}).get(task, none) for name in sources]
        for (name, mining), each in of_mining.items():
            if name in sources and (minings is None or mining in minings):
                found.append(each.get(task, none))
        return len(np.unique(np.concatenate([none, *found])))

    return [
        Searched(
            task,
            len(documents),
            {name: of(task, experiment.sources_of(name), experiment.plans_of(name)) for name in experiment.mixtures},
            {name: count for name in of_source if (count := of(task, [name], None))},
        )
        for task, documents in tasks.items()
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
        "words, whatever case and punctuation, with the document's title or without; its negatives are counted as they "
        "are mined, from other sources, too. Those that are relevant to a query are test texts, whose rows were "
        "dropped; the others are no answers, but a model has seen them."
    )
    return Table("documents", "Documents that were trained on", caption, columns, tuple(rows))
