"""Everything that the report reads, in one place: the shapes of the other stages' artifacts end here.

What is missing stays None or empty, so that a part of an experiment gives a part of a report.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rosberta import published
from rosberta.evidence.comparison import Side, estimated, side
from rosberta.evidence.estimates import Estimate, mean
from rosberta.frame.artifacts import (
    BENCHMARK,
    CLEANED,
    COLLECTED,
    DEDUPLICATED,
    ENCODERS,
    MINED,
    MIXTURES,
    RUNS,
    SCORES,
)
from rosberta.frame.files import read_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import number_of_rows, read_counts, read_rows
from rosberta.frame.weights import pinned_model
from rosberta.published import CATEGORIES, VERSIONS, Version
from rosberta.report.mining import Known, known
from rosberta.report.seen import Searched, searched

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

STEPS: dict[str, Path] = {"collect": COLLECTED, "clean": CLEANED, "deduplicate": DEDUPLICATED, "mine": MINED}
"""The stages that a source passes, each with the folder that it writes to."""

RULES = ("exact", "contained", "near", "alike")
"""How a training text may hold a test text."""

ORIGINS = ("provided", "mined", "random")
"""Where negatives come from."""


@dataclass(frozen=True)
class Source:
    """A training source, counted from its raw rows to its mined ones."""

    name: str
    group: str
    prefix: str
    read: int | None
    """Raw rows."""
    kept: Mapping[str, int | None]
    """Rows after each stage of `STEPS`."""
    dropped: Mapping[str, Mapping[str, int]]
    """Rows by stage of `STEPS` and by reason."""
    short: int | None
    """Rows that it lacks to its cap."""
    negatives: Mapping[str, int | None]
    """Negatives of the mined rows by origin, of `ORIGINS`."""
    overlap: Mapping[tuple[str, str], tuple[int, int, tuple[str, ...]]]
    """By task and rule: rows dropped and negatives removed, since they hold a text of the task, and ids of some."""

    @property
    def lost(self) -> Counter[str]:
        """Rows dropped after collection, by reason."""
        return sum((Counter(self.dropped[stage]) for stage in ("clean", "deduplicate", "mine")), Counter())


@dataclass(frozen=True)
class Plan:
    """A mixture: which of its sources gives how many rows."""

    name: str
    groups: tuple[str, ...]
    """The groups that it consists of; empty if it is no union of whole groups."""
    rows: int | None
    sources: Mapping[str, int]
    """Rows by source, in the order of the experiment's sources."""

    def share(self, source: str) -> float | None:
        """Share of a source, percent; None if it is not in the mixture."""
        number = self.sources.get(source)
        return None if number is None or not self.rows else 100 * number / self.rows


@dataclass(frozen=True)
class Curve:
    """The loss of one training, by step."""

    name: str
    steps: tuple[int, ...]
    losses: tuple[float, ...]
    held_out: tuple[tuple[int, float], ...] = ()
    """Steps, and the loss of what is held out."""


@dataclass(frozen=True)
class Model:
    """An evaluated model of the experiment; scores are on the scale 0-100."""

    name: str
    what: str
    """What its weights are, in words."""
    run: str | None
    """The run that trained it."""
    scores: Mapping[str, float]
    """Score by task of ruMTEB."""
    own: Mapping[str, float]
    """Score by task of one's own."""
    prefixes: Mapping[str, str]
    """Prefix that each task's texts took."""
    side: Side | None = None
    """What is known of its scores beyond them; None: it is not evaluated."""
    estimates: Mapping[str, Estimate] = field(default_factory=dict)
    """Scores with their errors, by task, where these are known."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Of the model: prompts, precision, length, pooling, revision."""

    @property
    def reference(self) -> bool:
        """Whether it is there to be compared with: trained by no run of the experiment."""
        return self.run is None

    @property
    def cut(self) -> float | None:
        """Share of the texts that were longer than the model takes, percent."""
        known = [
            (each["texts_cut"], each["texts"])
            for each in (self.side.facts if self.side else {}).values()
            if "texts" in each
        ]
        total = sum(texts for _, texts in known)
        return 100 * sum(cut for cut, _ in known) / total if total else None

    def estimate(self, shares: Mapping[str, float]) -> Estimate | None:
        """A weighted mean of task scores with its error; None if one of them has none."""
        parts = [self.estimates[task] for task in shares if task in self.estimates]
        return mean(parts, list(shares.values())) if parts and len(parts) == len(shares) else None

    def category(self, name: str, version: Version) -> float | None:
        """Mean of a category's task scores; None if one is missing."""
        return self._mean(task.name for task in published.tasks(version) if task.category == name)

    def task_mean(self, version: Version) -> float | None:
        """Mean of the 23 task scores; None if one is missing."""
        return self._mean(task.name for task in published.tasks(version))

    def category_mean(self, version: Version) -> float | None:
        """Mean of the seven category means; None if one is missing."""
        means = [self.category(name, version) for name in CATEGORIES]
        return None if None in means else fmean(mean for mean in means if mean is not None)

    def _mean(self, tasks: Iterable[str]) -> float | None:
        scores = [self.scores.get(task) for task in tasks]
        return None if None in scores else fmean(score for score in scores if score is not None)


