"""What is kept of examples: against each example left out by another library, and against clusterings by hand."""

from __future__ import annotations

import numpy as np
import pytest
from rosberta.evaluation.example_scores import _f1, half, id_of, scores_of_halves
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import f1_score, v_measure_score


@pytest.mark.parametrize("number", [4, 30])
def test_sentences_of_bitext_bear_on_each_other(number: int) -> None:
    """F1 is scikit-learn's weighted one, and a pseudo-value that of the score without the sentence as either side."""
    chance = np.random.default_rng(number)
    found = np.where(chance.random(number) < 0.6, np.arange(number), chance.integers(number, size=number))
    values, jackknife = _f1(found.tolist())
    gold = np.arange(number)
    assert values.mean() == pytest.approx(f1_score(gold, found, average="weighted", zero_division=0))
    for row in range(number):
        kept = np.delete(gold, row)
        without = f1_score(kept, found[kept], labels=kept, average="weighted", zero_division=0)
        assert jackknife[row] == pytest.approx(number * values.mean() - (number - 1) * without), row


def test_halves_are_clustered_each_with_starts_of_its_own() -> None:
    """Each number is the mean over levels of one clustering of the documents of one half from one start."""
    chance = np.random.default_rng(0)
    gold = chance.integers(4, size=120)
    embeddings = (np.eye(4)[gold] + 0.6 * chance.standard_normal((120, 4))).astype(np.float32)
    labels = [[str(each), str(each % 2)] if row % 5 else [str(each)] for row, each in enumerate(gold.tolist())]
    ids = np.array([id_of(str(row)) for row in range(120)], np.uint64)
    scores = np.array(scores_of_halves(embeddings, labels, ids, 64))
    assert (scores.std(axis=1) > 0).mean() > 0.8
    assert scores.mean(axis=1).std() > 0
    for number, start in ((0, 0), (3, 2)):
        levels = []
        for level in range(2):
            rows = [row for row in half(ids, number).nonzero()[0] if len(labels[row]) > level]
            known = [labels[row][level] for row in rows]
            clusters = len(set(known))
            fit = MiniBatchKMeans(clusters, batch_size=64, n_init=1, random_state=start).fit_predict(embeddings[rows])
            levels.append(v_measure_score(known, fit))
        assert scores[number, start] == pytest.approx(np.mean(levels))


def test_ids_tell_texts_apart() -> None:
    """Where one text ends and the next begins is part of the id."""
    assert len({id_of("a", "b"), id_of("ab"), id_of("b", "a"), id_of("a", "", "b")}) == 4
    assert id_of("а") == id_of("а") < 2**64
