"""Command `plan`: what an experiment will read, compute and store, before anything is paid for.

Rows and lengths of texts are those of the artifacts where these are there, and else the caps of the parameters and the
paper's mean length. Operations are counted by the usual rule: a forward pass takes two a weight and token, and four a
layer, token, width and attended token; a training step takes three forward passes, or four where activations are
recomputed. Hours are operations over the rate of a GPU: the measured one where there is any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from rosberta import hub, published
from rosberta.artifacts import BENCHMARK, CLEANED, COLLECTED, HUB, read_json
from rosberta.blocks import TEXTS
from rosberta.mistakes import Mistake, nearest
from rosberta.published import Shape
from rosberta.table import Column, Row, Table

if TYPE_CHECKING:
    from rosberta.params import Experiment

GPU = "H200"
"""The GPU that hours are given for where none is named."""

TOKENS_PER_TEXT = 90.0
"""Of a training text that is not there yet: a billion tokens (poster) in 11 thousand batches of 1,024 texts (paper
4.2)."""

CHARACTERS_PER_TOKEN = 4.0
"""Of the recipe's tokenizer, about. Not published: ours."""

UTILISATION = 0.3
"""Share of a GPU's peak that is reached where nothing was measured. Not published: ours."""

TEXTS_PER_ROW = 3
"""Distinct texts that a row of pairs brings: 11.3 million texts of 3.8 million pairs (paper 4.2, Table 6)."""

_BYTES_A_WEIGHT = 4


class Bulk(NamedTuple):
    """How much a source holds."""

    rows: int
    tokens: float
    """Of a text."""
    measured: bool
    """Whether an artifact says so."""


class Work(NamedTuple):
    """What one job computes on a GPU."""

    stage: str
    key: str
    kind: str
    """Whose speed counts, as in the published speeds: embed, pretrain or contrast."""
    texts: float
    tokens: float
    operations: float | None
    """None: the shape of the model is not known."""


def run(experiment: Experiment, gpu: str = GPU) -> str:
    """The plan as text.

    Raises:
        Mistake: there is no such GPU in the table of GPUs.
    """
    if gpu not in published.gpus():
        raise Mistake(f"plan: {gpu!r} is no GPU whose speed is known{nearest(gpu, published.gpus())}")
    return "\n".join(table.text() for table in tables(experiment, gpu))


def tables(experiment: Experiment, gpu: str = GPU) -> list[Table]:
    """Sources, work and disk of an experiment."""
    bulks = {name: bulk(experiment, name) for name in experiment.collect.sources}
    work = list(works(experiment, bulks))
    return [_sources(experiment, bulks), _work(work, gpu), _disk(experiment, bulks), _licences(experiment)]


def bulk(experiment: Experiment, source: str) -> Bulk:
    """How much a source holds: as cleaned, else as collected, else as the parameters allow."""
    cap = experiment.collect.sources[source].cap or experiment.collect.cap
    dataset = experiment.collect.sources[source].dataset
    other = (HUB / "datasets" / f"{dataset}.json").is_file() and not _resolved(experiment, "dataset", dataset)
    for folder in (CLEANED, COLLECTED):
        path = folder / f"{source}.parquet"
        if path.is_file() and not other:
            return Bulk(min(cap, pq.read_metadata(path).num_rows), _tokens(path), measured=True)
    return Bulk(cap, TOKENS_PER_TEXT, measured=False)


def _resolved(experiment: Experiment, kind: hub.Kind, id: str) -> dict[str, Any] | None:
    """The manifest of a pin; None if there is none, or that of another experiment."""
    path = HUB / f"{kind}s" / f"{id}.json"
    pin = (experiment.hub.datasets if kind == "dataset" else experiment.hub.models)[id]
    manifest = read_json(path) if path.is_file() else {}
    found: dict[str, Any] | None = manifest or None
    return (
        found if (manifest.get("origin"), manifest.get("revision")) == (experiment.hub.origin, pin.revision) else None
    )


def _tokens(path: Path) -> float:
    """Tokens of an anchor or positive of a file of rows, on average over its first row group."""
    with pq.ParquetFile(path) as file:
        if not file.num_row_groups:
            return TOKENS_PER_TEXT
        texts = file.read_row_group(0, columns=["anchor", "positive"])
    means = [pc.mean(pc.utf8_length(column)).as_py() for column in texts.columns]
    known = [mean for mean in means if mean is not None]
    return sum(known) / len(known) / CHARACTERS_PER_TOKEN if known else TOKENS_PER_TEXT


