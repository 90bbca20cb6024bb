"""Exact ranks: for each query the documents in order of similarity, in blocks that bound memory.

Documents go to the device block by block, each once, and the best of all blocks so far stay there: what must fit is the
queries, their ranks, one block of documents and its scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

if TYPE_CHECKING:
    from torch import Tensor

SCORES = 64_000_000
"""Scores held at once: 256 MB of float32."""

DOCUMENTS = 131_072
"""Documents on the device at once: 512 MB of 1,024 numbers each."""


def ranked(
    queries: np.ndarray,
    documents: np.ndarray,
    excluded: Sequence[Sequence[int]],
    count: int,
    *,
    scores: int = SCORES,
    block: int = DOCUMENTS,
) -> list[np.ndarray]:
    """Rank documents for each query by dot product, highest first; of equal ones the lower index goes first.

    Args:
        queries: float32, (queries, dimension).
        documents: float32, (documents, dimension).
        excluded: for each query the indices of documents that are removed before ranks are counted.
        count: ranks wanted.
        scores: held at once, at most (and at least one query's with a block of documents).
        block: documents on the device at once.

    Returns:
        For each query the indices of its first `count` documents, or of all that are not excluded if there are fewer.
    """
    removed = np.array(
        [(query, index) for query, indices in enumerate(excluded) for index in indices], np.int64
    ).reshape(-1, 2)
    with tqdm(total=len(documents), desc="rank", unit="document") as bar:
        values, indices = _best(queries, _shown(_cut(documents, block), bar), count, scores, removed)
    return [best[value > -np.inf] for value, best in zip(values, indices, strict=True)]


def streamed(
    queries: np.ndarray,
    blocks: Iterable[np.ndarray],
    count: int,
    *,
    scores: int = SCORES,
    block: int = DOCUMENTS,
) -> tuple[np.ndarray, np.ndarray]:
    """Rank documents that come in blocks by dot product, highest first; of equal ones the lower index goes first.

    Args:
        queries: float32, (queries, dimension).
        blocks: float32, (documents of the block, dimension) each; indices count on from block to block.
        count: ranks wanted.
        scores: held at once, at most (and at least one query's with a block of documents).
        block: documents on the device at once; larger blocks are cut.

    Returns:
        Scores, float32, and indices, int64, both (queries, `count` or all documents if there are fewer).
    """
    cut = (part for whole in blocks for part in _cut(whole, block))
    return _best(queries, cut, count, scores, np.empty((0, 2), np.int64))


def _best(
    queries: np.ndarray, blocks: Iterable[np.ndarray], count: int, scores: int, removed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """As `streamed`; `removed` holds pairs (query, document), sorted by query, whose score is -inf."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    there = torch.from_numpy(queries).to(device)
    values = torch.empty((len(queries), 0), device=device)
    indices = torch.empty((len(queries), 0), dtype=torch.int64, device=device)
    first = 0
    for block in blocks:
        documents = torch.from_numpy(block).to(device)
        within = removed[(removed[:, 1] >= first) & (removed[:, 1] < first + len(block))]
        rows = max(1, scores // max(1, len(block)))
        kept = []
        for start in range(0, len(queries), rows):
            similar = there[start : start + rows] @ documents.T
            low, high = within[:, 0].searchsorted([start, start + rows])
            query, document = torch.from_numpy(within[low:high] - [start, first]).to(device).unbind(1)
            similar[query, document] = -torch.inf
            found, places = _highest(similar, min(count, len(block)))
            # Documents of earlier blocks stand first, and a stable sort leaves them there among equals.
            merged = torch.cat([values[start : start + rows], found], dim=1)
            merged, order = merged.sort(dim=1, descending=True, stable=True)
            place = torch.cat([indices[start : start + rows], places + first], dim=1).gather(1, order)
            kept.append((merged[:, :count], place[:, :count]))
        if kept:
            values, indices = (torch.cat(parts) for parts in zip(*kept, strict=True))
        first += len(block)
    return values.cpu().numpy(), indices.cpu().numpy()


def _highest(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` highest scores of each row and their places; of equal ones the lower place goes first."""
    values, places = scores.topk(count, dim=1)
    # Which of several equal scores topk takes as the last is not defined.
    last = values[:, -1:]
    contested = ((scores >= last).sum(dim=1, keepdim=True) > count) & last.isfinite()
    for row in contested.flatten().nonzero().flatten().tolist():
        candidates = (scores[row] >= last[row]).nonzero().flatten()
        order = scores[row, candidates].argsort(descending=True, stable=True)[:count]
        places[row], values[row] = candidates[order], scores[row, candidates[order]]
    places, order = places.sort(dim=1)
    values = values.gather(1, order)
    values, order = values.sort(dim=1, descending=True, stable=True)
    return values, places.gather(1, order)


def _cut(documents: np.ndarray, block: int) -> Iterator[np.ndarray]:
    for start in range(0, len(documents), block):
        yield documents[start : start + block]


def _shown(blocks: Iterable[np.ndarray], bar: tqdm) -> Iterator[np.ndarray]:
    for block in blocks:
        yield block
        bar.update(len(block))
