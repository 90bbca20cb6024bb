"""Command `compare`: two models side by side, task by task, with intervals of their difference where there can be any.

Of tasks whose examples were kept (`rosberta.examples`) the examples are drawn again and again, the same ones for both
models (paired bootstrap; Efron and Tibshirani 1993, chapter 13), and the score is computed anew each time. Of
clusterings, which sample, the spread of mteb's repetitions gives a normal interval. Tasks of as many examples, such as
the two of MASSIVE, draw the same ones; beyond that the interval of a mean takes its tasks as independent, though some
share a part of their texts (RuBQ's two, RuSciBench's four), and is so much too narrow. Published models have scores
only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rosberta import published
from rosberta.artifacts import OWN, SCORES, read_json
from rosberta.examples import MEASURES
from rosberta.mistakes import Mistake, nearest
from rosberta.published import CATEGORIES, VERSIONS
from rosberta.table import Column, Row, Table

DRAWS = 1000
"""Of the bootstrap."""

LEVEL = 95
"""Of the intervals, percent."""

EXAMPLES, REPETITIONS = "examples", "repetitions"


class Side(NamedTuple):
    """One of the two models."""

    name: str
    scores: Mapping[str, float]
    """Score by task, 0-100."""
    categories: Mapping[str, str]
    """Category by task."""
    folder: Path | None
    """Its artifact, if it is a model of this experiment."""


class Difference(NamedTuple):
    """What is known of one task."""

    task: str
    category: str
    scores: tuple[float, float]
    draws: np.ndarray | None
    """Differences drawn, (`DRAWS`,); None: no way to draw."""
    source: str
    """What the draws are of."""


def run(first: str, second: str) -> str:
    """Compare two models: names of this experiment's, or ids of published ones; return the table as text.

    Raises:
        Mistake: there is no such model, or the two have no task in common.
    """
    sides = (side(first), side(second))
    common = [task for task in sides[0].scores if task in sides[1].scores]
    if not common:
        raise Mistake(f"compare: {first} and {second} have no task in common")
    return table(sides, [difference(sides, task) for task in common]).text()


def side(name: str) -> Side:
    """What is known of a model.

    Raises:
        Mistake: it is neither a scored model of this experiment, nor a published one.
    """
    path = SCORES / name / "summary.json"
    if path.is_file():
        summary = read_json(path)
        tasks = summary["tasks"] | summary["own_tasks"]
        scores = {task: float(each["score"]) for task, each in tasks.items() if each["score"] is not None}
        return Side(name, scores, {task: each["category"] for task, each in tasks.items()}, path.parent)
    known = published.leaderboard()
    if name not in known:
        here = sorted(each.parent.name for each in SCORES.glob("*/summary.json"))
        raise Mistake(
            f"compare: {name!r} is neither a scored model here ({', '.join(here) or 'there are none'}) nor one of the "
            f"{len(known)} that the leaderboard shows (ids such as {published.RELEASED_ID})"
            f"{nearest(name, [*here, *known], listed=False)}"
        )
    categories = {task.name: task.category for version in VERSIONS for task in published.tasks(version)}
    scores = {task: score for task, score in known[name].items() if task in categories}
    return Side(name, scores, categories, None)


def difference(sides: tuple[Side, Side], task: str) -> Difference:
    """The second model's score of a task less the first one's, drawn where it can be."""
    scores = (sides[0].scores[task], sides[1].scores[task])
    known = Difference(task, sides[0].categories[task], scores, None, "")
    if sides[0].folder is None or sides[1].folder is None:
        return known
    paths = [side.folder / "examples" / f"{task}.parquet" for side in sides if side.folder]
    if all(path.is_file() for path in paths):
        first, second = (pq.read_table(path) for path in paths)
        draws = bootstrapped(first, second, np.random.default_rng(len(first)))
        return known if draws is None else known._replace(draws=draws, source=EXAMPLES)
    spreads = [repetitions(side.folder, task) for side in sides if side.folder]
    if all(len(spread) > 1 for spread in spreads):
        error = sum(np.var(spread, ddof=1) / len(spread) for spread in spreads) ** 0.5
        chance = np.random.default_rng([ord(letter) for letter in task])
        draws = chance.normal(scores[1] - scores[0], error, DRAWS)
        return known._replace(draws=draws, source=REPETITIONS)
    return known


def bootstrapped(first: pa.Table, second: pa.Table, chance: np.random.Generator) -> np.ndarray | None:
    """Differences of the score over examples drawn with replacement, split by split.

    A draw whose examples are all of one gold, of which no score is defined, is drawn again.

    Args:
        first: examples of the first model, as `rosberta.examples` writes them.
        second: of the second one.
        chance: what draws.

    Returns:
        (`DRAWS`,), on the scale 0-100; None if the examples are not the same, or a score is not defined.
    """
    same = [name for name in ("split", "gold") if name in first.column_names]
    if first.column_names != second.column_names or any(not first[name].equals(second[name]) for name in same):
        return None
    splits = np.array(first["split"].to_pylist())
    columns = [
        {name: np.array(side[name]) for name in side.column_names if name != "split"} for side in (first, second)
    ]
    draws = np.zeros(DRAWS)
    parts = sorted(set(splits))
    for split in parts:
        rows = np.flatnonzero(splits == split)
        gold = columns[0].get("gold")
        if gold is not None and np.ptp(gold[rows]) == 0:
            return None
        for draw in range(DRAWS):
            drawn = chance.choice(rows, len(rows))
            while gold is not None and np.ptp(gold[drawn]) == 0:
                drawn = chance.choice(rows, len(rows))
            draws[draw] += score(columns[1], drawn) - score(columns[0], drawn)
    return None if np.isnan(draws).any() else 100 * draws / len(parts)


def score(columns: Mapping[str, np.ndarray], rows: np.ndarray) -> float:
    """A task's score over some of its examples, 0-1, as mteb computes it."""
    if "value" in columns:
        return float(columns["value"][rows].mean())
    gold = columns["gold"][rows]
    if "cosine_scores" in columns and len(columns) == 2:
        from scipy.stats import rankdata

        return float(np.corrcoef(rankdata(gold), rankdata(columns["cosine_scores"][rows]))[0, 1])
    from sklearn.metrics import average_precision_score

    near: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        name: np.negative if name.endswith("distances") else np.positive for name in MEASURES
    }
    return max(float(average_precision_score(gold, near[name](columns[name][rows]))) for name in MEASURES)