@dataclass(frozen=True)
class Results:
    """All that an experiment gave."""

    experiment: Experiment
    version: Version
    """The version of ruMTEB that the experiment's tasks belong to."""
    texts: Mapping[str, int]
    """Distinct test texts by task."""
    sources: tuple[Source, ...]
    plans: tuple[Plan, ...]
    pretraining: tuple[Curve, ...]
    contrast: tuple[Curve, ...]
    models: tuple[Model, ...]
    minings: Known
    searched: tuple[Searched, ...]
    """The tasks that search, and how many of their documents are trained on."""
    drawn: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Batches by source of each run, as they were trained on."""
    planned: Mapping[str, Plan] = field(default_factory=dict)
    """What each run's mixture gives by the mining that the run takes."""
    leaders: dict[tuple[tuple[str, float], ...], str | None] = field(default_factory=dict)
    """Who leads in a weighted mean of tasks, where it was asked for."""

    @property
    def miniature(self) -> bool:
        """Whether the data is the miniature's, so that scores say nothing about the recipe."""
        return self.experiment.hub.origin == "miniature"

    @property
    def own_tasks(self) -> list[str]:
        """Names of one's own tasks."""
        return [name for name, task in self.experiment.benchmark.tasks.items() if task.category is not None]

    @property
    def rebuilt(self) -> Model | None:
        """The model that stands for the published one: merged, of the largest mixture, the first of equals."""
        sizes = {plan.name: plan.rows or 0 for plan in self.plans}
        runs = self.experiment.runs
        merged = [model for model in self.models if model.run and model.scores and "merged" in model.what]
        return max(merged, key=lambda model: sizes.get(runs[model.run or ""].chosen[0], 0), default=None)

    def models_of(self, mixture: str) -> list[Model]:
        """The models that were trained on a mixture, by whatever negatives."""
        runs = {name for name, run in self.experiment.runs.items() if run.chosen[0] == mixture}
        return [model for model in self.models if model.run in runs]

    def steps_of(self, run: str | None) -> int | None:
        """Steps of a run's contrastive training."""
        return next((curve.steps[-1] for curve in self.contrast if curve.name == run and curve.steps), None)


def read(experiment: Experiment) -> Results:
    """Read what there is of an experiment's artifacts.

    Raises:
        Mistake: a file is there, but damaged.
    """
    return Results(
        experiment=experiment,
        version=version_of(experiment.benchmark.tasks),
        texts=dict(_texts(experiment.benchmark.tasks)),
        sources=tuple(_source(experiment, name) for name in experiment.collect.sources),
        plans=tuple(_plan(experiment, name) for name in experiment.mixtures),
        pretraining=tuple(_curve(name, ENCODERS / name) for name in experiment.encoders),
        contrast=tuple(_curve(name, RUNS / name / "contrasted") for name in experiment.runs),
        models=tuple(_model(experiment, name) for name in experiment.models),
        minings=known(experiment),
        searched=tuple(searched(experiment)),
        drawn={name: found for name in experiment.runs if (found := _drawn(RUNS / name / "contrasted"))},
        planned={name: _plan(experiment, *run.chosen) for name, run in experiment.runs.items()},
    )


def version_of(tasks: Iterable[str]) -> Version:
    """The version of ruMTEB that most of these tasks belong to; the paper's if they belong to both."""
    names = set(tasks)
    # max() keeps the first of equals.
    return max(VERSIONS, key=lambda version: len(names & {task.name for task in published.tasks(version)}))


def _texts(tasks: Iterable[str]) -> Iterable[tuple[str, int]]:
    for task in tasks:
        path = BENCHMARK / task / "texts.parquet"
        if path.is_file():
            yield task, number_of_rows(path)


