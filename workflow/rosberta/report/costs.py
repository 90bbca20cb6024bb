"""The tables of what an experiment will read, compute and store.

Rows and lengths of texts are those of the artifacts where these are there, and else the caps of the parameters and the
paper's mean length. Hours are operations over the rate of a GPU: the measured one where there is any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rosberta.costs.bulk import CHARACTERS_PER_TOKEN, Bulk, bulk, manifest_of
from rosberta.costs.speeds import GPU, Shape
from rosberta.costs.work import Work, encoder_shape, rate, weights, works
from rosberta.outside.pins import all_pins
from rosberta.report.table import Column, Row, Table

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

_BYTES_A_WEIGHT = 4


def tables(experiment: Experiment, gpu: str = GPU, number: int = 1) -> list[Table]:
    """Sources, work and disk of an experiment, on so many GPUs: two took half the time of one to a hundredth."""
    bulks = {name: bulk(experiment, name) for name in experiment.collect.sources}
    work = list(works(experiment, bulks))
    return [_sources(experiment, bulks), _work(work, gpu, number), _disk(experiment, bulks), _licences(experiment)]


def _sources(experiment: Experiment, bulks: Mapping[str, Bulk]) -> Table:
    columns = (
        Column("Source"),
        Column("Group"),
        Column("Prefix"),
        Column("Rows", 0),
        Column("Tokens a text", 0),
        Column("Mined text, MB", 1),
        Column("Licence"),
        Column("Commercial use"),
        Column("Rests on"),
    )
    rows = []
    for name, source in experiment.collect.sources.items():
        each = bulks[name]
        rows.append(
            Row(
                (
                    name,
                    source.group,
                    source.prefix,
                    each.rows,
                    each.tokens,
                    _bytes(experiment, each) / 1e6,
                    licence_of(experiment, name),
                    {True: "yes", False: "no", None: None}[source.commercial],
                    "artifact" if each.measured else "cap, paper's length",
                )
            )
        )
    total = sum(each.rows for each in bulks.values())
    size = sum(_bytes(experiment, each) for each in bulks.values()) / 1e6
    rows.append(Row(("All sources", None, None, total, None, size, None, None, None), total=True))
    caption = "What each source gives at most, and under which licence, as far as known."
    return Table("plan_sources", "Plan: sources", caption, columns, tuple(rows))


def _bytes(experiment: Experiment, each: Bulk) -> float:
    """Bytes of a mined file's texts before compression: Russian letters take two each."""
    return each.rows * (2 + experiment.mine.negatives) * each.tokens * CHARACTERS_PER_TOKEN * 1.8


def licence_of(experiment: Experiment, source: str) -> str | None:
    """Licence of a source: its own, else that of its pin."""
    entry = experiment.collect.sources[source]
    pin = experiment.hub.datasets.get(entry.dataset)
    return entry.licence or (pin.licence if pin else None)


def _work(work: Iterable[Work], gpu: str, number: int) -> Table:
    columns = (
        Column("Stage"),
        Column("Jobs", 0),
        Column("Texts, millions", 3),
        Column("Tokens, millions", 2),
        Column("Operations, 1e15", 3),
        Column(f"Hours on {'one' if number == 1 else number} {gpu}", 3),
        Column("Rests on"),
    )
    by_stage: dict[str, list[Work]] = {}
    for job in work:
        by_stage.setdefault(job.stage, []).append(job)
    rows, hours = [], 0.0
    for stage, jobs in by_stage.items():
        rates = [rate(job.kind, gpu, job.shape) for job in jobs]
        basis = "; ".join(dict.fromkeys(told for _, told in rates))
        operations = sum(job.operations or 0 for job in jobs)
        unknown = sum(job.operations is None for job in jobs)
        taken = sum((job.operations or 0) / speed for job, (speed, _) in zip(jobs, rates, strict=True)) / number / 3600
        hours += taken
        rows.append(
            Row(
                (
                    stage,
                    len({job.key for job in jobs}),
                    sum(job.texts for job in jobs) / 1e6,
                    sum(job.tokens for job in jobs) / 1e6,
                    operations / 1e15,
                    taken,
                    basis + (f"; {unknown} of unknown shape left out" if unknown else ""),
                )
            )
        )
    rows.append(Row(("All stages", None, None, None, None, hours, None), total=True))
    caption = (
        "What the stages compute on a GPU: forward passes of two operations a weight and token; three for training. "
        "Of mining they are all minings, the sources that each draws from, and pairs that a judge reads, each as one "
        "text; not what rows bring beyond an anchor and a positive, candidates that a judge reads in place of those "
        "that it refuses, and the search for ranks."
    )
    return Table("plan_work", "Plan: work", caption, columns, tuple(rows))


def _disk(experiment: Experiment, bulks: Mapping[str, Bulk]) -> Table:
    rows: list[Row] = []
    known, pins = 0.0, 0
    for kind, id, _ in all_pins(experiment):
        if manifest := manifest_of(experiment, kind, id):
            pins += 1
            known += sum(file["bytes"] for file in manifest["files"])
    total = len(experiment.hub.datasets) + len(experiment.hub.models)
    rows.append(Row((f"pinned files ({pins} of {total} pins resolved)", known / 1e9)))
    # Collected, cleaned and mined; the first two hold little else than pairs.
    text = sum(_bytes(experiment, each) for each in bulks.values())
    rows.append(Row(("rows: collected, cleaned, mined (before compression)", 1.5 * text / 1e9)))
    models = 0.0
    for name in experiment.encoders:
        models += 2 * _size(encoder_shape(experiment, name))
    for run in experiment.runs.values():
        models += 2 * _size(encoder_shape(experiment, run.encoder))
    rows.append(Row(("models: vocabularies, encoders, runs", models / 1e9)))
    widest = max((_size(encoder_shape(experiment, name)) for name in experiment.encoders), default=0.0)
    rows.append(Row(("checkpoints of one training", 2 * 3 * widest / 1e9)))
    everything = sum(float(row.values[1] or 0) for row in rows)
    rows.append(Row(("all", everything), total=True))
    columns = (Column("What"), Column("Disk, GB", 3))
    caption = "Disk that the artifacts take, without copies in a cache of DVC's that cannot link."
    return Table("plan_disk", "Plan: disk", caption, columns, tuple(rows))


def _size(shape: Shape | None) -> float:
    return 0.0 if shape is None else _BYTES_A_WEIGHT * (weights(shape) + shape.vocabulary * shape.hidden)


def _licences(experiment: Experiment) -> Table:
    columns = (Column("Mixture"), Column("Licence forbids commercial use"), Column("Not stated"))
    rows = []
    for mixture in experiment.mixtures:
        names = experiment.sources_of(mixture)
        sources = experiment.collect.sources
        forbidden = [name for name in names if sources[name].commercial is False]
        unknown = [name for name in names if sources[name].commercial is None]
        rows.append(Row((mixture, ", ".join(forbidden) or None, ", ".join(unknown) or None)))
    caption = "Sources that a model for commercial use has to do without, or to ask about."
    return Table("plan_licences", "Plan: licences", caption, columns, tuple(rows))
