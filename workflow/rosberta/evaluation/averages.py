"""Scores without what is not content, and their averages, as the leaderboard has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import Any

from rosberta.evaluation.example_scores import DECIMALS


def content(result: dict[str, Any]) -> dict[str, Any]:
    """One task's result without what is not content (times, dates, emissions), floats rounded as in mteb's files."""
    timeless = dict.fromkeys(("evaluation_time", "kg_co2_emissions", "date", "evaluation_phases"))
    return _rounded(result | timeless)


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return round(float(value), DECIMALS) if isinstance(value, float) else value


def summarise(
    scores: Mapping[str, dict[str, Any]], own: set[str], benchmarks: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """Average as the leaderboard does: over tasks, and over the means of the categories.

    Args:
        scores: Category, score (0-100; None: not defined) and prefix by task.
        own: Names of one's own tasks, which enter no average.
        benchmarks: Names of the tasks of each version of ruMTEB. The first of which all tasks are there is averaged.

    Returns:
        `tasks` and `own_tasks` (as in `scores`), `benchmark` (the version averaged, or None), `task_mean`,
        `category_means` by category and `category_mean`; these are None, or empty, where scores are missing.
    """
    published = {name: score for name, score in scores.items() if name not in own}
    known = {name for name, score in published.items() if score["score"] is not None}
    benchmark = next((name for name, tasks in benchmarks.items() if set(tasks) <= known), None)
    averaged = [published[task] for task in benchmarks[benchmark]] if benchmark else []
    by_category: dict[str, list[float]] = {}
    for score in averaged:
        by_category.setdefault(score["category"], []).append(score["score"])
    means = {category: _mean(each) for category, each in sorted(by_category.items())}
    return {
        "tasks": published,
        "own_tasks": {name: score for name, score in scores.items() if name in own},
        "benchmark": benchmark,
        "task_mean": _mean([score["score"] for score in averaged]) if averaged else None,
        "category_means": means,
        "category_mean": _mean([fmean(each) for each in by_category.values()]) if averaged else None,
    }


def in_words(summary: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each score of a summary, and one for its averages, or why there are none."""
    for name, task in {**summary["tasks"], **summary["own_tasks"]}.items():
        yield f"{name} {'not defined' if task['score'] is None else format(task['score'], '.2f')}"
    if summary["benchmark"]:
        means = f"task mean {summary['task_mean']:.2f}, category mean {summary['category_mean']:.2f}"
        yield f"{means} of {summary['benchmark']}"
    elif summary["tasks"]:
        yield f"no averages: {len(summary['tasks'])} tasks are no version of ruMTEB as a whole"


def _mean(values: list[float]) -> float:
    return round(fmean(values), DECIMALS - 2)
