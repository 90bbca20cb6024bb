"""The interval of one model's score: its examples drawn with replacement, the score computed anew for each draw.

The same draws as of a difference (`rosberta.evidence.bootstrap`), but told by how often each example is drawn, so that
all draws of a score are a few products of matrices.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from rosberta.evaluation.example_scores import MEASURES
from rosberta.evidence.bootstrap import DRAWS, LEVEL, repetitions

_CELLS = 4_000_000
"""Draws times examples that are held at once."""


def interval(folder: Path, task: str) -> tuple[float, float] | None:
    """The interval of a model's score of a task, 0-100, at `rosberta.evidence.bootstrap.LEVEL` percent.

    Args:
        folder: the model's scores, as `evaluate` writes them.
        task: its name.

    Returns:
        Lower and upper end; None where nothing can be drawn: no examples were kept, and no repetitions.
    """
    path = folder / "examples" / f"{task}.parquet"
    if path.is_file():
        table = pq.read_table(path)
        splits = np.array(table["split"].to_pylist())
        columns = {name: np.array(table[name]) for name in table.column_names if name != "split"}
        draws = np.zeros(DRAWS)
        chance = np.random.default_rng(len(table))
        names = sorted(set(splits))
        for name in names:
            draws += drawn({key: column[splits == name] for key, column in columns.items()}, chance)
        # A draw of which no score is defined, as of one gold only, tells nothing.
        draws = draws[~np.isnan(draws)] / len(names)
        if not len(draws):
            return None
        low, high = np.percentile(100 * draws, [50 - LEVEL / 2, 50 + LEVEL / 2]).tolist()
        return low, high
    spread = repetitions(folder, task)
    if len(spread) < 2:
        return None
    # 1.96 standard errors of the mean.
    error = 1.959964 * float(np.std(spread, ddof=1)) / len(spread) ** 0.5
    return float(np.mean(spread)) - error, float(np.mean(spread)) + error


def drawn(columns: Mapping[str, np.ndarray], chance: np.random.Generator) -> np.ndarray:
    """Scores of `DRAWS` draws of the examples of one split, 0-1; not a number where a draw has none."""
    number = len(next(iter(columns.values())))
    block = max(1, _CELLS // number)
    parts = []
    for start in range(0, DRAWS, block):
        draws = min(block, DRAWS - start)
        rows = chance.integers(0, number, (draws, number)) + number * np.arange(draws)[:, None]
        parts.append(scores(columns, np.bincount(rows.ravel(), minlength=draws * number).reshape(draws, number)))
    return np.concatenate(parts)


def scores(columns: Mapping[str, np.ndarray], counts: np.ndarray) -> np.ndarray:
    """A task's score where each example counts so many times, (draws,), 0-1, as mteb computes it.

    Args:
        columns: what is kept of the examples (`rosberta.evaluation.example_scores.KEPT`), (examples,) each.
        counts: how often each is drawn, (draws, examples).
    """
    if "value" in columns:
        found: np.ndarray = counts @ columns["value"] / counts.sum(1)
        return found
    gold = columns["gold"]
    if set(columns) == {"gold", "cosine_scores"}:
        return _correlations(_ranks(gold, counts), _ranks(columns["cosine_scores"], counts), counts)
    near = (columns[name] * (-1 if name.endswith("distances") else 1) for name in MEASURES)
    best: np.ndarray = np.max([_precisions(gold, each, counts) for each in near], axis=0)
    return best


def _ranks(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Ranks within each draw, (draws, examples); equals share the mean of theirs."""
    order, first, group = _groups(values)
    upto = counts[:, order].cumsum(1)
    last = np.append(first[1:], len(values)) - 1
    ends = upto[:, last]
    begins = np.concatenate([np.zeros((len(counts), 1)), ends[:, :-1]], axis=1)
    ranks = np.empty(counts.shape)
    ranks[:, order] = ((begins + ends + 1) / 2)[:, group]
    return ranks


def _correlations(first: np.ndarray, second: np.ndarray, counts: np.ndarray) -> np.ndarray:
    total = counts.sum(1, keepdims=True)
    first, second = (each - (counts * each).sum(1, keepdims=True) / total for each in (first, second))
    spread = (counts * first**2).sum(1) * (counts * second**2).sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = (counts * first * second).sum(1) / np.sqrt(spread)
    return found


def _precisions(gold: np.ndarray, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Average precision of each draw: precision at every threshold, weighted by the rise of recall there."""
    order, first, _ = _groups(-values)
    last = np.append(first[1:], len(values)) - 1
    taken = counts[:, order].cumsum(1)[:, last]
    right = (counts * (gold > 0))[:, order].cumsum(1)[:, last]
    rise = np.diff(right, axis=1, prepend=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(taken > 0, right / taken, 0)
        found: np.ndarray = (rise * precision).sum(1) / right[:, -1]
    return found


def _groups(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The order of values, where in it each group of equals begins, and the group of each place in it."""
    order = values.argsort(kind="stable")
    begins = np.append(True, np.diff(values[order]) != 0)
    return order, np.flatnonzero(begins), begins.cumsum() - 1
