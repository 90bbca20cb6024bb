"""Exact ranks: for each query the documents in order of similarity, in blocks that bound memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 64_000_000
"""Scores held at once: 256 MB of float32."""


def ranked(
    queries: np.ndarray, documents: np.ndarray, excluded: Sequence[Sequence[int]], count: int, block: int = BLOCK
) -> list[np.ndarray]:
    """Rank documents for each query by dot product, highest first; of equal ones the lower index goes first.

    Args:
        queries: float32, (queries, dimension).
        documents: float32, (documents, dimension).
        excluded: for each query the indices of documents that are removed before ranks are counted.
        count: ranks wanted.
        block: scores held at once, at most (and at least one query's).

    Returns:
        For each query the indices of its first `count` documents, or of all that are not excluded if there are fewer.
    """
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    queries_there, documents_there = torch.from_numpy(queries).to(device), torch.from_numpy(documents).to(device)
    rows = max(1, block // max(1, len(documents)))
    ranks: list[np.ndarray] = []
    progress = tqdm(total=len(queries), desc="rank", unit="query")
    for start in range(0, len(queries), rows):
        removed = excluded[start : start + rows]
        scores = queries_there[start : start + rows] @ documents_there.T
        places = [index for indices in removed for index in indices]
        of_query = [query for query, indices in enumerate(removed) for _ in indices]
        scores[of_query, places] = -torch.inf
        for best, score in zip(*_best(scores, min(count, len(documents))), strict=True):
            ranks.append(best[score > -torch.inf].cpu().numpy())
        progress.update(len(removed))
    progress.close()
    return ranks


def _best(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Indices and scores of the `count` highest scores of each row; of equal ones the lower index goes first."""
    values, indices = scores.topk(count, dim=1)
    # Which of several equal scores topk takes as the last is not defined.
    last = values[:, -1:]
    contested = ((scores >= last).sum(dim=1, keepdim=True) > count) & last.isfinite()
    for row in contested.flatten().nonzero().flatten().tolist():
        candidates = (scores[row] >= last[row]).nonzero().flatten()
        order = scores[row, candidates].argsort(descending=True, stable=True)[:count]
        indices[row], values[row] = candidates[order], scores[row, candidates[order]]
    indices, order = indices.sort(dim=1)
    values = values.gather(1, order)
    order = values.argsort(dim=1, descending=True, stable=True)
    return indices.gather(1, order), values.gather(1, order)
