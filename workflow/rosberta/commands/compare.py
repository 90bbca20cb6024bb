"""Command `compare`: lay two models side by side, with intervals of their difference.

A model is one of this experiment's, or one that the leaderboard shows, by its id. Of published models scores alone are
known, so that a difference from one has no interval.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from statistics import fmean

import numpy as np

from rosberta import published
from rosberta.evidence.bootstrap import DRAWS, LEVEL
from rosberta.evidence.comparison import EXAMPLES, REPETITIONS, Difference, Side, difference, side
from rosberta.frame.mistakes import Mistake
from rosberta.published import CATEGORIES, VERSIONS
from rosberta.report.table import Column, Row, Table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the two models."""
    for name in ("first", "second"):
        parser.add_argument(name, metavar=name.upper(), help="a scored model, or the id of a published one")


def run(asked: argparse.Namespace) -> int:
    """Print the table."""
    sys.stdout.write(compare(asked.first, asked.second).text())
    return 0


def compare(first: str, second: str) -> Table:
    """Compare two models: names of this experiment's, or ids of published ones.

    Raises:
        Mistake: there is no such model, or the two have no task in common.
    """
    sides = (side(first), side(second))
    common = [task for task in sides[0].scores if task in sides[1].scores]
    if not common:
        raise Mistake(f"compare: {first} and {second} have no task in common")
    return table(sides, [difference(sides, task) for task in common])


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
