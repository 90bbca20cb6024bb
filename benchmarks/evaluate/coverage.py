"""How often a 95% interval holds the truth, where mteb's procedure is simulated and all that it draws is drawn anew.

    python benchmarks/evaluate/coverage.py --times 400 --clusterings 100

Drawn anew are the test texts, of classifiers the training texts, of clusterings the starts and samples.
Classification: ten classifiers, each fitted to eight drawn texts a class. Clustering: ten repetitions of mini-batch
k-means on draws of one corpus. Search, correlation and pairs: queries, or pairs. Bitext mining: every sentence against
all others. The truth is the mean over all simulated evaluations. Of each kind two models are scored on the same texts,
for their difference.

Columns: of the score, the examples' error alone, all fits averaged (of a clustering: the spread of the repetitions);
the same variance as now on the scale of log odds, with Satterthwaite's degrees of freedom; now. Of the difference: with
Student's interval of the differences that were found; now.
"""

from __future__ import annotations

import argparse
import random
import warnings
from collections.abc import Callable
from math import exp
from typing import NamedTuple

import numpy as np
from rosberta.evaluation.example_scores import MEASURES, _f1, scores_of_halves
from rosberta.evidence.estimates import Estimate, estimate
from rosberta.evidence.values import Part, Values, _values, average_precisions
from scipy.special import stdtrit
from scipy.stats import spearmanr
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import v_measure_score

DIMENSION = 16

Sides = list[tuple[float, Values]]
"""Of two models score and values, 0-100."""


class Kind(NamedTuple):
    """A kind of score with a size."""

    what: str
    draw: Callable[[np.random.Generator], Sides]
    bounds: tuple[float, float] = (0.0, 100.0)


def ours(sides: list[tuple[float, np.ndarray]]) -> Sides:
    """Of values of examples, 0-1, and scores."""
    ids = np.arange(len(sides[0][1])).astype(np.uint64)
    return [(100 * score, Values((Part("test", ids, 100 * each),))) for score, each in sides]


def classification(chance: np.random.Generator, number: int, classes: int, apart: float) -> Sides:
    """Whether each of ten fits is right about each example: the nearest mean of eight texts a class."""
    centres = apart * np.random.default_rng(5).standard_normal((classes, DIMENSION))
    gold, train = chance.integers(classes, size=number), np.repeat(np.arange(classes), 8)
    texts = centres[gold] + chance.standard_normal((number, DIMENSION))
    draws = [centres[train] + chance.standard_normal((len(train), DIMENSION)) for _ in range(10)]
    sides = []
    for _ in range(2):
        # A model sees texts less clearly, each in its own way.
        seen = texts + 0.5 * chance.standard_normal(texts.shape)
        right = []
        for drawn in draws:
            means = (drawn + 0.5 * chance.standard_normal(drawn.shape)).reshape(classes, 8, DIMENSION).mean(axis=1)
            right.append(((means**2).sum(axis=1) - 2 * seen @ means.T).argmin(axis=1) == gold)
        bits = np.stack(right, axis=1).astype(float)
        sides.append((float(bits.mean()), bits))
    return ours(sides)


def search(chance: np.random.Generator, number: int, found: float) -> Sides:
    """A query's metric: 0 where nothing is found."""
    common = chance.random(number)
    sides = []
    for _ in range(2):
        hit = np.where(chance.random(number) < 0.7, common, chance.random(number)) < found
        metric = hit * np.where(chance.random(number) < 0.5, 1.0, chance.random(number))
        sides.append((float(metric.mean()), metric[:, None]))
    return ours(sides)


def correlation(chance: np.random.Generator, number: int) -> Sides:
    """Cosines of pairs against golds on a scale of five."""
    near, hard = chance.standard_normal(number), 0.6 * chance.standard_normal(number)
    gold = np.round(np.clip(1.2 * near + 2.5, 0, 5))
    cosines = [np.tanh(near + hard + 0.5 * chance.standard_normal(number)) for _ in range(2)]
    return ours([(spearmanr(gold, each)[0], _values({"gold": gold, "cosine_scores": each})) for each in cosines])


def pairs(chance: np.random.Generator, number: int, apart: float) -> Sides:
    """Average precision of pairs, all measures alike."""
    gold, hard = (chance.random(number) < 0.5).astype(float), 0.8 * chance.standard_normal(number)
    sides = []
    for _ in range(2):
        near = apart * gold + hard + 0.6 * chance.standard_normal(number)
        columns = {name: -near if name.endswith("distances") else near for name in MEASURES}
        sides.append((average_precisions(gold > 0, near)[0], _values({"gold": gold, **columns})))
    return ours(sides)


def bitext(chance: np.random.Generator, number: int, noise: float) -> Sides:
    """F1 of each sentence, whose nearest among all translations may be another's."""
    texts = chance.standard_normal((number, DIMENSION))
    sides = []
    for _ in range(2):
        found = (texts @ (texts + noise * chance.standard_normal(texts.shape)).T).argmax(axis=1)
        values, jackknife = _f1(found)
        sides.append((float(values.mean()), jackknife[:, None]))
    return ours(sides)


