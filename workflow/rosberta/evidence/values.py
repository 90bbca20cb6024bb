"""What each example of a task adds to its score, so that every score is a mean of values of examples.

Of a score that is a mean these are its own terms: whether a fit is right, or a query's metric. Of correlation, average
precision and bitext mining, whose examples bear on each other, they are the jackknife's pseudo-values (Tukey 1958;
Efron and Tibshirani 1993, chapter 11): ``n`` times the score less ``n - 1`` times the score without the example. A
difference of two models on the same examples is then the difference of their values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from rosberta.evaluation.example_scores import CLUSTERED, MEASURES

CELLS = 4_000_000
"""Numbers held at once by the jackknife of a correlation: 32 MB each."""


class Part(NamedTuple):
    """One split of a task."""

    split: str
    ids: np.ndarray
    """uint64, (examples,): what the examples are, in the order of the data."""
    values: np.ndarray
    """(examples, fits) on the scale 0-100; one fit where nothing is fitted."""


class Values(NamedTuple):
    """What is known of one model's score of one task beyond the score."""

    parts: tuple[Part, ...] = ()
    """Of all but clustering; the score is the mean over splits of the means of their values."""
    ids: np.ndarray = np.empty(0, np.uint64)
    """Of a clustering: uint64, (documents,)."""
    repetitions: np.ndarray = np.empty(0)
    """Of a clustering: mteb's repetitions, (repetitions,) on the scale 0-100."""
    halves: np.ndarray = np.empty((0, 0))
    """Of a clustering: scores on halves of the documents, (halves, fits) on the scale 0-100."""

    @property
    def examples(self) -> np.ndarray:
        """Ids of all examples."""
        return np.concatenate([part.ids for part in self.parts]) if self.parts else self.ids

    def less(self, other: Values) -> Values | None:
        """The difference, pair by pair; None if the two are not of the same examples in the same order."""
        if len(self.parts) != len(other.parts) or not np.array_equal(self.ids, other.ids):
            return None
        pairs = list(zip(self.parts, other.parts, strict=True))
        if any(
            one.split != two.split or one.values.shape != two.values.shape or not np.array_equal(one.ids, two.ids)
            for one, two in pairs
        ):
            return None
        if self.repetitions.shape != other.repetitions.shape or self.halves.shape != other.halves.shape:
            return None
        parts = tuple(one._replace(values=one.values - two.values) for one, two in pairs)
        return Values(parts, self.ids, self.repetitions - other.repetitions, self.halves - other.halves)


def values_of(table: pa.Table) -> Values | None:
    """The values of a task's examples.

    Args:
        table: as `rosberta.evaluation.example_scores` writes it.

    Returns:
        None if the score is not defined, or would not be without one of the examples.
    """
    ids, splits = np.array(table["id"]), np.array(table["split"].to_pylist())
    if CLUSTERED in (table.schema.metadata or {}):
        kept = json.loads(table.schema.metadata[CLUSTERED]).values()
        # Over splits the score is the mean, and so is a repetition's.
        repetitions, halves = (
            100 * np.mean([each[name] for each in kept], axis=0) for name in ("repetitions", "halves")
        )
        return Values((), ids, repetitions, halves)
    columns = {name: np.array(table[name].to_pylist()) for name in table.column_names if name not in ("split", "id")}
    parts = []
    for split in sorted(set(splits.tolist())):
        rows = splits == split
        values = _values({name: column[rows] for name, column in columns.items()})
        if len(values) < 2 or not np.isfinite(values).all():
            return None
        parts.append(Part(split, ids[rows], 100 * values))
    return Values(tuple(parts))


