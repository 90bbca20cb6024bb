"""What must agree between the blocks of an experiment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from rosberta.corpus.adapters import options
from rosberta.evaluation.categories import CATEGORIES
from rosberta.evaluation.prompts import unknown_keys
from rosberta.evaluation.tasks import faults
from rosberta.experiment.blocks import TEXTS
from rosberta.frame.artifacts import MINE
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.frame.weights import own_folder

if TYPE_CHECKING:
    from rosberta.experiment import Experiment
    from rosberta.experiment.corpus import Mine


def adapters() -> list[str]:
    """Names of the adapters: the modules of `rosberta.corpus.adapters`."""
    names = (
        entry.name.removesuffix(".py")
        for entry in files("rosberta.corpus.adapters").iterdir()
        if entry.name.endswith(".py")
    )
    return sorted(name for name in names if not name.startswith("_"))


def crosscheck(experiment: Experiment) -> Iterator[str]:
    """Yield one sentence for each name that is used but not defined, and each setting that contradicts another."""
    yield from _data(experiment)
    yield from _built(experiment)


def _data(e: Experiment) -> Iterator[str]:
    """What the blocks of the stages name."""
    datasets = e.hub.datasets
    for name, task in e.benchmark.tasks.items():
        yield from _known(f"benchmark.tasks.{name}.dataset", task.dataset, datasets, "hub.datasets")
        if task.candidates:
            yield from _known(f"benchmark.tasks.{name}.candidates", task.candidates, datasets, "hub.datasets")
        yield from faults(name, task)
    for name, source in e.collect.sources.items():
        where = f"collect.sources.{name}"
        yield from _known(f"{where}.dataset", source.dataset, datasets, "hub.datasets")
        if source.adapter in adapters():
            yield from _mistakes(partial(options, source.adapter, source.options), f"{where}.")
        else:
            yield from _known(f"{where}.adapter", source.adapter, adapters(), "rosberta.corpus.adapters")
        if source.adapter == "texts" and source.group != TEXTS:
            yield f"{where}.group: {source.group!r}, but its adapter gives single texts; write {TEXTS}"
        if source.min_cosine is not None and e.clean.similarity.model is None:
            yield f"{where}.min_cosine: needs a model that embeds; name one in clean.similarity.model"
        if source.paper_set is not None:
            yield from _known(f"{where}.paper_set", source.paper_set, _sets(), "the paper's Table 6")
    for name, missing in e.collect.missing.items():
        where = f"collect.missing.{name}"
        yield from _known(f"{where}.paper_set", missing.paper_set, _sets(), "the paper's Table 6")
        if missing.substitute is not None:
            yield from _known(f"{where}.substitute", missing.substitute, e.collect.sources, "collect.sources")
    yield from _models(e)
    yield from _minings(e)


def _models(e: Experiment) -> Iterator[str]:
    """The models that stages load; without sources nothing is cleaned or mined, and none is needed."""
    needed = {"clean.tokenizer": e.clean.tokenizer, "mine.teacher": e.mine.teacher}
    for where, model in {**needed, "clean.similarity.model": e.clean.similarity.model}.items():
        if model is not None and where != "mine.teacher":
            yield from _known(where, model, e.hub.models, "hub.models")
        elif model is None and e.collect.sources and where in needed:
            yield f"{where}: missing; it has no default, and there are sources; name a model of hub.models"


def _minings(e: Experiment) -> Iterator[str]:
    """What pools and minings name."""
    for name, pool in e.pools.items():
        for field in ("sources", "without"):
            for source in getattr(pool, field):
                yield from _known(f"pools.{name}.{field}", source, e.collect.sources, "collect.sources")
        if not e.chosen_by(pool):
            yield f"pools.{name}: holds no source of collect.sources; name groups or sources that are there"
    yield from _mining(e, MINE, e.mine)
    for name in e.minings:
        try:
            settings = e.mining(name)
        except Mistake as mistake:
            yield from str(mistake).splitlines()
            continue
        yield from _mining(e, f"minings.{name}", settings)
        if name == MINE:
            yield "minings.mine: is the name of the block that the others change; choose another"


def _mining(e: Experiment, where: str, mine: Mine) -> Iterator[str]:
    """What a mining names."""
    judge, teacher = mine.cross_encoder, mine.teacher or ""
    own = teacher.startswith("./")
    if own:
        folder = teacher.partition("@")[0]
        if where == MINE or not _is_ones_own(folder):
            yield (
                f"{where}.teacher: {folder!r} is no folder that minings may name; copy a model to one outside data/ "
                "and results/, and name it in one of minings"
            )
        elif mine.own_teacher is None:
            now = digest(Path(folder))
            yield f"{where}.teacher: {teacher!r} lacks the digest of its content; write {folder}@{now}"
    models = {"teacher": None if own else mine.teacher, "cross_encoder.model": judge.model if judge else None}
    for field, model in models.items():
        if model is not None:
            yield from _known(f"{where}.{field}", model, e.hub.models, "hub.models")
    if mine.teacher is None and e.collect.sources and where != MINE:
        yield f"{where}.teacher: missing; name a model of hub.models"
    for pool in mine.pools:
        yield from _known(f"{where}.pools", pool, e.pools, "pools")


def _built(e: Experiment) -> Iterator[str]:
    """What encoders, mixtures, runs and models name."""
    for name, encoder in e.encoders.items():
        yield from _known(f"encoders.{name}.base", encoder.base, e.hub.models, "hub.models")
        yield from _known(f"encoders.{name}.donor", encoder.donor, e.hub.models, "hub.models")
        yield from _known(f"encoders.{name}.mixture", encoder.mixture, e.mixtures, "mixtures")
        yield from _mistakes(partial(e.pretrain_of, name))
    for name, mixture in e.mixtures.items():
        for field in ("sources", "without"):
            for source in getattr(mixture, field):
                yield from _known(f"mixtures.{name}.{field}", source, e.collect.sources, "collect.sources")
        if mixture.mining is not None:
            yield from _known(f"mixtures.{name}.mining", mixture.mining, e.minings, "minings")
        if not e.sources_of(name):
            yield f"mixtures.{name}: holds no source of collect.sources; name groups or sources that are there"
    for name, run in e.runs.items():
        yield from _known(f"runs.{name}.encoder", run.encoder, e.encoders, "encoders")
        mixed, mining = run.chosen
        yield from _known(f"runs.{name}.mixture", mixed, e.mixtures, "mixtures")
        if "/" in run.mixture:
            yield from _known(f"runs.{name}.mixture", mining or "", [MINE, *e.minings], "minings")
        if mixed in e.mixtures and e.sources_of(mixed) and not e.pairs_of(mixed):
            yield f"runs.{name}.mixture: {mixed!r} holds single texts alone; a run needs sources of pairs"
        yield from _mistakes(partial(e.merge_of, name))
        yield from _mistakes(partial(_enough_negatives, e, name))
    for name, model in e.models.items():
        yield from _weights(e, f"models.{name}.weights", model.weights)
        if not isinstance(model.prompts, str):
            for key in unknown_keys(model.prompts, e.benchmark.tasks):
                yield (
                    f"models.{name}.prompts: {key!r} would reach no text, since it names no task, category or side"
                    f"{nearest(key, [*e.benchmark.tasks, *CATEGORIES, 'query', 'document'])}"
                )


def _enough_negatives(e: Experiment, run: str) -> None:
    wanted = e.contrast_of(run).hard_negatives
    mixture, chosen = e.runs[run].chosen
    name = chosen or (e.mixtures[mixture].mining if mixture in e.mixtures else None)
    given = e.mining(name if name in e.minings else None).negatives
    if wanted > given:
        where = f"minings.{name}" if name in e.minings else MINE
        raise Mistake(f"runs.{run}: contrast.hard_negatives is {wanted}, but {where}.negatives gives {given} a row")


def _sets() -> list[str]:
    """Names of the sets of the paper's Table 6."""
    from rosberta import published

    return [each.name for each in published.sets()]


