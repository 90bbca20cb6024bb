"""Command `compare`: lay two models side by side, with intervals of their difference.

A model is one of this experiment's, or one that the leaderboard shows, by its id. Of published models scores alone are
known, so that the interval of a difference from one is that of ours.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rosberta import published
from rosberta.evidence.comparison import APART, OURS, PAIRED, Difference, Side, difference, side
from rosberta.evidence.estimates import BEYOND, LEVEL, SURE, WITHIN, mean, verdicts
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
        Column("Noise"),
        Column("Interval"),
    )
    order = [*CATEGORIES, *sorted({each.category for each in found} - set(CATEGORIES))]
    listed = sorted(found, key=lambda each: (order.index(each.category), each.task))
    marks = verdicts([each.estimate for each in listed])
    rows = [
        Row((each.task, each.category, *_numbers(each), mark, each.source))
        for each, mark in zip(listed, marks, strict=True)
    ]
    for version in VERSIONS:
        by_task = {each.task: each for each in found}
        tasks = published.tasks(version)
        if all(task.name in by_task for task in tasks):
            rows += _means(version, [by_task[task.name] for task in tasks])
    caption = (
        f"The second less the first. Noise: {BEYOND} where 0 lies outside the interval, as it does for "
        f"{100 - LEVEL}% of equal models; {SURE} where it still does when all tasks of the table, or all its means, "
        f"are looked at together (Holm); else {WITHIN}. {PAIRED}: the same examples and training texts for both; "
        f"{APART}: each model's own error in full; {OURS}: the published score is taken as it stands. Intervals "
        "hold what other test examples, training texts of classifiers and starts of clusterings would change; other "
        "seeds of the models' training they do not. Examples that tasks share are counted once in a mean. A dash: not "
        "known, or not of one measure."
    )
    return Table("compare", f"{sides[0].name} and {sides[1].name}", caption, columns, tuple(rows))


def _means(version: str, found: Sequence[Difference]) -> list[Row]:
    """Category means, the mean of these, and the task mean of a version of ruMTEB."""
    groups = {category: [each for each in found if each.category == category] for category in CATEGORIES}
    lines = [
        (f"mean of {CATEGORIES[category]}, {version}", category, [1 / len(group)] * len(group), group)
        for category, group in groups.items()
    ]
    shares = [1 / len(CATEGORIES) / len(groups[each.category]) for each in found]
    lines.append((f"category mean, {version}", "", shares, list(found)))
    lines.append((f"task mean, {version}", "", [1 / len(found)] * len(found), list(found)))
    means = [_mean(name, category, group, weights) for name, category, weights, group in lines]
    marks = verdicts([each.estimate for each in means])
    return [
        Row((each.task, each.category, *_numbers(each), mark, each.source), total=True)
        for each, mark in zip(means, marks, strict=True)
    ]


def _mean(name: str, category: str, group: Sequence[Difference], weights: Sequence[float]) -> Difference:
    first, second = (
        sum(weight * each.scores[place] for weight, each in zip(weights, group, strict=True)) for place in (0, 1)
    )
    comparable = all(each.comparable for each in group)
    known = [each.estimate for each in group if each.estimate is not None]
    whole = comparable and len(known) == len(group)
    return Difference(
        name, category, (first, second), mean(known, weights) if whole else None, "", comparable=comparable
    )


def _numbers(of: Difference) -> tuple[float | None, ...]:
    gap = of.scores[1] - of.scores[0] if of.comparable else None
    low, high = of.estimate.interval if of.estimate else (None, None)
    return (*of.scores, gap, low, high)
