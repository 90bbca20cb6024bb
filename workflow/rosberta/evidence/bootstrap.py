"""Draws of a difference: from the examples of a task, and from the repetitions of a clustering."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
import pyarrow as pa

from rosberta.evaluation.example_scores import MEASURES
from rosberta.frame.artifacts import OWN
from rosberta.frame.files import read_json

DRAWS = 1000
"""Of the bootstrap."""

LEVEL = 95
"""Of the intervals, percent."""


def bootstrap_differences(first: pa.Table, second: pa.Table, chance: np.random.Generator) -> np.ndarray | None:
    """Differences of the score over examples drawn with replacement, split by split.

    A draw whose examples are all of one gold, of which no score is defined, is drawn again.

    Args:
        first: examples of the first model, as `rosberta.evaluation.example_scores` writes them.
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
