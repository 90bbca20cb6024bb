"""What is published: numbers of the paper (arXiv:2408.12503v2) and its poster, each row with its source.

Scores are on the scale 0-100, as printed. Two averages must be kept apart: the tables of ablations average the seven
category scores (`category_mean`), the table of baselines averages the 23 task scores (`task_mean`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from statistics import fmean
from typing import Literal, NamedTuple

CATEGORIES: dict[str, str] = {
    "Classification": "Cls",
    "Clustering": "Clust",
    "MultilabelClassification": "MultiLab",
    "PairClassification": "Pair",
    "Reranking": "Rerank",
    "Retrieval": "Retr",
    "STS": "STS",
}
"""The seven categories of ruMTEB in the order of its tables, each with its short name."""

SEARCH = ("Reranking", "Retrieval")
"""Those whose texts are queries or documents."""

RELEASED = "ru-en-RoSBERTa"
"""The model that the recipe gave, as `baselines` and `scores` name it."""

RELEASED_ID = "ai-forever/ru-en-RoSBERTa"
"""Its id on the hub, by which `leaderboard` names it."""

Version = Literal["v1", "v1.1"]
VERSIONS: tuple[Version, ...] = ("v1", "v1.1")
"""Versions of ruMTEB: the paper's, and the one with two lighter retrieval tasks."""


class Task(NamedTuple):
    """A task of ruMTEB. Sizes are numbers of examples; None: there is no such split."""

    name: str
    category: str
    metric: str
    """mteb's name of the task's score."""
    prefix: str
    """Of the recipe: search, classification or clustering."""
    versions: tuple[str, ...]
    paper_train: int | None
    paper_validation: int | None
    paper_test: int | None
    mteb_evaluated: int
    """Texts, pairs or queries that mteb evaluates."""
    mteb_documents: int | None
    """Documents that mteb searches."""
    characters: int
    """Characters of an evaluated text or query, on average."""
    document_characters: int | None
    """Characters of a document, on average."""
    source: str


class Averages(NamedTuple):
    """A row of a table of scores by category."""

    name: str
    categories: Mapping[str, float]
    """Score by category."""
    task_mean: float | None
    """Mean of the task scores, as printed; None: not printed."""
    category_mean: float
    """Mean of the category scores: as printed, or computed from them where only the task mean is printed."""
    source: str
    key: str = ""
    """Name of the mixture, or id of the model on the hub."""
    groups: tuple[str, ...] = ()
    """Groups of sources of a mixture."""


class Set(NamedTuple):
    """A training set of the paper."""

    group: str
    name: str
    prefix: str
    thousand_pairs: int
    source: str


@cache
def tasks(version: Version = "v1") -> tuple[Task, ...]:
    """The 23 tasks of a version of ruMTEB: poster Table 1, and what mteb evaluates of them."""
    return tuple(
        Task(
            name=row["task"],
            category=row["category"],
            metric=row["metric"],
            prefix=row["prefix"],
            versions=tuple(row["versions"].split()),
            paper_train=_count(row["paper_train"]),
            paper_validation=_count(row["paper_validation"]),
            paper_test=_count(row["paper_test"]),
            mteb_evaluated=int(row["mteb_evaluated"]),
            mteb_documents=_count(row["mteb_documents"]),
            characters=int(row["mteb_characters"]),
            document_characters=_count(row["mteb_document_characters"]),
            source=row["source"],
        )
        for row in records(files(__name__) / "tasks.csv")
        if version in row["versions"].split()
    )


@cache
def mixtures() -> tuple[Averages, ...]:
    """The five data mixtures after 1,500 steps each: poster Table 2 = paper Table 2."""
    return tuple(
        Averages(
            name=row["name"],
            categories=_categories(row),
            task_mean=None,
            category_mean=float(row["category_mean"]),
            source=row["source"],
            key=row["mixture"],
            groups=tuple(row["groups"].split()),
        )
        for row in records(files(__name__) / "mixtures.csv")
    )


