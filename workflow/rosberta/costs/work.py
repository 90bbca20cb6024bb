"""What each job computes.

Operations are counted by the usual rule: a forward pass takes two a weight and token, and four a layer, token, width
and attended token; a training step takes three forward passes, or four where activations are recomputed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pyarrow.compute as pc

from rosberta import published
from rosberta.costs import speeds
from rosberta.costs.bulk import CHARACTERS_PER_TOKEN, TEXTS_PER_ROW, Bulk
from rosberta.costs.speeds import Shape
from rosberta.experiment.blocks import TEXTS
from rosberta.frame.artifacts import BENCHMARK, HUB, MINE
from rosberta.frame.files import read_json
from rosberta.frame.rows import read_rows
from rosberta.frame.weights import own_folder, pinned_model

if TYPE_CHECKING:
    from rosberta.experiment import Experiment
    from rosberta.experiment.corpus import Mine

UTILISATION = 0.3
"""Share of a GPU's peak that is reached where nothing was measured. Not published: ours."""


EYES = {"teacher", "pooling", "query_prompt", "document_prompt", "max_length", "precision"}
"""Parameters of a mining that decide which embeddings in the cache are its own."""

MASKED = 0.15
"""Share of the tokens that the head is computed for."""


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
    shape: Shape | None
    """Of the model."""


def shape_of(experiment: Experiment, model: str) -> Shape | None:
    """Sizes of a pinned model: those of the miniature's stand-in if there is one, else the published ones."""
    if experiment.hub.origin == "miniature":
        return _configured(HUB / "miniature/models" / model / "config.json")
    return speeds.shapes().get(model)


def _configured(config: Path) -> Shape | None:
    """Sizes of the encoder of a configuration, as transformers writes it."""
    if not config.is_file():
        return None
    found = read_json(config)
    fields = ("num_hidden_layers", "hidden_size", "intermediate_size", "vocab_size")
    return Shape(*(found[field] for field in fields)) if all(field in found for field in fields) else None


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
    yield from _mined(experiment, bulks)
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
        sources = [bulks[source] for source in experiment.pairs_of(run.chosen[0])]
        pairs = sum(each.rows for each in sources) * contrast.epochs
        if contrast.max_steps is not None:
            pairs = contrast.max_steps * contrast.batch_size * contrast.devices
        length = _mean([(each.rows, each.tokens) for each in sources])
        texts = pairs * (2 + contrast.hard_negatives)
        # Where a device batch does not fit in one micro-batch its texts are embedded once more.
        twice = contrast.batch_size * (2 + contrast.hard_negatives) * length > contrast.micro_tokens
        yield _job("contrast", name, "contrast", shape, texts, length, recomputed=twice)
    number, tokens = evaluation_size(experiment)
    for name in experiment.models:
        yield _job("evaluate", name, "embed", _model_shape(experiment, name), number, tokens / number if number else 0)


def _mined(experiment: Experiment, bulks: Mapping[str, Bulk]) -> Iterator[Work]:
    """What teachers embed and judges read, of each source and mining.

    A row brings an anchor and a positive, and to the sources that draw from it the positive alone; what has been
    embedded for another mining or source is in the cache, unless there is none. A judge that filters reads as many
    candidates as a row takes; those that it refuses, of which nothing is known, come on top of that.
    """
    embedded = set[tuple[str, ...]]()
    for source, entry in experiment.collect.sources.items():
        if entry.group == TEXTS:
            continue
        drawn, rows = experiment.drawn_from(source), bulks[source].rows
        for name, mine in {MINE: experiment.mine, **experiment.minings_of(source)}.items():
            by_ranks = mine.methods[entry.group] == "ranks"
            if by_ranks or mine.score_random:
                others = drawn.get(name, [])
                eyes = (mine.model_dump_json(include=EYES), *(() if mine.cache_gb else (source, *others)))
                sides = [("anchors", source), *(("documents", each) for each in (source, *others))]
                fresh = [bulks[each] for side, each in sides if (side, each, *eyes) not in embedded]
                embedded |= {(side, each, *eyes) for side, each in sides}
                texts, length = sum(each.rows for each in fresh), _mean((each.rows, each.tokens) for each in fresh)
                if texts:
                    yield _job("mine", source, "embed", _teacher_shape(experiment, mine), texts, length)
            if judge := mine.cross_encoder:
                pairs = min(rows, mine.sample) * (1 + mine.negatives)
                if judge.filters and by_ranks:
                    margins = judge.absolute_margin is not None or judge.relative_margin is not None
                    pairs += rows * (mine.negatives + margins)
                length = min(2 * bulks[source].tokens, judge.max_length)
                yield _job("mine", source, "embed", shape_of(experiment, judge.model), pairs, length)