def _known(where: str, name: str, known: Iterable[str], block: str) -> Iterator[str]:
    if name not in known:
        yield f"{where}: {name!r} is not in {block}{nearest(name, known)}"


def _mistakes(attempt: Callable[[], object], where: str = "") -> Iterator[str]:
    """The sentences of the mistake that an attempt raises, if any."""
    try:
        attempt()
    except Mistake as mistake:
        yield from (f"{where}{line}" for line in str(mistake).splitlines())


def _is_ones_own(path: str) -> bool:
    """Whether it is a folder outside of the artifacts, and of the project: what holds that changes with every job.

    In its name DVC would take braces for a parameter's.
    """
    folder = own_folder(path)
    if folder is None or not folder.is_dir() or set("{}") & set(path):
        return False
    return not Path.cwd().resolve().is_relative_to(folder.resolve())


def _weights(experiment: Experiment, where: str, weights: str) -> Iterator[str]:
    places: dict[str, tuple[Iterable[str], str]] = {
        r"results/runs/([^/]+)/(?:contrasted|merged)": (experiment.runs, "runs"),
        r"results/encoders/([^/]+)": (experiment.encoders, "encoders"),
        r"data/vocabulary/([^/]+)": (experiment.encoders, "encoders"),
        r"data/hub/models/(.+)\.json": (experiment.hub.models, "hub.models"),
    }
    for pattern, (known, block) in places.items():
        if match := re.fullmatch(pattern, weights):
            yield from _known(where, match[1], known, block)
            return
    own = own_folder(weights)
    if _is_ones_own(weights):
        return
    yield (
        f"{where}: {weights!r} is no {'folder' if own else 'artifact with weights'}; write results/runs/RUN/merged, "
        "results/encoders/ENCODER, data/vocabulary/ENCODER, data/hub/models/ID.json or the path of a folder outside "
        "data/ and results/, without braces in its name"
    )