def _values(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Values of the examples of a split, (examples, fits), 0-1."""
    if "right" in columns:
        return columns["right"].astype(float)
    if "value" in columns:
        return columns.get("jackknife", columns["value"])[:, None]
    gold = columns["gold"]
    number = len(gold)
    with np.errstate(invalid="ignore", divide="ignore"):
        if "manhattan_distances" in columns:
            near = [columns[name] * (-1 if name.endswith("distances") else 1) for name in MEASURES]
            scores, without = zip(*(average_precisions(gold > 0, each) for each in near), strict=True)
            score, others = max(scores), np.max(without, axis=0)
        else:
            score, others = correlations(gold, columns["cosine_scores"])
    return (number * score - (number - 1) * others)[:, None]


def correlations(one: np.ndarray, two: np.ndarray) -> tuple[float, np.ndarray]:
    """Spearman's correlation, and that without each of the examples, (examples,)."""
    number = len(one)
    levels = [np.unique(each, return_inverse=True)[1] for each in (one, two)]
    x, y = (_ranks(each) - (number + 1) / 2 for each in levels)
    # About their mean. Without an example the ranks above it are one less, its equals' half a one: by (1 + sign) / 2,
    # and about the new mean by sign / 2. What is left out has sign 0, and its own rank goes.
    together = _concordant(*levels)
    different = [number - np.bincount(level)[level] for level in levels]
    products = x @ y - x * y - (_signed(levels[0], y) + _signed(levels[1], x)) / 2 + together / 4
    squares = [
        rank @ rank - rank**2 - _signed(level, rank) + other / 4
        for level, rank, other in zip(levels, (x, y), different, strict=True)
    ]
    return float(x @ y / np.sqrt((x @ x) * (y @ y))), products / np.sqrt(squares[0] * squares[1])


def _concordant(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """How many examples lie on one side of each by both levels, less how many lie on different sides."""
    few, many = sorted((one, two), key=lambda level: int(level.max()))
    rows, columns = int(few.max()) + 1, int(many.max()) + 1
    total, below = np.bincount(few, minlength=rows), np.zeros(rows, int)
    found, width = np.empty(len(one)), min(columns, max(1, CELLS // rows))
    for start in range(0, columns, width):
        here = (many >= start) & (many < start + width)
        x, y = few[here], many[here] - start
        counts = np.bincount(x * width + y, minlength=rows * width).reshape(rows, width)
        # Those above a level are all less those up to it; those below it, those up to it less its own.
        ahead = (total - 2 * below)[:, None] - 2 * counts.cumsum(axis=1) + counts
        found[here] = (ahead.sum(axis=0) - 2 * ahead.cumsum(axis=0) + ahead)[x, y]
        below = below + counts.sum(axis=1)
    return found


def _signed(level: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """For each example the sum of what those above it have, less that of those below it."""
    sums = np.bincount(level, ranks)
    below = np.concatenate([[0], np.cumsum(sums)[:-1]])
    found: np.ndarray = (ranks.sum() - sums - 2 * below)[level]
    return found


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks from 1 on; equals share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: np.ndarray = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return ranks


def average_precisions(gold: np.ndarray, near: np.ndarray) -> tuple[float, np.ndarray]:
    """Average precision, as scikit-learn has it, and that without each of the examples, (examples,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return _average_precisions(gold, near)


def _average_precisions(gold: np.ndarray, near: np.ndarray) -> tuple[float, np.ndarray]:
    levels, place = np.unique(-near, return_inverse=True)
    each, right = np.bincount(place, minlength=len(levels)), np.bincount(place, gold, minlength=len(levels))
    seen, hits = np.cumsum(each), np.cumsum(right)
    total = hits[-1]
    score = float((right * hits / seen).sum() / total)
    # Without an example, what lies at its level or below sees one less, and hits one less if it was right. Of a right
    # one its own term falls away as well.
    above = np.concatenate([[0], np.cumsum(right * hits / seen)[:-1]])

    def below(terms: np.ndarray) -> np.ndarray:
        return np.nan_to_num(terms, posinf=0, neginf=0)[::-1].cumsum()[::-1]

    wrong = (above + below(right * hits / (seen - 1))) / total
    found = (above + below(right * (hits - 1) / (seen - 1)) - np.nan_to_num((hits - 1) / (seen - 1))) / (total - 1)
    return score, np.where(gold, found[place], wrong[place])
