"""How far a score, a difference or a mean of them may lie from what it estimates.

A score of mteb rests on draws: of the test examples, and, where something is fitted, of the training texts. What it
estimates is its mean over these draws; other seeds of a model's own training are none of them.

- Of fitted scores both are crossed, each fit with each example: the variance of the mean is that of two random factors
  without replication (Cornfield and Tukey 1956; Owen 2007), ``MS(fits) + MS(examples) - MS(rest)``.
- Of a clustering the documents' part comes from halves of them that are clustered anew (half-sampling, McCarthy 1969: a
  half varies about the whole as the whole about its population), less what fits of one half differ by; that of the
  fits from mteb's repetitions.
- Quantiles are Student's, with degrees of freedom by Satterthwaite (1946), since ten fits are few.
- The interval of a score between 0 and 100 is Wilson's (1927), of so many examples as would give a proportion the
  error that was found (Korn and Graubard 1998; Franco, Little, Louis and Slud 2019): near the bounds, where mistakes
  are few, it holds what it says of answers that are right or wrong. Of graded values (nDCG, average precision) it may
  hold less there: what is rare and large may not be among the examples, and nothing in them tells of it. Of a
  correlation it is Fisher's (1921).
- Where two models differ on few examples, the variance of their difference gets two more, one to each side (Bonett and
  Price 2012): as far apart as those that were found, less what normal differences would have; as far as can be, where
  none was found. Where some examples do not differ at all it is never less than that: of graded values many may differ
  by little, and the few that differ by much not be among the examples.
- Of a mean of tasks, examples that tasks share are drawn once (by their ids), and so are the fits of tasks that share
  examples, since mteb draws their training texts by one seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import exp, inf
from typing import NamedTuple, Self

import numpy as np
from scipy.special import stdtr, stdtrit

from rosberta.evaluation.example_scores import HALVES, half
from rosberta.evidence.values import Values

LEVEL = 95
"""Of the intervals, percent."""

WITHIN, BEYOND, SURE = "within", "beyond", "beyond (Holm)"
"""Verdicts on a difference: 0 is in its interval, is not, or is not when all of a table are looked at together."""

NOTHING = 1e-12
"""Variance, in points squared, below which values are equal: scores are kept to six decimals."""

FEWEST_DEGREES = 2.0
"""Degrees of freedom at least: with fewer Student's quantiles say nothing."""


class Estimate(NamedTuple):
    """A score, a difference of scores, or a mean of them, with what is known of its error."""

    value: float
    variance: float
    degrees: float
    """Degrees of freedom of the variance."""
    ids: np.ndarray
    """uint64, (examples,), sorted: the examples that it rests on."""
    effects: np.ndarray
    """(examples,): by how much each moves it."""
    fits: np.ndarray
    """(fits,): by how much each moves it; one fit: nothing was fitted."""
    halves: np.ndarray
    """Of a clustering: how far each half of the documents moves it, (halves,); else empty."""
    bounds: tuple[float, float] | None = None
    """What a score cannot leave; None: a difference."""
    furthest: float = inf
    """How far from 0 a difference can lie."""

    @property
    def margin(self) -> float:
        """Half the width of the interval."""
        low, high = self.interval
        return (high - low) / 2

    @property
    def interval(self) -> tuple[float, float]:
        """From and to: Wilson's of a score, Fisher's of correlations alone, symmetric of a difference."""
        quantile = float(stdtrit(self.degrees, 0.5 + LEVEL / 200))
        width = quantile * self.variance**0.5
        if self.bounds is None:
            return max(self.value - width, -self.furthest), min(self.value + width, self.furthest)
        least, most = self.bounds
        scale = most - least
        share = min(1.0, max(0.0, (self.value - least) / scale))
        spread, error = share * (1 - share), self.variance**0.5 / scale
        if least == -most and spread:
            far, odds = exp(min(quantile * error / spread, 500.0)), share / (1 - share)
            low, high = (each / (1 + each) for each in (odds / far, odds * far))
        else:
            # Of examples without a mistake the error is one part of their number (`_least`).
            examples = spread / error**2 if spread else 1 / error
            pull = quantile**2 / examples
            middle, half_width = share + pull / 2, (pull * spread + pull**2 / 4) ** 0.5
            low, high = ((middle + each) / (1 + pull) for each in (-half_width, half_width))
            low, high = max(low, 0.0), min(high, 1.0)  # but for the last bit they are
        return least + scale * low, least + scale * high

    @property
    def chance(self) -> float:
        """How often as much as this, or more, would be found where there is nothing (p-value of the value 0)."""
        if self.variance == 0:
            return float(self.value == 0)
        return float(2 * stdtr(self.degrees, -abs(self.value) / self.variance**0.5))

    def at(self, value: float) -> Self:
        """The same about another value, as that which a task's file gives."""
        return self._replace(value=value, bounds=None, furthest=self.bounds[1] - self.bounds[0] if self.bounds else inf)


