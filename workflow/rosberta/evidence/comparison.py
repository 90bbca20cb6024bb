"""Two models, task by task: their scores, and draws of the difference where there can be any.

Of tasks whose examples were kept (`rosberta.evaluation.example_scores`) the examples are drawn again and again, the
same ones for both models (paired bootstrap; Efron and Tibshirani 1993, chapter 13), and the score is computed anew each
time. Of clusterings, which sample, the spread of mteb's repetitions gives a normal interval. Tasks of as many examples,
such as the two of MASSIVE, draw the same ones; beyond that the interval of a mean takes its tasks as independent,
though some share a part of their texts (RuBQ's two, RuSciBench's four), and is so much too narrow. Published models
have scores only.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq

from rosberta import published
from rosberta.evidence.bootstrap import DRAWS, bootstrap_differences, repetitions
from rosberta.frame.artifacts import SCORES
from rosberta.frame.files import read_json
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.published import VERSIONS

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
        draws = bootstrap_differences(first, second, np.random.default_rng(len(first)))
        return known if draws is None else known._replace(draws=draws, source=EXAMPLES)
    spreads = [repetitions(side.folder, task) for side in sides if side.folder]
    if all(len(spread) > 1 for spread in spreads):
        error = sum(np.var(spread, ddof=1) / len(spread) for spread in spreads) ** 0.5
        chance = np.random.default_rng([ord(letter) for letter in task])
        draws = chance.normal(scores[1] - scores[0], error, DRAWS)
        return known._replace(draws=draws, source=REPETITIONS)
    return known