def shape_of(experiment: Experiment, model: str) -> Shape | None:
    """Sizes of a pinned model: those of the miniature's stand-in if there is one, else the published ones."""
    if experiment.hub.origin == "miniature":
        config = HUB / "miniature/models" / model / "config.json"
        if not config.is_file():
            return None
        found = read_json(config)
        fields = ("num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size")
        return Shape(*(found[field] for field in fields)) if all(field in found for field in fields) else None
    return published.shapes().get(model)


def encoder_shape(experiment: Experiment, encoder: str) -> Shape | None:
    """Sizes of an encoder with its donor's tokens, all of them at most."""
    entry = experiment.encoders[encoder]
    base, donor = shape_of(experiment, entry.base), shape_of(experiment, entry.donor)
    if base is None or donor is None:
        return None
    return base if entry.base == entry.donor else base._replace(vocabulary=base.vocabulary + donor.vocabulary)


def weights(shape: Shape) -> int:
    """Weights of the layers, without embeddings and biases."""
    return shape.layers * (4 * shape.hidden**2 + 2 * shape.hidden * shape.intermediate)


def forward(shape: Shape, length: float) -> float:
    """Operations of a forward pass for a token in a text of `length` tokens, without the embeddings."""
    return 2 * weights(shape) + 4 * shape.layers * shape.hidden * length


def works(experiment: Experiment, bulks: Mapping[str, Bulk]) -> Iterator[Work]:
    """Every job that needs a GPU, in the order of the flow."""
    teacher = shape_of(experiment, experiment.mine.teacher)
    for name, source in experiment.collect.sources.items():
        if experiment.mine.methods.get(source.group) == "ranks":
            rows, length, _ = bulks[name]
            yield _job("mine", name, "embed", teacher, 2 * rows, length)
    for name, encoder in experiment.encoders.items():
        settings, shape = experiment.pretrain_of(name), encoder_shape(experiment, name)
        parts = [(_texts_of(experiment, source, bulks), bulks[source].tokens)
                 for source in experiment.sources_of(encoder.mixture)]  # fmt: skip
        everything = sum(number for number, _ in parts)
        length = _mean(parts)
        texts = everything * settings.epochs if settings.max_steps is None else settings.max_steps * settings.batch_size
        yield _job("pretrain", name, "pretrain", shape, texts, length)
    for name, run in experiment.runs.items():
        contrast, shape = experiment.contrast_of(name), encoder_shape(experiment, run.encoder)
        sources = [bulks[source] for source in experiment.pairs_of(run.mixture)]
        pairs = sum(each.rows for each in sources) * contrast.epochs
        if contrast.max_steps is not None:
            pairs = contrast.max_steps * contrast.batch_size
        length = _mean([(each.rows, each.tokens) for each in sources])
        texts = pairs * (2 + contrast.hard_negatives)
        yield _job("contrast", name, "contrast", shape, texts, length, recomputed=contrast.gradient_checkpointing)
    number, tokens = evaluated(experiment)
    for name in experiment.models:
        yield _job("evaluate", name, "embed", _model_shape(experiment, name), number, tokens / number if number else 0)


def _job(
    stage: str, key: str, kind: str, shape: Shape | None, texts: float, length: float, *, recomputed: bool = False
) -> Work:
    done = None if shape is None else texts * length * operations(kind, shape, length, recomputed=recomputed)
    return Work(stage, key, kind, texts, texts * length, done)


def operations(kind: str, shape: Shape, length: float, *, recomputed: bool = False) -> float:
    """Operations for a token in a text of `length` tokens: of an embedding, or of a step of a training.

    Args:
        kind: embed, pretrain (with the head over the vocabulary, for every token) or contrast.
        shape: of the encoder.
        length: tokens of the text.
        recomputed: whether activations are computed again for the backward pass.
    """
    once = forward(shape, length)
    if kind == "pretrain":
        return 3 * (once + 2 * shape.hidden * shape.vocabulary)
    return once if kind == "embed" else (4 if recomputed else 3) * once


def _texts_of(experiment: Experiment, source: str, bulks: Mapping[str, Bulk]) -> int:
    return bulks[source].rows * (1 if experiment.collect.sources[source].group == TEXTS else TEXTS_PER_ROW)


