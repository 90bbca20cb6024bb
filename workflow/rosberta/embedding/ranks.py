"""Exact ranks: for each query the documents in order of similarity, in blocks that bound memory.

Documents go to the device block by block, each once, and the best of all blocks so far stay there: what must fit is the
queries, their ranks, one block of documents and its scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor

SCORES = 64_000_000
"""Scores held at once: 256 MB of float32."""

DOCUMENTS = 131_072
"""Documents on the device at once: 512 MB of 1,024 numbers each."""

FEWEST_QUERIES, FEWEST_DOCUMENTS = 16, 1024
"""Of what a product is made on a CPU: with fewer its sums are taken in another order, so that the score of a query and
a document would depend on how many others there are. Tried with one thread and 32 to 1,024 numbers an embedding."""

Removed = Callable[[int, int, int, int], tuple[np.ndarray, np.ndarray]]
"""From a range of queries and one of documents (first, last, first, last) to pairs that are not ranked: places in
either range."""


def streamed(
    queries: np.ndarray,
    blocks: Iterable[np.ndarray],
    count: int,
    *,
    removed: Removed | None = None,
    ceiling: np.ndarray | None = None,
    device: str | None = None,
    dtype: torch.dtype | None = None,
    scores: int = SCORES,
    block: int = DOCUMENTS,
) -> tuple[np.ndarray, np.ndarray]:
    """Rank documents that come in blocks by dot product, highest first; of equal ones the lower index goes first.

    On a CPU where torch has one thread, a score depends on its query and document alone, so that neither other queries
    or documents nor the sizes of blocks move a rank.

    Args:
        queries: float32, (queries, dimension).
        blocks: float32, (documents of the block, dimension) each; indices count on from block to block.
        count: ranks wanted.
        removed: tells pairs of queries and documents that are taken out before ranks are counted; None: none are.
        ceiling: float32, (queries,): documents with a higher score are taken out, too; None: none are.
        device: None: the first GPU, or else the CPU.
        dtype: of the products and the scores; None: float32.
        scores: held at once, at most (and at least one query's with a block of documents).
        block: documents on the device at once; larger blocks are cut.

    Returns:
        Scores, float32, and indices, int64, both (queries, `count` or all documents if there are fewer). The score of
        what is taken out is -inf; it comes last.
    """
    import torch

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    on_cpu = torch.device(device).type == "cpu"
    dtype = dtype or torch.float32
    there = torch.from_numpy(_padded(queries, FEWEST_QUERIES if on_cpu else 0)).to(device, dtype)
    limits = None if ceiling is None else torch.from_numpy(ceiling.astype(np.float32)).to(device)[:, None]
    values = torch.empty((len(queries), 0), device=device)
    indices = torch.empty((len(queries), 0), dtype=torch.int64, device=device)
    first = 0
    for part in (part for whole in blocks for part in _cut(whole, block)):
        documents = torch.from_numpy(_padded(part, FEWEST_DOCUMENTS if on_cpu else 0)).to(device, dtype)
        rows = max(1, scores // max(1, len(part)))
        kept = []
        for start in range(0, len(queries), rows):
            stop = min(start + rows, len(queries))
            # What is multiplied along begins earlier where the last queries would be too few.
            least = min(start, max(0, stop - FEWEST_QUERIES)) if on_cpu else start
            similar = (there[least : max(stop, least + FEWEST_QUERIES) if on_cpu else stop] @ documents.T)[
                start - least : stop - least, : len(part)
            ]
            if limits is not None:
                similar.masked_fill_(similar > limits[start:stop], -torch.inf)
            if removed is not None:
                pairs = removed(start, stop, first, first + len(part))
                if len(pairs[0]):
                    query, document = (torch.from_numpy(each).to(device) for each in pairs)
                    similar[query, document] = -torch.inf
            found, places = _highest(similar, min(count, len(part)))
            # Documents of earlier blocks stand first, and a stable sort leaves them there among equals.
            merged = torch.cat([values[start:stop], found.float()], dim=1)
            merged, order = merged.sort(dim=1, descending=True, stable=True)
            place = torch.cat([indices[start:stop], places + first], dim=1).gather(1, order)
            kept.append((merged[:, :count], place[:, :count]))
        if kept:
            values, indices = (torch.cat(parts) for parts in zip(*kept, strict=True))
        first += len(part)
    return values.cpu().numpy(), indices.cpu().numpy()


def _highest(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` highest scores of each row and their places; of equal ones the lower place goes first."""
    values, places = scores.topk(count, dim=1)
    # Which of several equal scores topk takes as the last is not defined.
    last = values[:, -1:]
    contested = ((scores >= last).sum(dim=1, keepdim=True) > count) & last.isfinite()
    rows = contested.flatten().nonzero().flatten()
    if len(rows):
        among, lowest = scores[rows], last[rows]
        equal = among == lowest
        room = count - (among > lowest).sum(dim=1, keepdim=True)
        taken = (among > lowest) | (equal & (equal.cumsum(dim=1) <= room))
        places[rows] = taken.nonzero()[:, 1].view(len(rows), count)
        values = scores.gather(1, places)
    places, order = places.sort(dim=1)
    values = values.gather(1, order)
    values, order = values.sort(dim=1, descending=True, stable=True)
    return values, places.gather(1, order)


def _padded(embeddings: np.ndarray, fewest: int) -> np.ndarray:
    """Embeddings, with zeros behind them where they are too few."""
    lacking = max(0, fewest - len(embeddings))
    return np.pad(embeddings, ((0, lacking), (0, 0))) if lacking else embeddings


def _cut(documents: np.ndarray, block: int) -> Iterator[np.ndarray]:
    for start in range(0, len(documents), block):
        yield documents[start : start + block]