def repetitions(folder: Path, task: str) -> Sequence[float]:
    """Scores of the repetitions of a clustering, 0-100; empty if there are none."""
    own = folder / OWN
    # A task of one's own may end in the name of one of ruMTEB's.
    paths = [own / f"{task}.json", *(path for path in folder.glob(f"*/*/{task}.json") if own not in path.parents)]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return []
    parts = [part for split in read_json(path)["scores"].values() for part in split]
    levels = [values for part in parts for values in part.get("v_measures", {}).values()]
    # Of several levels the score is the mean of all, and so is a repetition's.
    return [100 * fmean(each) for each in zip(*levels, strict=True)] if levels else []


def table(sides: tuple[Side, Side], found: Sequence[Difference]) -> Table:
    """The table: tasks by category, then the means of those of ruMTEB."""
    columns = (
        Column("Task"),
        Column("Category"),
        Column(sides[0].name, 2),
        Column(sides[1].name, 2),
        Column("Difference", 2),
        Column(f"from, {LEVEL}%", 2),
        Column("to", 2),
        Column("Interval from"),
    )
    order = [*CATEGORIES, *sorted({each.category for each in found} - set(CATEGORIES))]
    rows = [
        Row((each.task, each.category, *_numbers(each.scores, each.draws), each.source))
        for each in sorted(found, key=lambda each: (order.index(each.category), each.task))
    ]
    for version in VERSIONS:
        by_task = {each.task: each for each in found}
        tasks = published.tasks(version)
        if all(task.name in by_task for task in tasks):
            rows += _means(version, [by_task[task.name] for task in tasks])
    caption = (
        f"The second less the first; an interval without 0 is a difference that {100 - LEVEL}% of equal models would "
        f"show by chance. {EXAMPLES}: {DRAWS:,} draws of the task's examples, the same for both; {REPETITIONS}: the "
        "spread of mteb's repetitions. Neither knows of other seeds of training. Those of means take tasks "
        "as independent, of which some share texts."
    )
    return Table("compare", f"{sides[0].name} and {sides[1].name}", caption, columns, tuple(rows))


def _means(version: str, found: Sequence[Difference]) -> list[Row]:
    """Category means, the mean of these, and the task mean of a version of ruMTEB."""
    groups = {category: [each for each in found if each.category == category] for category in CATEGORIES}
    means = {category: _mean([(each.scores, each.draws) for each in group]) for category, group in groups.items()}
    lines = [(f"mean of {CATEGORIES[category]}, {version}", category, mean) for category, mean in means.items()]
    lines.append((f"category mean, {version}", "", _mean(list(means.values()))))
    lines.append((f"task mean, {version}", "", _mean([(each.scores, each.draws) for each in found])))
    return [Row((name, category, *_numbers(*mean), ""), total=True) for name, category, mean in lines]


def _mean(
    parts: Sequence[tuple[tuple[float, float], np.ndarray | None]],
) -> tuple[tuple[float, float], np.ndarray | None]:
    scores = (fmean(each[0] for each, _ in parts), fmean(each[1] for each, _ in parts))
    draws = [each for _, each in parts if each is not None]
    return scores, np.mean(draws, axis=0) if len(draws) == len(parts) else None


def _numbers(scores: tuple[float, float], draws: np.ndarray | None) -> tuple[float | None, ...]:
    low, high = (None, None) if draws is None else np.percentile(draws, [50 - LEVEL / 2, 50 + LEVEL / 2]).tolist()
    return (*scores, scores[1] - scores[0], low, high)
