"""Ranks are exact, whatever the blocks, ties and exclusions."""

from __future__ import annotations

import numpy as np
import pytest
from rosberta.embedding.ranks import ranked, streamed


def brute_force(queries: np.ndarray, documents: np.ndarray, excluded: list[list[int]], count: int) -> list[list[int]]:
    """All similarities, one query at a time, sorted by (falling similarity, index)."""
    ranks = []
    for query, removed in zip(queries, excluded, strict=True):
        scores = (documents * query).sum(axis=1)
        order = sorted(set(range(len(documents))) - set(removed), key=lambda index: (-scores[index], index))
        ranks.append(order[:count])
    return ranks


def small(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Queries and documents of small integers: exact in floats, and with many ties."""
    random = np.random.default_rng(seed)
    return random.integers(-2, 3, (40, 4)).astype(np.float32), random.integers(-2, 3, (50, 4)).astype(np.float32)


@pytest.mark.parametrize("block", [1, 7, 50, 10**9])
@pytest.mark.parametrize("scores", [1, 97, 10**9])
@pytest.mark.parametrize("count", [1, 10, 49, 50, 200])
def test_ranks_are_those_of_brute_force(block: int, scores: int, count: int) -> None:
    """With many ties, and up to more ranks than documents, every rank is right however the work is cut."""
    queries, documents = small()
    random = np.random.default_rng(1)
    excluded = [sorted(random.choice(50, random.integers(0, 8), replace=False).tolist()) for _ in queries]
    excluded[3] = list(range(50))
    excluded[4] = list(range(47))
    excluded[5] = excluded[5][::-1]
    found = [each.tolist() for each in ranked(queries, documents, excluded, count, scores=scores, block=block)]
    assert found == brute_force(queries, documents, excluded, count)


@pytest.mark.parametrize("sizes", [[50], [20, 0, 1, 29], [1] * 50])
@pytest.mark.parametrize("count", [1, 10, 50, 200])
def test_streamed_blocks_give_the_ranks_of_the_whole(sizes: list[int], count: int) -> None:
    """Documents that come in any blocks have the ranks of brute force, across blocks too, and their scores."""
    queries, documents = small()
    ends = np.cumsum(sizes)
    blocks = (documents[end - size : end] for size, end in zip(sizes, ends, strict=True))
    scores, indices = streamed(queries, blocks, count, scores=97, block=8)
    assert (scores.dtype, indices.dtype) == (np.float32, np.int64)
    assert scores.shape == indices.shape == (40, min(count, 50))
    assert indices.tolist() == brute_force(queries, documents, [[]] * 40, count)
    assert np.array_equal(scores, np.take_along_axis(queries @ documents.T, indices, axis=1))


def test_all_equal_is_the_order_of_the_corpus() -> None:
    """When nothing tells documents apart the lower index goes first."""
    queries, documents = np.ones((3, 2), np.float32), np.ones((1000, 2), np.float32)
    for indices in ranked(queries, documents, [[], [0], [1, 3]], 5):
        assert indices.tolist() == sorted(indices.tolist())
    assert ranked(queries, documents, [[], [0], [1, 3]], 5)[2].tolist() == [0, 2, 4, 5, 6]


def test_nothing_to_rank() -> None:
    """Without queries there are no ranks, and without documents each query's are empty."""
    nothing, some = np.empty((0, 2), np.float32), np.ones((3, 2), np.float32)
    assert ranked(nothing, some, [], 2) == []
    assert [each.tolist() for each in ranked(some, nothing, [[], [], []], 2)] == [[], [], []]
    assert streamed(some, [], 2)[1].shape == (3, 0)
    assert streamed(nothing, [some], 2)[0].shape[0] == 0