@cache
def ablations() -> tuple[Averages, ...]:
    """Variants of model and training, the reference first: paper Table 3."""
    return tuple(
        Averages(row["variant"], _categories(row), None, float(row["category_mean"]), row["source"])
        for row in records(files(__name__) / "ablations.csv")
    )


@cache
def baselines() -> tuple[Averages, ...]:
    """Ten models on MTEB(rus, v1): poster Table 3 = paper Table 5. The category mean is computed from task scores."""
    return tuple(
        Averages(
            name=row["model"],
            categories=_categories(row),
            task_mean=float(row["task_mean"]),
            category_mean=_category_mean(scores()[row["model"]]),
            source=row["source"],
            key=row["id"],
        )
        for row in records(files(__name__) / "baselines.csv")
    )


@cache
def sets() -> tuple[Set, ...]:
    """The training sets: paper Table 6."""
    return tuple(
        Set(row["group"], row["set"], row["prefix"], int(row["thousand_pairs"]), row["source"])
        for row in records(files(__name__) / "sources.csv")
    )


@cache
def scores() -> dict[str, dict[str, float]]:
    """Score by model of `baselines` and by task: paper Table 8.

    The model of the recipe has the two tasks of v1.1 besides, which the leaderboard's results hold.
    """
    by_model: dict[str, dict[str, float]] = {}
    for row in records(files(__name__) / "scores.csv"):
        by_model.setdefault(row["model"], {})[row["task"]] = float(row["score"])
    return by_model


@cache
def leaderboard() -> dict[str, dict[str, float]]:
    """Score by model (its id on the hub) and task, of all models that the leaderboard shows for ruMTEB.

    From the repository embeddings-benchmark/results at commit f4cc6c8b36, files ``results/MODEL/REVISION/TASK.json``;
    the revision stands in ``leaderboard.csv``, too. The mean over a task's splits, as the leaderboard has it.
    """
    by_model: dict[str, dict[str, float]] = {}
    for row in records(files(__name__) / "leaderboard.csv"):
        by_model.setdefault(row["model"], {})[row["task"]] = float(row["score"])
    return by_model


class Deviation(NamedTuple):
    """How a published score was made otherwise than the task, or the model's own card, has it."""

    source: str
    """Where it is published: paper or leaderboard."""
    model: str
    """Id of the model; "*": all."""
    task: str
    """Name of the task; "symmetric": all that search nothing."""
    splits: str
    """The splits that were scored, where those are others than mteb's."""
    prompt: str
    """The prompt that was used."""
    why: str


@cache
def deviations() -> tuple[Deviation, ...]:
    """Every way that is known in which a published score was made otherwise."""
    return tuple(Deviation(**row) for row in records(files(__name__) / "deviations.csv"))


def deviation(source: str, model: str, task: str, prompt: str) -> str:
    """Why a published score must not be subtracted from one of ours; empty if it may.

    Args:
        source: "paper" or "leaderboard".
        model: id of the published model.
        task: name of the task.
        prompt: what stood before its texts in ours.
    """
    search = {each.name for version in VERSIONS for each in tasks(version) if each.category in SEARCH}
    for each in deviations():
        if (
            each.source == source
            and each.model in ("*", model)
            and (each.task == task or (each.task == "symmetric" and task not in search))
            and (each.splits or each.prompt.strip() != prompt.strip())
        ):
            return each.why
    return ""


@cache
def domains(task: str) -> tuple[tuple[str, str], ...]:
    """The training sets of a task's own domain: id of the data set, and what the two share."""
    rows = records(files(__name__) / "domains.csv")
    return tuple((row["dataset"], row["shared"]) for row in rows if row["task"] == task)


def records(table: Traversable) -> Iterator[dict[str, str]]:
    """The rows of a CSV file, by column."""
    with table.open(encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _categories(row: Mapping[str, str]) -> dict[str, float]:
    return {category: float(row[category]) for category in CATEGORIES}


def _category_mean(scores: Mapping[str, float]) -> float:
    by_category: dict[str, list[float]] = {}
    for task in tasks():
        by_category.setdefault(task.category, []).append(scores[task.name])
    return fmean(fmean(each) for each in by_category.values())


def _count(text: str) -> int | None:
    return int(text) if text else None
