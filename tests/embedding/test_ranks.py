"""Ranks are exact, whatever the blocks, ties and exclusions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from rosberta.embedding import ranks
from rosberta.embedding.ranks import Removed, streamed


def brute_force(queries: np.ndarray, documents: np.ndarray, excluded: list[list[int]], count: int) -> list[list[int]]:
    """All similarities, one query at a time, sorted by (falling similarity, index)."""
    ranks = []
    for query, removed in zip(queries, excluded, strict=True):
        scores = (documents * query).sum(axis=1)
        order = sorted(set(range(len(documents))) - set(removed), key=lambda index: (-scores[index], index))
        ranks.append(order[:count])
    return ranks


def without(excluded: list[list[int]]) -> Removed:
    """Tells these documents of each query."""

    def removed(first: int, last: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        pairs = [(q - first, d - low) for q in range(first, last) for d in excluded[q] if low <= d < high]
        places, documents = np.array(pairs, np.int64).reshape(-1, 2).T
        return places, documents

    return removed


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
    values, indices = streamed(
        queries, [documents], count, removed=without(excluded), scores=scores, block=block, device="cpu"
    )
    found = [best[value > -np.inf].tolist() for value, best in zip(values, indices, strict=True)]
    assert found == brute_force(queries, documents, excluded, count)


@pytest.mark.parametrize("block", [7, 50])
def test_a_ceiling_takes_out_what_is_above_it(block: int) -> None:
    """Documents of a higher score are not counted; those of just that score are."""
    queries, documents = small()
    ceiling = np.random.default_rng(2).integers(-4, 5, 40).astype(np.float32)
    excluded = [np.flatnonzero(documents @ query > top).tolist() for query, top in zip(queries, ceiling, strict=True)]
    values, indices = streamed(queries, [documents], 20, ceiling=ceiling, block=block, device="cpu")
    found = [best[value > -np.inf].tolist() for value, best in zip(values, indices, strict=True)]
    assert found == brute_force(queries, documents, excluded, 20)


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


@pytest.mark.parametrize("width", [32, 384, 1024])
def test_a_score_is_that_of_its_pair_alone(width: int) -> None:
    """To the last bit on one thread of a CPU, however many other queries and documents there are."""
    random = np.random.default_rng(0)
    queries, documents = (random.standard_normal((number, width), np.float32) for number in (60, 1500))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        values, indices = streamed(queries, [documents], 1500, device="cpu")
        whole = np.take_along_axis(values, indices.argsort(axis=1), axis=1)
        for first, last, number, scores in ((0, 60, 1, 10**9), (7, 8, 1500, 10**9), (3, 60, 65, 130), (0, 15, 700, 1)):
            values, indices = streamed(queries[first:last], [documents[:number]], number, scores=scores, device="cpu")
            part = np.take_along_axis(values, indices.argsort(axis=1), axis=1)
            assert np.array_equal(part, whole[first:last, :number])
    finally:
        torch.set_num_threads(threads)


def test_all_equal_is_the_order_of_the_corpus() -> None:
    """When nothing tells documents apart the lower index goes first."""
    queries, documents = np.ones((3, 2), np.float32), np.ones((1000, 2), np.float32)
    _, indices = streamed(queries, [documents], 5, removed=without([[], [0], [1, 3]]), device="cpu")
    assert indices.tolist() == [[0, 1, 2, 3, 4], [1, 2, 3, 4, 5], [0, 2, 4, 5, 6]]


def test_nothing_to_rank() -> None:
    """Without queries there are no ranks, and without documents each query's are empty."""
    nothing, some = np.empty((0, 2), np.float32), np.ones((3, 2), np.float32)
    assert streamed(some, [], 2)[1].shape == (3, 0)
    assert streamed(some, [nothing], 2)[1].shape == (3, 0)
    assert streamed(nothing, [some], 2)[0].shape[0] == 0


@pytest.mark.parametrize("block", [1024, 2500])
@pytest.mark.parametrize("count", [5, 40, 100])
def test_no_group_of_scores_hides_one_that_counts(block: int, count: int) -> None:
    """Of more groups than ranks, and of fewer, with ties in and across groups, none is passed over that has a rank."""
    random = np.random.default_rng(3)
    queries, documents = (random.integers(-3, 4, (rows, 5)).astype(np.float32) for rows in (20, 2500))
    ceiling = random.integers(0, 20, 20).astype(np.float32)
    excluded = [np.flatnonzero(documents @ query > top).tolist() for query, top in zip(queries, ceiling, strict=True)]
    _, indices = streamed(queries, [documents], count, ceiling=ceiling, block=block, device="cpu", dtype=torch.float16)
    assert indices.tolist() == brute_force(queries, documents, excluded, count)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_large_scores_are_not_lost(sign: float) -> None:
    """From 2^24 on a score less one is rounded back to it, or to another; equal scores have ranks all the same."""
    documents = np.full((3000, 1), sign * 2.0**26, np.float32)
    values, indices = streamed(np.ones((20, 1), np.float32), [documents], 5, device="cpu")
    assert (values == sign * 2.0**26).all()
    assert indices.tolist() == [[0, 1, 2, 3, 4]] * 20


def test_zeros_of_either_sign_are_equal() -> None:
    """What float16 rounds to zero from below is in its place among zeros."""
    queries, documents = np.full((1, 1), 1e-5, np.float32), np.array([[-1e-4], [0], [1e-4], [1]], np.float32)
    values, indices = streamed(queries, [documents], 4, device="cpu", dtype=torch.float16)
    assert values[0, 1:].tolist() == [0, 0, 0]
    assert indices.tolist() == [[3, 0, 1, 2]]


def test_documents_read_ahead_are_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU gets every block once and in order, and hears of one that cannot be read."""
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: self)
    parts = [np.full((2, 1), number, np.float32) for number in range(5)]
    assert [part[0, 0].item() for part in ranks._ready(iter(parts), ahead=True)] == [0, 1, 2, 3, 4]
    assert list(ranks._ready(iter([]), ahead=True)) == []

    def broken() -> Iterator[np.ndarray]:
        yield parts[0]
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(ranks._ready(broken(), ahead=True))