def _teacher_shape(experiment: Experiment, mine: Mine) -> Shape | None:
    if mine.own_teacher:
        return _configured(Path(mine.own_teacher[0]) / "config.json")
    return shape_of(experiment, mine.teacher) if mine.teacher else None


def _job(
    stage: str, key: str, kind: str, shape: Shape | None, texts: float, length: float, *, recomputed: bool = False
) -> Work:
    done = None if shape is None else texts * length * operations(kind, shape, length, recomputed=recomputed)
    return Work(stage, key, kind, texts, texts * length, done, shape)


def operations(kind: str, shape: Shape, length: float, *, recomputed: bool = False) -> float:
    """Operations for a token in a text of `length` tokens: of an embedding, or of a step of a training.

    Args:
        kind: embed, pretrain (with the head over the vocabulary, for masked tokens) or contrast.
        shape: of the encoder.
        length: tokens of the text.
        recomputed: whether texts are embedded once more, before the loss.
    """
    once = forward(shape, length)
    if kind == "pretrain":
        return 3 * (once + MASKED * 2 * shape.hidden * shape.vocabulary)
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
    if id := pinned_model(place):
        return shape_of(experiment, id)
    if own := own_folder(place):
        return _configured(own / "config.json")
    name = place.split("/")[2]
    encoder = experiment.runs[name].encoder if name in experiment.runs and "/runs/" in place else name
    return encoder_shape(experiment, encoder)


def evaluation_size(experiment: Experiment) -> tuple[int, float]:
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
                lengths = pc.utf8_length(read_rows(path, ["text"])["text"])
                texts, characters = texts + len(lengths), characters + (pc.sum(lengths).as_py() or 0)
            continue
        task = known[name]
        pairs = 2 if task.category in ("STS", "PairClassification") else 1
        texts += pairs * task.mteb_evaluated + (task.mteb_documents or 0)
        # The length of a pair is that of both texts.
        characters += task.mteb_evaluated * task.characters
        characters += (task.mteb_documents or 0) * (task.document_characters or 0)
    return texts, characters / CHARACTERS_PER_TOKEN


def rate(kind: str, gpu: str, shape: Shape | None = None) -> tuple[float, str]:
    """Operations a second of a kind of work on a GPU, and what they rest on.

    Args:
        kind: of the work.
        gpu: whose rate it is, scaled by its peak where another was measured.
        shape: of the encoder: what was measured of the size that is nearest to it counts. Small ones do not reach the
            share of the peak that large ones do.
    """
    peaks = speeds.gpus()
    known = [speed for speed in speeds.throughputs() if speed.work == kind]
    if not known:
        return UTILISATION * peaks[gpu], f"assumed: {100 * UTILISATION:.0f}% of the peak"
    size = weights(shape) if shape else max(weights(speed.shape) for speed in known)
    measured = min(known, key=lambda speed: (speed.gpu != gpu, abs(math.log(weights(speed.shape) / max(1, size)))))
    # Contrastive training was measured with a device batch in one micro-batch.
    each = operations(kind, measured.shape, measured.tokens_per_text)
    share = measured.tokens_per_second * each / peaks[measured.gpu]
    where = "measured" if measured.gpu == gpu else f"measured on {measured.gpu}"
    return share * peaks[gpu], f"{where}: {100 * share:.0f}% of the peak"
