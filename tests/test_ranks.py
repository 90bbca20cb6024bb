"""Ranks are exact, whatever the blocks, ties and exclusions."""

from __future__ import annotations

import numpy as np
import pytest
from rosberta.ranks import ranked


def brute_force(queries: np.ndarray, documents: np.ndarray, excluded: list[list[int]], count: int) -> list[list[int]]:
    """All similarities, one query at a time, sorted by (falling similarity, index)."""
    ranks = []
    for query, removed in zip(queries, excluded, strict=True):
        scores = (documents * query).sum(axis=1)
        order = sorted(set(range(len(documents))) - set(removed), key=lambda index: (-scores[index], index))
        ranks.append(order[:count])
    return ranks


@pytest.mark.parametrize("block", [1, 97, 1000, 10**9])
@pytest.mark.parametrize("count", [1, 10, 49, 50, 200])
def test_ranks_are_those_of_brute_force(block: int, count: int) -> None:
    """With many ties (small integers, exact in floats), and up to more ranks than documents, every rank is right."""
    random = np.random.default_rng(0)
    queries = random.integers(-2, 3, (40, 4)).astype(np.float32)
    documents = random.integers(-2, 3, (50, 4)).astype(np.float32)
    excluded = [sorted(random.choice(50, random.integers(0, 8), replace=False).tolist()) for _ in queries]
    excluded[3] = list(range(50))
    excluded[4] = list(range(47))
    found = [indices.tolist() for indices in ranked(queries, documents, excluded, count, block)]
    assert found == brute_force(queries, documents, excluded, count)


def test_all_equal_is_the_order_of_the_corpus() -> None:
    """When nothing tells documents apart the lower index goes first."""
    queries, documents = np.ones((3, 2), np.float32), np.ones((1000, 2), np.float32)
    for indices in ranked(queries, documents, [[], [0], [1, 3]], 5):
        assert indices.tolist() == sorted(indices.tolist())
    assert ranked(queries, documents, [[], [0], [1, 3]], 5)[2].tolist() == [0, 2, 4, 5, 6]


def test_nothing_to_rank() -> None:
    """Without queries there are no ranks."""
    assert ranked(np.empty((0, 2), np.float32), np.ones((3, 2), np.float32), [], 2) == []
