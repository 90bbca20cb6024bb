"""The table of one model's scores: with intervals, beside the released model and the published ones nearest to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import fmean

from rosberta import published
from rosberta.evidence.comparison import Side, estimated
from rosberta.evidence.estimates import LEVEL, mean
from rosberta.frame.files import read_json
from rosberta.published import CATEGORIES, RELEASED_ID, VERSIONS
from rosberta.report.table import Column, Row, Table

NEAREST = 3
"""Published models that are shown besides the released one."""


def scored(folder: Path, name: str, note: str = "") -> Table:
    """The table of a model's scores, whatever tasks there are.

    Args:
        folder: its scores, as `evaluate` writes them.
        name: what it is called.
        note: a warning that belongs to the numbers.
    """
    summary = read_json(folder / "summary.json")
    entries = {**summary["tasks"], **summary["own_tasks"]}
    ours = {task: entry["score"] for task, entry in entries.items() if entry["score"] is not None}
    side = Side(name, ours, {task: entry["category"] for task, entry in entries.items()}, folder, entries)
    others = {id: published.leaderboard()[id] for id in [RELEASED_ID, *nearest(ours)]} if not note else {}
    columns = (
        Column("Task"),
        Column("Category"),
        Column("Prompt"),
        Column(name, 2),
        Column(f"from, {LEVEL}%", 2),
        Column("to", 2),
        *(Column(id.rpartition("/")[2], 2, published=True) for id in others),
    )
    order = [*CATEGORIES, *sorted({entry["category"] for entry in entries.values()} - set(CATEGORIES))]
    rows = []
    errors = {task: each for task in ours if (each := estimated(side, task))}
    for task, entry in sorted(entries.items(), key=lambda pair: (order.index(pair[1]["category"]), pair[0])):
        known = errors.get(task)
        ends = known.interval if known else None
        prompt = entry["prefix"].replace("\n", " ") or None
        rows.append(
            Row(
                (
                    task,
                    entry["category"],
                    prompt,
                    ours.get(task),
                    *(ends or (None, None)),
                    *(scores.get(task) for scores in others.values()),
                )
            )
        )
    for what, tasks in _averaged(ours):
        means = [_mean(scores, tasks) for scores in (ours, *others.values())]
        shares = {name: 1 / len(tasks) / len(names) for names in tasks for name in names}
        ends = None
        if shares.keys() <= errors.keys():
            ends = mean([errors[name] for name in shares], list(shares.values())).interval
        rows.append(Row((what, None, None, means[0], *(ends or (None, None)), *means[1:]), total=True))
    shown = f", and the {NEAREST} whose mean over these tasks is nearest" if len(others) > 1 else ""
    caption = f"Interval: {LEVEL}%, over the task's examples and mteb's fits; not over other seeds of training." + (
        f" Published, without intervals: {RELEASED_ID}{shown}, as the leaderboard has them." if others else ""
    )
    return Table("scored", f"Scores of {name}", caption, columns, tuple(rows), note=note)


def nearest(ours: Mapping[str, float]) -> list[str]:
    """Ids of the published models whose mean over the tasks of ruMTEB scored here is nearest, the nearest first."""
    known = {task.name for version in VERSIONS for task in published.tasks(version)}
    tasks = [task for task in ours if task in known]
    if not tasks:
        return []
    mean = fmean(ours[task] for task in tasks)
    far = {
        id: abs(fmean(scores[task] for task in tasks) - mean)
        for id, scores in published.leaderboard().items()
        if id != RELEASED_ID and all(task in scores for task in tasks)
    }
    return sorted(far, key=lambda id: (far[id], id))[:NEAREST]


def _averaged(ours: Mapping[str, float]) -> list[tuple[str, list[list[str]]]]:
    """What can be averaged: a name, and groups of tasks whose means are averaged."""
    found = []
    for version in VERSIONS:
        tasks = published.tasks(version)
        groups = {category: [task.name for task in tasks if task.category == category] for category in CATEGORIES}
        whole = {category: names for category, names in groups.items() if all(name in ours for name in names)}
        if len(whole) == len(groups):
            found += [(f"mean of {CATEGORIES[category]}, {version}", [names]) for category, names in whole.items()]
            found.append((f"category mean, {version}", list(groups.values())))
            found.append((f"task mean, {version}", [[task.name for task in tasks]]))
    return found


def _mean(scores: Mapping[str, float], groups: list[list[str]]) -> float | None:
    if not all(name in scores for names in groups for name in names):
        return None
    return fmean(fmean(scores[name] for name in names) for names in groups)