def estimate(values: Values, value: float, bounds: tuple[float, float] | None = None) -> Estimate | None:
    """A score or a difference with its error; None where too little is known of it.

    Args:
        values: of one model, or differences of two.
        value: the score, or the difference, 0-100.
        bounds: of a score; None: it is a difference.
    """
    found = _crossed(values, value, few=bounds is None) if values.parts else _clustered(values, value)
    if found is None or len(found.ids) < 2:
        return None
    if found.variance < NOTHING:
        variance, degrees = _least(value, len(found.ids), bounds), len(found.ids) - 1.0
        found = found._replace(variance=variance, degrees=degrees)
    return found._replace(bounds=bounds)


def _least(value: float, number: int, bounds: tuple[float, float] | None) -> float:
    """The variance where all examples are equal, which says nothing of others: as if they were right or wrong.

    Without a mistake its root is one part of their number, of which `Estimate.interval` makes Wilson's interval;
    without a difference it is that of two that differ.
    """
    if bounds is None:
        return 2 * (100 / number) ** 2
    least, most = bounds
    share = min(1.0, max(0.0, (value - least) / (most - least)))
    return (most - least) ** 2 * (share * (1 - share) + 1 / number) / number


def _crossed(values: Values, value: float, *, few: bool) -> Estimate | None:
    """Of examples crossed with fits; `few`: of a difference, which may rest on few of them."""
    weight, numbers = 1 / len(values.parts), {part.values.shape[1] for part in values.parts}
    if len(numbers) > 1:
        return None
    fits = numbers.pop()
    by_example, rest, moved = 0.0, 0.0, np.zeros(fits)
    effects, degrees = [], 0.0
    for part in values.parts:
        size = len(part.values)
        examples, columns, mean = part.values.mean(axis=1), part.values.mean(axis=0), part.values.mean()
        effects.append(weight * (examples - mean) / size)
        mine = size / (size - 1) * float((effects[-1] ** 2).sum())
        if few and mine > NOTHING:
            squares = effects[-1] ** 2
            # Of normal differences, whose fourth moment is three squares, Student's quantile knows enough.
            mine += 2 * max(0.0, float(squares @ squares / squares.sum() - 3 * squares.mean()))
            if not part.values.any(axis=1).all():
                # A metric that leaves examples equal moves by steps, and those that were found may be its small ones.
                mine = max(mine, 2 * (100 * weight / size) ** 2)
        by_example += mine
        degrees += mine**2 / (size - 1)
        moved += weight * (columns - mean) / fits
        if fits > 1:
            residuals = part.values - examples[:, None] - columns + mean
            rest += weight**2 * float((residuals**2).sum()) / ((size - 1) * (fits - 1)) / (size * fits)
    by_fit = fits / (fits - 1) * float((moved**2).sum()) if fits > 1 else 0.0
    variance = max(by_example + by_fit - rest, by_example, by_fit)
    degrees += by_fit**2 / max(1, fits - 1)
    ids, joined = _joined(values.examples, np.concatenate(effects))
    return Estimate(value, variance, _satterthwaite(variance, degrees), ids, joined, moved, np.empty(0))


def _clustered(values: Values, value: float) -> Estimate | None:
    halves, repetitions = values.halves, values.repetitions
    if min(halves.shape) < 2 or len(repetitions) < 2:
        return None
    number, fits = halves.shape
    means = halves.mean(axis=1)
    between, within = means.var(ddof=1), halves.var(axis=1, ddof=1).mean() / fits
    restarts = repetitions.var(ddof=1) / len(repetitions)
    variance = max(between - within, 0.0) + restarts
    parts = between**2 / (number - 1) + within**2 / (number * (fits - 1)) + restarts**2 / (len(repetitions) - 1)
    # Of a difference of two parts Satterthwaite's degrees are few where it came out small by chance, and intervals then
    # far too wide; with half of what is subtracted they hold what they say (benchmarks/evaluate/coverage.py).
    degrees = _satterthwaite(max(between - within / 2, 0.0) + restarts, parts)
    ids, none = _joined(values.ids, np.zeros(len(values.ids)))
    moved = means - means.mean()
    return Estimate(value, variance, degrees, ids, none, np.zeros(1), moved)