def _mean(parts: Iterable[tuple[float, float]]) -> float:
    """Mean length of texts, each of which counts once."""
    numbers = list(parts)
    total = sum(number for number, _ in numbers)
    return sum(number * length for number, length in numbers) / total if total else 0.0


def _model_shape(experiment: Experiment, model: str) -> Shape | None:
    place = experiment.models[model].weights
    if place.startswith("data/hub/models/"):
        return shape_of(experiment, place.removeprefix("data/hub/models/").removesuffix(".json"))
    name = place.split("/")[2]
    encoder = experiment.runs[name].encoder if name in experiment.runs and "/runs/" in place else name
    return encoder_shape(experiment, encoder)


def evaluated(experiment: Experiment) -> tuple[int, float]:
    """Texts and tokens that one model embeds: published sizes of the tasks of ruMTEB, counted where the data is other.

    A text is counted once for each task that holds it; those that only train a classifier are not counted, and of one's
    own search tasks only the documents that are relevant.
    """
    known = {task.name: task for version in published.VERSIONS for task in published.tasks(version)}
    texts, characters = 0, 0.0
    for name, entry in experiment.benchmark.tasks.items():
        if entry.category is not None or name not in known or experiment.hub.origin == "miniature":
            path = BENCHMARK / name / "texts.parquet"
            if path.is_file():
                lengths = pc.utf8_length(pq.read_table(path, columns=["text"])["text"])
                texts, characters = texts + len(lengths), characters + (pc.sum(lengths).as_py() or 0)
            continue
        task = known[name]
        pairs = 2 if task.category in ("STS", "PairClassification") else 1
        texts += pairs * task.mteb_evaluated + (task.mteb_documents or 0)
        # The length of a pair is that of both texts.
        characters += task.mteb_evaluated * task.characters
        characters += (task.mteb_documents or 0) * (task.document_characters or 0)
    return texts, characters / CHARACTERS_PER_TOKEN


def rate(kind: str, gpu: str) -> tuple[float, str]:
    """Operations a second of a kind of work on a GPU, and what they rest on."""
    peaks = published.gpus()
    known = [speed for speed in published.throughputs() if speed.work == kind]
    measured = next((speed for speed in known if speed.gpu == gpu), known[0] if known else None)
    if measured is None:
        return UTILISATION * peaks[gpu], f"assumed: {100 * UTILISATION:.0f}% of the peak"
    # Contrastive training was measured as the recipe does it, with activations recomputed.
    each = operations(kind, measured.shape, measured.tokens_per_text, recomputed=kind == "contrast")
    share = measured.tokens_per_second * each / peaks[measured.gpu]
    where = "measured" if measured.gpu == gpu else f"measured on {measured.gpu}"
    return share * peaks[gpu], f"{where}: {100 * share:.0f}% of the peak"


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


def _work(work: Iterable[Work], gpu: str) -> Table:
    columns = (
        Column("Stage"),
        Column("Jobs", 0),
        Column("Texts, millions", 3),
        Column("Tokens, millions", 2),
        Column("Operations, 1e15", 3),
        Column(f"Hours on one {gpu}", 3),
        Column("Rests on"),
    )
    by_stage: dict[str, list[Work]] = {}
    for job in work:
        by_stage.setdefault(job.stage, []).append(job)
    rows, hours = [], 0.0
    for stage, jobs in by_stage.items():
        speed, basis = rate(jobs[0].kind, gpu)
        operations = sum(job.operations or 0 for job in jobs)
        unknown = sum(job.operations is None for job in jobs)
        hours += operations / speed / 3600
        rows.append(
            Row(
                (
                    stage,
                    len(jobs),
                    sum(job.texts for job in jobs) / 1e6,
                    sum(job.tokens for job in jobs) / 1e6,
                    operations / 1e15,
                    operations / speed / 3600,
                    basis + (f"; {unknown} of unknown shape left out" if unknown else ""),
                )
            )
        )
    rows.append(Row(("All stages", None, None, None, None, hours, None), total=True))
    caption = (
        "What the stages compute on a GPU: forward passes of two operations a weight and token; three for training."
    )
    return Table("plan_work", "Plan: work", caption, columns, tuple(rows))


def _disk(experiment: Experiment, bulks: Mapping[str, Bulk]) -> Table:
    rows: list[Row] = []
    known, pins = 0.0, 0
    for kind, id, _ in hub.pins(experiment):
        if manifest := _resolved(experiment, kind, id):
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
