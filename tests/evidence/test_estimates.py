"""Intervals hold what they say: simulated again and again, 95% of them hold the truth."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from rosberta.evaluation.example_scores import FITS, HALVES, MEASURES, half, id_of
from rosberta.evidence import estimates
from rosberta.evidence.estimates import Estimate, estimate, holm, mean, verdicts
from rosberta.evidence.values import Part, Values, _values, average_precisions
from scipy import stats
from scipy.stats import spearmanr

TIMES = 400
"""Simulated evaluations of each kind, two models each: the share that holds the truth is known to a hundredth."""

Draw = Callable[[np.random.Generator, int], list[tuple[float, np.ndarray]]]
"""Of both models the score and the values, (examples, fits), of so many examples; 0-1."""


def fitted(chance: np.random.Generator, number: int) -> list[tuple[float, np.ndarray]]:
    """Whether ten classifiers are right: texts are hard for all, draws of training texts bad for all, and both meet."""
    hard, bad = chance.standard_normal((number, 1)), 0.35 * chance.standard_normal((2, 10))
    right = [(0.3 + hard + own + 0.7 * chance.standard_normal((number, 10)) > 0).astype(float) for own in bad]
    return [(float(each.mean()), each) for each in right]


def searched(chance: np.random.Generator, number: int) -> list[tuple[float, np.ndarray]]:
    """Metrics of queries, many of which are 0 or 1."""
    common = chance.random(number) < 0.5
    metrics = [np.where(chance.random(number) < 0.6, common, chance.beta(0.5, 0.7, number)) for _ in range(2)]
    return [(float(each.mean()), each[:, None]) for each in metrics]


def correlated(chance: np.random.Generator, number: int) -> list[tuple[float, np.ndarray]]:
    """Cosines of pairs against golds on a scale of five."""
    near, hard = chance.standard_normal(number), 0.6 * chance.standard_normal(number)
    gold = np.round(np.clip(1.2 * near + 2.5, 0, 5))
    sides = [np.tanh(near + hard + 0.5 * chance.standard_normal(number)) for _ in range(2)]
    return [(spearmanr(gold, each)[0], _values({"gold": gold, "cosine_scores": each})) for each in sides]


def paired(chance: np.random.Generator, number: int) -> list[tuple[float, np.ndarray]]:
    """Pairs that are ranked by five measures, all but one the same."""
    gold, hard = (chance.random(number) < 0.5).astype(float), 0.8 * chance.standard_normal(number)
    sides = []
    for _ in range(2):
        near = 0.8 * gold + hard + 0.6 * chance.standard_normal(number)
        columns = {name: -near if name.endswith("distances") else near for name in MEASURES}
        columns["manhattan_distances"] = 0.1 * chance.standard_normal(number) - near
        best = max(average_precisions(gold > 0, each)[0] for each in (near, -columns["manhattan_distances"]))
        sides.append((best, _values({"gold": gold, **columns})))
    return sides


def found(draw: Draw, chance: np.random.Generator, number: int) -> tuple[Estimate, Estimate, Estimate]:
    """Two scores and their difference as one evaluation gives them."""
    ids = chance.integers(2**63, size=number).astype(np.uint64)
    sides = draw(chance, number)
    (first, one), (second, two) = ((100 * score, Values((Part("test", ids, 100 * each),))) for score, each in sides)
    bounds = (-100, 100) if draw is correlated else (0, 100)
    less = estimate(two.less(one), second - first)
    return estimate(one, first, bounds), estimate(two, second, bounds), less  # type: ignore[return-value]


def coverage(many: list[Estimate]) -> float:
    """Share of the intervals that hold the truth, which is the mean of all."""
    truth = np.mean([each.value for each in many])
    ends = np.array([each.interval for each in many])
    return float(np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1])))


@pytest.mark.parametrize("number", [60, 300, 2000])
@pytest.mark.parametrize("draw", [fitted, searched, correlated, paired])
def test_intervals_hold_what_they_say(draw: Draw, number: int) -> None:
    """Of each kind of score, and of the difference of two."""
    chance = np.random.default_rng(number)
    times = TIMES if number < 2000 else TIMES // 2
    one, two, differences = zip(*(found(draw, chance, number) for _ in range(times)), strict=True)
    # Of few ranks the jackknife errs to the safe side (Efron and Stein 1981), of differences by a hundredth.
    safe = 0.015 if draw in (correlated, paired) and number == 60 else 0.0
    for many in ([*one, *two], list(differences)):
        # Where few are simulated, chance moves the share.
        slack = max(0.0, 1.5 * math.sqrt(0.95 * 0.05 / len(many)) - 0.015)
        assert 0.93 - slack <= coverage(many) <= 0.97 + slack + safe


def ended(number: int, **columns: int) -> tuple[float, float]:
    """The interval of a score of so many wrong answers, or of a difference of so many answers better and worse."""
    values = np.zeros((number, 1)) if "better" in columns else np.full((number, 1), 100.0)
    values[: columns.get("better", 0)] = 100
    values[number - columns.get("worse", 0) :] = -100
    values[: columns.get("wrong", 0)] = 0
    part = Part("test", np.arange(number).astype(np.uint64), values)
    return estimate(Values((part,)), values.mean(), None if "better" in columns else (0, 100)).interval


@pytest.mark.parametrize("number", [60, 300, 2000])
def test_intervals_near_the_bounds_hold_what_they_say(number: int) -> None:
    """Of scores between 97 and 99.9, computed without chance: the binomial's own shares of each number of mistakes."""
    wrong = np.arange(min(number, 15 + number // 11))
    low, high = np.array([ended(number, wrong=each) for each in wrong.tolist()]).T / 100
    shares = [
        float(stats.binom.pmf(wrong, number, 1 - truth) @ ((low <= truth) & (truth <= high)))
        for truth in np.linspace(0.97, 0.999, 59)
    ]
    # One mistake more or less is a step, so that single truths lie to both sides of it.
    assert 0.93 <= np.mean(shares) <= 0.97
    assert min(shares) > 0.85
    assert (low >= 0).all()
    assert (high <= 1).all()
    assert high[0] == 1


def test_intervals_are_those_that_are_named() -> None:
    """Of many examples Wilson's as scipy has it; of a correlation Fisher's by its formula."""
    known = stats.binomtest(1995, 2000).proportion_ci(method="wilson")
    assert ended(2000, wrong=5) == (pytest.approx(100 * known.low, abs=3e-3), pytest.approx(100 * known.high, abs=3e-3))
    nothing = np.empty(0)
    near = Estimate(95.0, 4.0, 1e9, np.empty(0, np.uint64), nothing, nothing, nothing, (-100, 100))
    width = 1.96 * 0.02 / (1 - 0.95**2)
    ends = [100 * math.tanh(math.atanh(0.95) + sign * width) for sign in (-1, 1)]
    assert near.interval == (pytest.approx(ends[0], abs=1e-3), pytest.approx(ends[1], abs=1e-3))


@pytest.mark.parametrize("number", [60, 300, 2000])
@pytest.mark.parametrize(("better", "worse"), [(1, 1), (4, 4), (1, 0), (2, 0), (4, 0), (3, 1)])
def test_differences_on_few_examples_hold_what_they_say(number: int, better: int, worse: int) -> None:
    """However few they are, and to the safe side; `better` and `worse` on average, computed without chance."""
    chances = [better / number, worse / number, 1 - (better + worse) / number]
    truth, share = 100 * (chances[0] - chances[1]), 0.0
    for one in range(14):
        for two in range(14 if worse else 1):
            low, high = ended(number, better=one, worse=two)
            if low <= truth <= high:
                share += stats.multinomial.pmf([one, two, number - one - two], number, chances)
    assert 0.95 < share < 1


@pytest.mark.parametrize(("number", "little", "much", "by"), [(60, 0.3, 0.015, 40), (300, 0.5, 0.005, 60)])
def test_few_large_differences_of_graded_values_are_reckoned_with(
    number: int, little: float, much: float, by: int
) -> None:
    """Even if none of them is among the examples; where all differ, nothing is added."""
    chance, held = np.random.default_rng(number), 0
    ids = np.arange(number).astype(np.uint64)
    for _ in range(200):
        small = chance.standard_normal(number) * (chance.random(number) < little)
        values = np.where(chance.random(number) < much, by, small)
        low, high = estimate(Values((Part("test", ids, values[:, None]),)), values.mean()).interval
        held += low <= much * by <= high
    assert held >= 190
    values = chance.uniform(1, 2, number)
    dense = estimate(Values((Part("test", ids, values[:, None]),)), values.mean()).interval
    assert dense == pytest.approx(stats.t.interval(0.95, number - 1, values.mean(), stats.sem(values)))


def clustered(chance: np.random.Generator, ids: np.ndarray, effects: np.ndarray, noise: float) -> Values:
    """Scores of a clustering to which each document adds its effect, and each start noise of its own."""
    within = np.array([half(ids, number) for number in range(HALVES)])
    halves = np.array([effects[rows].mean() for rows in within])[:, None] + noise * chance.standard_normal(
        (HALVES, FITS)
    )
    repetitions = effects.mean() + noise * chance.standard_normal(10)
    return Values((), ids, repetitions, halves)


@pytest.mark.parametrize(("number", "noise"), [(60, 0.02), (60, 2.0), (300, 2.0), (2000, 0.5)])
def test_intervals_of_clusterings_hold_what_they_say(number: int, noise: float) -> None:
    """Whether documents decide, or starts, or both as in k-means; from both sides of a difference."""
    chance, scale = np.random.default_rng(number), math.sqrt(number)
    many = []
    for _ in range(TIMES):
        ids = chance.integers(2**63, size=number).astype(np.uint64)
        one, two = (clustered(chance, ids, scale * chance.standard_normal(number), noise) for _ in range(2))
        less = two.less(one)
        assert less is not None
        many.append(estimate(less, less.repetitions.mean()))
    assert 0.93 <= coverage(many) <= 0.97
    # A variance alone may be anything, where degrees make up for it.
    truth = np.var([each.value for each in many], ddof=1)
    assert np.mean([each.variance for each in many]) == pytest.approx(truth, rel=0.2)


def test_intervals_of_means_hold_what_they_say() -> None:
    """Two fitted tasks on the same texts, a clustering of half of them, and a task of its own."""
    chance, many, apart = np.random.default_rng(0), [], []
    for _ in range(TIMES):
        ids = chance.integers(2**63, size=300).astype(np.uint64)
        hard, bad = chance.standard_normal((300, 1)), 0.35 * chance.standard_normal(10)
        tasks = [
            Values((Part("test", ids, 10 * (hard + bad + 0.5 * chance.standard_normal((300, 10)))),)) for _ in range(2)
        ]
        effects = 20 * (hard[:150, 0] + 0.5 * chance.standard_normal(150))
        tasks.append(clustered(chance, ids[:150], effects, 1.0))
        alone = chance.integers(2**63, size=200).astype(np.uint64)
        tasks.append(Values((Part("test", alone, 10 * chance.standard_normal((200, 1))),)))
        values = [float(each.parts[0].values.mean() if each.parts else each.repetitions.mean()) for each in tasks]
        parts = [estimate(each, value) for each, value in zip(tasks, values, strict=True)]
        many.append(mean(parts))
        apart.append(many[-1]._replace(variance=sum(each.variance for each in parts) / 16))
    assert 0.93 <= coverage(many) <= 0.97
    assert coverage(apart) < 0.91


def test_what_lies_together_below_nothing_counts_as_apart() -> None:
    """Where tasks that share examples are moved to opposite sides by chance."""
    ids, nothing = np.arange(4).astype(np.uint64), np.empty(0)
    one, two = (
        Estimate(50.0, variance, 9.0, ids, effects, nothing, nothing)
        for variance, effects in ((1.0, np.full(4, 2.0)), (3.0, np.full(4, -2.0)))
    )
    assert mean([one, two]).variance == pytest.approx((1 + 3) / 4)
    assert mean([one, one]).variance == pytest.approx((1 + 1 + 2 * 16) / 4)


def test_nothing_leaves_its_range() -> None:
    """Scores, differences, and means of either, of tasks whose ranges are not the same."""
    ids, nothing = np.empty(0, np.uint64), np.empty(0)

    def known(value: float, bounds: tuple[float, float] | None, variance: float = 1.0) -> Estimate:
        return Estimate(value, variance, 9.0, ids, nothing, nothing, nothing, bounds)

    for value, other in ((100.0, 100.0), (0.0, -100.0)):
        for share in (1 / 23, 0.5):
            both = mean([known(value, (0, 100)), known(other, (-100, 100))], [1 - share, share])
            assert both.bounds == (pytest.approx(-100 * share), pytest.approx(100))
            low, high = both.interval
            assert both.bounds[0] - 1e-9 <= low <= both.value <= high <= both.bounds[1] + 1e-9
            assert high - low > 1
    # Far from its range a mean is about what Student's interval is.
    both = mean([known(60.0, (0, 100)), known(70.0, (-100, 100))])
    assert both.interval == pytest.approx(mean([known(60.0, None), known(70.0, None)]).interval, abs=0.05)
    nearly = [mean([known(99.5, (0, 100)), known(99.5, (least, 100))], [1 - 1e-6, 1e-6]) for least in (-100, 0)]
    assert nearly[0].interval == pytest.approx(nearly[1].interval, abs=1e-3)
    # Of correlations alone it stays Fisher's.
    correlated = [known(95.0, (-100, 100), 4.0)] * 2
    assert mean(correlated).interval == correlated[0]._replace(variance=2.0, degrees=18.0).interval
    # Two examples say nothing of a difference, so that it may be whatever it can.
    values = Values((Part("test", np.arange(2).astype(np.uint64), np.array([[100.0], [0.0]])),))
    far = estimate(values, 50.0)._replace(furthest=100.0)
    assert far.interval == (-100, 100)
    apart = far._replace(variance=1e6)
    assert mean([apart, apart._replace(furthest=200.0)], [0.25, 0.75]).interval == (-175, 175)
    assert known(60.0, (0, 100)).at(3.0).furthest == 100
    assert known(60.0, (0, 100), 1e6).at(-3.0).interval == (-100, 100)


def test_a_difference_is_nearer_than_its_sides() -> None:
    """What is hard for both falls out of a paired difference, and not of one that is not."""
    chance = np.random.default_rng(0)
    ids = np.arange(300).astype(np.uint64)
    one, two = (Values((Part("test", ids, 100 * each),)) for _, each in fitted(chance, 300))
    sides = [estimate(each, 0) for each in (one, two)]
    less = estimate(two.less(one), 1.0)
    unpaired = estimates.added(less, *sides)
    assert less.variance < 0.8 * unpaired.variance
    assert unpaired.variance == pytest.approx(sum(each.variance for each in sides))


def test_what_is_not_the_same_is_not_paired() -> None:
    """Other examples, another order, other splits, other numbers of fits."""
    ids = np.arange(4).astype(np.uint64)
    one = Values((Part("test", ids, np.zeros((4, 2))),))
    assert one.less(one) is not None
    for other in (
        Part("test", ids[::-1], np.zeros((4, 2))),
        Part("test", ids + np.uint64(1), np.zeros((4, 2))),
        Part("dev", ids, np.zeros((4, 2))),
        Part("test", ids, np.zeros((4, 1))),
    ):
        assert one.less(Values((other,))) is None
    clusters = Values((), ids, np.zeros(10), np.zeros((HALVES, FITS)))
    assert clusters.less(clusters._replace(ids=ids[::-1])) is None


def test_a_plain_mean_has_students_interval() -> None:
    values = np.random.default_rng(0).random(40)
    got = estimate(Values((Part("test", np.arange(40).astype(np.uint64), values[:, None]),)), values.mean())
    low, high = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    assert got.interval == (pytest.approx(low), pytest.approx(high))
    assert got.chance == pytest.approx(2 * stats.t.sf(values.mean() / stats.sem(values), 39))


def test_both_sides_of_a_clustering_count() -> None:
    """The error of a difference is not that of one side."""
    chance, ids = np.random.default_rng(0), np.arange(100).astype(np.uint64)
    still = clustered(chance, ids, np.zeros(100), 0.0)
    moved = clustered(chance, ids, chance.standard_normal(100), 0.1)
    assert estimate(still.less(moved), 0).variance == pytest.approx(estimate(moved, 0).variance)
    assert estimate(moved.less(still), 0).variance == pytest.approx(estimate(moved, 0).variance)
    assert estimate(moved, 0).variance > 0


def test_halves_are_halves() -> None:
    """Each half holds half of the ids, and two of them share half of their own; equal ids go together."""
    ids = np.array([id_of(f"text {number}") for number in range(4000)], np.uint64)
    halves = np.array([half(ids, number) for number in range(HALVES)])
    assert np.abs(halves.mean(axis=1) - 0.5).max() < 0.04
    together = np.corrcoef(halves) - np.eye(HALVES)
    assert np.abs(together).max() < 0.07
    assert (half(np.repeat(ids, 2), 3) == np.repeat(halves[3], 2)).all()


def test_holm() -> None:
    """Against the example by hand: the smallest counts times all, the next times one less, never less than before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == [pytest.approx(each) for each in (0.03, 0.06, 0.06, 0.02)]
    assert holm([]) == []


def test_verdicts_are_those_of_the_interval_before_rounding() -> None:
    nothing = np.empty(0)

    def made(value: float) -> Estimate:
        return Estimate(value, 1.0, 1e9, np.empty(0, np.uint64), nothing, nothing, nothing)

    # The lower bound of the first is 0.0004, of the second -0.0004: both are written 0.00.
    assert verdicts([made(1.9604), made(1.9596), None, made(9.0)]) == ["beyond", "within", "", "beyond (Holm)"]


def test_equal_models_rarely_differ_when_all_tasks_are_looked_at() -> None:
    """Of 23 tasks, in at most a twentieth of comparisons one is called sure; single intervals would say so in 69%."""
    chance, nothing = np.random.default_rng(0), np.empty(0)
    sure = single = 0
    for _ in range(200):
        marks = verdicts(
            [
                Estimate(value, 1.0, 1e9, np.empty(0, np.uint64), nothing, nothing, nothing)
                for value in chance.standard_normal(23)
            ]
        )
        sure += "beyond (Holm)" in marks
        single += any(mark.startswith("beyond") for mark in marks)
    assert sure <= 0.07 * 200
    assert single > 0.6 * 200