def _satterthwaite(variance: float, parts: float) -> float:
    """Degrees of freedom of a variance, of which each part squared over its own was added up."""
    return max(variance**2 / parts, FEWEST_DEGREES) if parts > 0 else FEWEST_DEGREES


def _joined(ids: np.ndarray, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Effects by id: of an example that stands twice, of both."""
    known, places = np.unique(ids, return_inverse=True)
    return known, np.bincount(places, effects, minlength=len(known))


def mean(parts: Sequence[Estimate], weights: Sequence[float] | None = None) -> Estimate:
    """A weighted mean; all parts count alike where no weights are given."""
    shares = np.full(len(parts), 1 / len(parts)) if weights is None else np.asarray(weights)
    variance = sum(share**2 * part.variance for share, part in zip(shares, parts, strict=True))
    degrees = sum((share**2 * part.variance) ** 2 / part.degrees for share, part in zip(shares, parts, strict=True))
    together = 0.0
    for (share, one), (other, two) in combinations(zip(shares, parts, strict=True), 2):
        together += 2 * share * other * covariance(one, two)
    ends = [part.bounds for part in parts if part.bounds is not None]
    least, most = shares @ np.array(ends) if len(ends) == len(parts) else (0.0, 0.0)
    within = (float(least), float(most)) if most > least else None
    furthest = sum(share * part.furthest for share, part in zip(shares, parts, strict=True) if share)
    value = float(sum(share * part.value for share, part in zip(shares, parts, strict=True)))
    # What is estimated of tasks together may be less than nothing; then they count as apart.
    variance = float(variance + together) if variance + together > 0 else float(variance)
    nothing = np.empty(0)
    degrees = _satterthwaite(variance, degrees)
    return Estimate(value, variance, degrees, np.empty(0, np.uint64), nothing, nothing, nothing, within, furthest)


def covariance(one: Estimate, two: Estimate) -> float:
    """How much two scores vary together, by the examples that they share; 0 where they share none."""
    shared, first, second = np.intersect1d(one.ids, two.ids, assume_unique=True, return_indices=True)
    if not len(shared):
        return 0.0
    if len(one.halves) or len(two.halves):
        sides = [_by_half(each, shared, rows) for each, rows in ((one, first), (two, second))]
        return float(sides[0] @ sides[1]) / (HALVES - 1)
    found = float(one.effects[first] @ two.effects[second])
    if len(one.fits) == len(two.fits) > 1:
        found += len(one.fits) / (len(one.fits) - 1) * float(one.fits @ two.fits)
    return found


def _by_half(of: Estimate, shared: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """By how much each half of the shared examples moves a score, (halves,)."""
    if len(of.halves):
        return of.halves
    # A half's mean lies as far from the whole's as the two halves' sums differ by.
    return np.array([of.effects[rows] @ np.where(half(shared, number), 1, -1) for number in range(HALVES)])


def added(difference: Estimate, one: Estimate, two: Estimate) -> Estimate:
    """A difference whose sides are not paired: the errors of both in full."""
    degrees = one.variance**2 / one.degrees + two.variance**2 / two.degrees
    variance = one.variance + two.variance
    return difference._replace(variance=variance, degrees=_satterthwaite(variance, degrees))


def holm(chances: Sequence[float]) -> list[float]:
    """P-values of several tests, adjusted so that one false finding in all of them is as rare as in one (Holm 1979)."""
    order = np.argsort(chances)
    adjusted, highest = [0.0] * len(chances), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (len(chances) - place) * chances[index]))
        adjusted[index] = highest
    return adjusted


def verdicts(found: Sequence[Estimate | None]) -> list[str]:
    """Of each difference of a table whether it is within noise; empty where there is no interval."""
    adjusted = iter(holm([each.chance for each in found if each is not None]))
    return ["" if each is None else _verdict(each, next(adjusted)) for each in found]


def _verdict(found: Estimate, adjusted: float) -> str:
    if adjusted < 1 - LEVEL / 100:
        return SURE
    low, high = found.interval
    return WITHIN if low <= 0 <= high else BEYOND
