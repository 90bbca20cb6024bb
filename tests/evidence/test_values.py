"""Every score is a mean of values of its examples: against scores without each of them, by other libraries."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from rosberta.evaluation.example_scores import CLUSTERED, MEASURES
from rosberta.evidence.values import average_precisions, correlations, values_of
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score


@pytest.mark.parametrize("number", [5, 60])
def test_a_correlation_without_each_example_is_scipys(number: int) -> None:
    """Ties on both sides included."""
    chance = np.random.default_rng(number)
    gold, cosines = chance.integers(0, 4, number).astype(float), chance.integers(0, 9, number) / 3
    score, without = correlations(gold, cosines)
    assert score == pytest.approx(spearmanr(gold, cosines)[0])
    for row in range(number):
        left = spearmanr(np.delete(gold, row), np.delete(cosines, row))[0]
        assert without[row] == pytest.approx(left), row


@pytest.mark.parametrize("number", [5, 60])
def test_a_precision_without_each_example_is_scikit_learns(number: int) -> None:
    """Ties across right and wrong pairs included."""
    chance = np.random.default_rng(number)
    gold, near = chance.random(number) < 0.4, chance.integers(0, 20, number) / 7
    gold[:2] = True
    score, without = average_precisions(gold, near)
    assert score == pytest.approx(average_precision_score(gold, near))
    for row in range(number):
        left = average_precision_score(np.delete(gold, row), np.delete(near, row))
        assert without[row] == pytest.approx(left), row


def test_pairs_are_ranked_by_the_best_measure() -> None:
    """Near is high for a similarity and low for a distance; which measure is best may be any."""
    chance = np.random.default_rng(0)
    gold = np.arange(80) % 2
    noise = {name: chance.standard_normal(80) for name in MEASURES}
    for best in MEASURES:
        sign = -1 if best.endswith("distances") else 1
        columns = {**noise, best: sign * (gold + 0.8 * chance.standard_normal(80))}
        table = pa.table({"split": ["test"] * 80, "id": pa.array(range(80), pa.uint64()), "gold": gold, **columns})
        known = average_precision_score(gold, sign * columns[best])
        (part,) = values_of(table).parts
        # The mean of the pseudo-values is the score but for its bias, of the order of 1/n.
        assert part.values.mean() == pytest.approx(100 * known, abs=2), best


def test_a_score_that_hangs_on_one_example_has_no_values() -> None:
    gold = pa.table({"split": ["test"] * 4, "id": pa.array(range(4), pa.uint64()), "gold": [1.0, 1.0, 1.0, 5.0]})
    assert values_of(gold.append_column("cosine_scores", pa.array([0.1, 0.4, 0.3, 0.2]))) is None


def test_sentences_of_bitext_count_by_what_they_move() -> None:
    """Not by the F1 of their own class alone."""
    table = pa.table({"split": ["test"] * 2, "id": pa.array([1, 2], pa.uint64()), "value": [1.0, 0.0]})
    (part,) = values_of(table.append_column("jackknife", pa.array([0.9, -0.1]))).parts
    assert part.values[:, 0].tolist() == [90, -10]


def test_levels_and_splits_of_a_clustering_count_alike() -> None:
    kept = {split: {"repetitions": [0.1, 0.3], "halves": [[a, a], [a, 0.5]]} for split, a in (("x", 0.2), ("y", 0.4))}
    table = pa.table({"split": ["x", "y"], "id": pa.array([1, 2], pa.uint64())})
    values = values_of(table.replace_schema_metadata({CLUSTERED: json.dumps(kept).encode()}))
    assert values.repetitions.tolist() == [10, 30]
    np.testing.assert_allclose(values.halves, [[30, 30], [30, 50]])