def clustering(chance: np.random.Generator, number: int, classes: int, noise: float, draws: int) -> Sides:
    """Repetitions on one corpus as mteb has them, and the halves."""
    centres = np.random.default_rng(1).standard_normal((classes, DIMENSION))
    gold = chance.integers(classes, size=number)
    texts = centres[gold] + 0.8 * noise * chance.standard_normal((number, DIMENSION))
    ids = chance.integers(2**63, size=number).astype(np.uint64)
    sides = []
    for _ in range(2):
        seen = texts + 0.6 * noise * chance.standard_normal(texts.shape)
        embeddings = (seen / np.linalg.norm(seen, axis=1, keepdims=True)).astype(np.float32)
        sample, repetitions = random.Random(42), []
        for _ in range(10):
            rows = sample.choices(range(number), k=draws)
            fit = MiniBatchKMeans(classes, batch_size=512, n_init=1, random_state=42).fit_predict(embeddings[rows])
            repetitions.append(100 * v_measure_score(gold[rows], fit))
        halves = 100 * np.array(scores_of_halves(embeddings, [[each] for each in gold.tolist()], ids, 512))
        sides.append((float(np.mean(repetitions)), Values((), ids, np.array(repetitions), halves)))
    return sides


def alone(values: Values, score: float) -> tuple[float, float]:
    """Of the examples' error alone; of a clustering, that of the repetitions."""
    each = values.parts[0].values.mean(axis=1) if values.parts else values.repetitions
    width = 1.96 * float(each.std(ddof=1)) / len(each) ** 0.5
    return score - width, score + width


def before(values: Values, score: float, bounds: tuple[float, float] | None) -> tuple[float, float]:
    """On the scale of log odds; of a difference, Student's."""
    variance, degrees = _plain(values)
    width = float(stdtrit(degrees, 0.975)) * variance**0.5
    if bounds is None or not bounds[0] < score < bounds[1]:
        return score - width, score + width
    scale = bounds[1] - bounds[0]
    share = (score - bounds[0]) / scale
    far, odds = exp(min(500.0, width / scale / (share * (1 - share)))), share / (1 - share)
    return bounds[0] + scale * (odds / far / (1 + odds / far)), bounds[0] + scale * (odds * far / (1 + odds * far))


def _plain(values: Values) -> tuple[float, float]:
    """Variance and Satterthwaite's degrees of freedom."""
    if values.parts:
        # Of bounds there is no correction for few examples that differ.
        found = estimate(values, 50.0, (0.0, 100.0))
        assert found is not None
        lonely = float(np.ptp(values.parts[0].values)) == 0
        return (0.0 if lonely else found.variance), found.degrees
    halves, repetitions = values.halves, values.repetitions
    parts = (
        halves.mean(axis=1).var(ddof=1),
        halves.var(axis=1, ddof=1).mean() / halves.shape[1],
        repetitions.var(ddof=1) / len(repetitions),
    )
    variance = max(parts[0] - parts[1], 0.0) + parts[2]
    degrees = (len(halves) - 1, halves.size - len(halves), len(repetitions) - 1)
    below = sum(part**2 / degree for part, degree in zip(parts, degrees, strict=True))
    return float(variance), max(2.0, float(variance**2 / below))


def held(ends: list[tuple[float, float]], truth: float) -> str:
    """The share of the intervals that hold the truth, percent."""
    low, high = np.array(ends).T
    return f"{100 * np.mean((low <= truth) & (truth <= high)):.1f}"


def simulate(kind: Kind, times: int) -> str:
    """A line of the table."""
    chance = np.random.default_rng(0)
    drawn = [kind.draw(chance) for _ in range(times)]
    scores = [side for sides in drawn for side in sides]
    truth = float(np.mean([score for score, _ in scores]))
    gaps = [(two[0] - one[0], two[1].less(one[1])) for one, two in drawn]
    cells = [
        held([alone(values, score) for score, values in scores], truth),
        held([before(values, score, kind.bounds) for score, values in scores], truth),
        held([_now(values, score, kind.bounds).interval for score, values in scores], truth),
        held([before(less, gap, None) for gap, less in gaps if less], 0.0),
        held([_now(less, gap, None).interval for gap, less in gaps if less], 0.0),
    ]
    return f"| {kind.what} | {truth:.1f} | {times} | {' | '.join(cells)} |"


def _now(values: Values, score: float, bounds: tuple[float, float] | None) -> Estimate:
    found = estimate(values, score, bounds)
    assert found is not None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=400)
    parser.add_argument("--clusterings", type=int, default=100)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    sizes = (60, 300, 2000)
    kinds = [
        Kind(
            f"classification, {classes} classes, {size:,} examples",
            lambda c, s=size, k=classes, a=apart: classification(c, s, k, a),
        )
        for classes, apart, of in ((2, 0.35, sizes), (5, 0.5, (2000,)), (2, 1.3, sizes))
        for size in of
    ]
    kinds += [
        Kind(f"search, {size:,} queries", lambda c, s=size, f=found: search(c, s, f))
        for found in (0.6, 0.02)
        for size in sizes
    ]
    kinds += [
        Kind(f"correlation, {size:,} pairs", lambda c, s=size: correlation(c, s), (-100.0, 100.0)) for size in sizes
    ]
    kinds += [
        Kind(f"average precision, {size:,} pairs", lambda c, s=size, a=apart: pairs(c, s, a))
        for apart in (0.8, 3.0)
        for size in sizes
    ]
    kinds += [Kind(f"bitext mining, {size:,} sentences", lambda c, s=size: bitext(c, s, 0.7)) for size in sizes[:2]]
    print("| score | mean | simulated | examples alone, % | before, % | now, % | difference before, % | now, % |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in kinds:
        print(simulate(kind, asked.times), flush=True)
    for size, classes, noise, draws in ((60, 5, 0.8, 4096), (300, 10, 1.0, 4096), (2000, 28, 1.2, 16384)):
        what = f"clustering, {classes} clusters, {size:,} documents"
        kind = Kind(what, lambda c, s=size, k=classes, n=noise, d=draws: clustering(c, s, k, n, d))
        print(simulate(kind, asked.clusterings if size < 2000 else asked.clusterings // 2), flush=True)


if __name__ == "__main__":
    main()