def _source(experiment: Experiment, name: str) -> Source:
    source = experiment.collect.sources[name]
    counts = {
        stage: read_counts(path) if (path := folder / f"{name}.parquet").is_file() else {}
        for stage, folder in STEPS.items()
    }
    kept = counts["deduplicate"].get("kept")
    return Source(
        name=name,
        group=source.group,
        prefix=source.prefix,
        read=counts["collect"].get("read"),
        kept={stage: count.get("kept") for stage, count in counts.items()},
        dropped={stage: _reasons(count.get("dropped", {})) for stage, count in counts.items()},
        short=None if kept is None else max(0, (source.cap or experiment.collect.cap) - kept),
        negatives={origin: counts["mine"].get(origin) for origin in ORIGINS},
        overlap=_overlap(counts["clean"].get("overlap", {})),
    )


def _reasons(dropped: Mapping[str, int]) -> dict[str, int]:
    return {reason.replace("_", " "): number for reason, number in sorted(dropped.items())}


def _overlap(counts: Mapping[str, Any]) -> dict[tuple[str, str], tuple[int, int, tuple[str, ...]]]:
    return {
        (task, rule): (found["rows"], found["negatives"], tuple(found["ids"]))
        for task, rules in sorted(counts.items())
        for rule, found in sorted(rules.items())
    }


def _plan(experiment: Experiment, name: str, mining: str | None = None) -> Plan:
    mixture = experiment.mixtures[name]
    path = MIXTURES / (f"{name}/{mining}.json" if mining else f"{name}.json")
    plan = read_json(path) if path.is_file() else {}
    rows = {source: part["rows"] for source, part in plan.get("sources", {}).items()}
    return Plan(
        name=name,
        groups=() if mixture.sources or mixture.without else tuple(mixture.groups),
        rows=plan.get("rows"),
        sources={source: rows[source] for source in experiment.collect.sources if source in rows},
    )


def _drawn(folder: Path) -> dict[str, int]:
    path = folder / "schedule.parquet"
    return dict(Counter(read_rows(path, ["source"])["source"].to_pylist())) if path.is_file() else {}


def _curve(name: str, folder: Path) -> Curve:
    path = folder / "loss.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    try:
        points = [json.loads(line) for line in lines if line.strip()]
        # A trainer's last line may sum up instead of giving a step's loss.
        points = [point for point in points if "loss" in point and "step" in point]
        steps, losses = tuple(int(p["step"]) for p in points), tuple(float(p["loss"]) for p in points)
        held_out = tuple((int(p["step"]), float(p["validation_loss"])) for p in points if "validation_loss" in p)
        return Curve(name, steps, losses, held_out)
    except (ValueError, TypeError) as error:
        raise Mistake(f"{path}: not readable as lines of JSON ({error}); remove it and run its stage again") from None


def _model(experiment: Experiment, name: str) -> Model:
    weights = experiment.models[name].weights
    what, run = weights_in_words(weights, miniature=experiment.hub.origin == "miniature")
    path = SCORES / name / "summary.json"
    summary = read_json(path) if path.is_file() else {}
    known = side(name) if summary else None
    found = {task: estimated(known, task) for task in known.scores} if known else {}
    tasks = summary.get("tasks", {}) | summary.get("own_tasks", {})
    own = {task for task, entry in experiment.benchmark.tasks.items() if entry.category is not None}
    scores = {task: float(each["score"]) for task, each in tasks.items() if each.get("score") is not None}
    # A score that is no number, as a correlation of constants, is none.
    scores = {task: score for task, score in scores.items() if math.isfinite(score)}
    return Model(
        name=name,
        what=what,
        run=run,
        scores={task: score for task, score in scores.items() if task not in own},
        own={task: score for task, score in scores.items() if task in own},
        prefixes={task: (each.get("prefix") or "").strip() for task, each in tasks.items()},
        side=known,
        estimates={task: each for task, each in found.items() if each is not None},
        facts=summary.get("model", {}),
    )


def weights_in_words(weights: str, *, miniature: bool) -> tuple[str, str | None]:
    """What an artifact with weights is, in words, and the run that it comes from, if it comes from one.

    The miniature's models have the names of those that they stand in for, but are not them.
    """
    if match := re.fullmatch(r"results/runs/([^/]+)/(contrasted|merged)", weights):
        return f"run {match[1]}, {'merged' if match[2] == 'merged' else 'before its merge'}", match[1]
    if match := re.fullmatch(r"results/encoders/([^/]+)", weights):
        return f"encoder {match[1]}, not contrasted", None
    if match := re.fullmatch(r"data/vocabulary/([^/]+)", weights):
        return f"encoder {match[1]}, not trained", None
    if id := pinned_model(weights):
        return f"stand-in for {id}" if miniature else id, None
    # A path would tell of the machine.
    return f"folder {Path(weights).name}", None
