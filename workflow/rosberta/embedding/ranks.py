"""Exact ranks: for each query the documents in order of similarity, in blocks that bound memory.

Documents go to the device block by block, each once, and the best of all blocks so far stay there: what must fit is the
queries, their ranks, one block of documents and its scores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
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

ROUNDING = 2e-6
"""How far apart two sums of one dot product may lie that were taken in another order, of embeddings of length one. Of
8,000 pairs each of 64 to 4,096 numbers they lay 0.95e-6 apart at most."""

HALF_ROUNDING = 0.0005
"""How far a score of float16 may lie from that of float32, of embeddings of length one."""

GROUP = 32
"""Scores of which the highest tells whether any of them is looked at."""

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
    there = torch.from_numpy(_padded(queries, FEWEST_QUERIES if on_cpu else 1)).to(device, dtype)
    limits = None if ceiling is None else torch.from_numpy(ceiling.astype(np.float32)).to(device)[:, None]
    best = torch.full((len(queries), count), LOWEST, device=device)
    first = 0
    for part in _ready((part for whole in blocks for part in _cut(whole, block)), ahead=not on_cpu):
        number = len(part)
        documents = part.to(device, dtype, non_blocking=True)
        if lacking := -number % FEWEST_DOCUMENTS:  # groups and the CPU ask for more; what stands behind is taken out
            documents = torch.nn.functional.pad(documents, (0, 0, 0, lacking))
        rows = max(1, scores // max(1, number))
        for start in range(0, len(queries), rows):
            stop = min(start + rows, len(queries))
            # What is multiplied along begins earlier where the last queries would be too few.
            least = min(start, max(0, stop - FEWEST_QUERIES)) if on_cpu else start
            similar = there[least : max(stop, least + FEWEST_QUERIES) if on_cpu else stop] @ documents.T
            similar = similar[start - least : stop - least]
            similar[:, number:] = -torch.inf
            if limits is not None:
                similar.masked_fill_(similar > limits[start:stop], -torch.inf)
            if removed is not None:
                pairs = np.stack(removed(start, stop, first, first + number))
                if pairs.size:
                    similar[tuple(_sent(torch.from_numpy(pairs), device))] = -torch.inf
            best[start:stop] = _better(best[start:stop], similar, first)
        first += number
    best = best[:, :first].cpu()
    return _scores(best).numpy(), (LAST - (best & LAST)).numpy()


LAST = 2**32 - 1
"""The last place that a rank can have: the lower 32 bits of it hold how far a place is from here."""

LOWEST = (-0x7F800001 << 32) | LAST
"""The rank of what is none: a score of -inf, at place 0."""


def _ranked(scores: Tensor, places: Tensor) -> Tensor:
    """Ranks, int64, of which the higher goes first: that of the higher score, and of equal ones of the lower place."""
    import torch

    bits = (scores + 0.0).view(torch.int32)  # of two zeros none goes first
    return ((bits ^ ((bits >> 31) & 0x7FFFFFFF)).long() << 32) | (LAST - places)


def _scores(ranks: Tensor) -> Tensor:
    """The scores, float32, that ranks are of."""
    import torch

    bits = (ranks >> 32).int()
    return (bits ^ ((bits >> 31) & 0x7FFFFFFF)).view(torch.float32)


def _better(best: Tensor, similar: Tensor, first: int) -> Tensor:
    """The highest ranks of each query, sorted, of those so far and those of further documents.

    Most documents are worse than the last that a query has, and so are most groups of them, so that a product is read
    once, and only few of its scores are looked at again.

    Args:
        best: ranks, int64, (queries, count), sorted.
        similar: scores, (queries, documents); a multiple of `GROUP` documents.
        first: place of the first document.
    """
    import torch

    groups = similar.view(len(similar), GROUP, -1)
    highest = groups.amax(dim=1).float()
    floor, count = _scores(best[:, -1:]), best.shape[1]
    if count <= highest.shape[1] and floor.isinf().any():
        # So many groups have a score as high as the last of their highest, or higher.
        last = highest.topk(count, dim=1).values[:, -1:]
        floor = torch.maximum(floor, torch.nextafter(last, torch.full_like(last, -torch.inf)))
    query, group = (highest > floor).nonzero(as_tuple=True)
    inside = groups[query, :, group].float()
    found, place = (inside > floor[query]).nonzero(as_tuple=True)
    query, group = query[found], group[found]
    if not len(query):
        return best
    numbers = torch.bincount(query, minlength=len(best))
    columns = torch.arange(len(query), device=query.device) - (numbers.cumsum(0) - numbers)[query]
    fresh = best.new_full((len(best), int(numbers.max())), LOWEST)
    fresh[query, columns] = _ranked(inside[found, place], first + place * groups.shape[2] + group)
    return torch.cat([best, fresh], dim=1).topk(count, dim=1).values


def _padded(embeddings: np.ndarray, fewest: int) -> np.ndarray:
    """Embeddings, with zeros behind them where they are too few."""
    lacking = max(0, fewest - len(embeddings))
    return np.pad(embeddings, ((0, lacking), (0, 0))) if lacking else embeddings


def _cut(documents: np.ndarray, block: int) -> Iterator[np.ndarray]:
    for start in range(0, len(documents), block):
        yield documents[start : start + block]


def _sent(there: Tensor, device: str) -> Tensor:
    """A tensor on a device; a GPU takes it from pinned memory, for which nothing waits."""
    return there if device == "cpu" else there.pin_memory().to(device, non_blocking=True)


def _ready(parts: Iterator[np.ndarray], *, ahead: bool) -> Iterator[Tensor]:
    """Yield parts as tensors; `ahead`: the next is read, into pinned memory, while a GPU works on the last."""
    import torch

    if not ahead:
        yield from map(torch.from_numpy, parts)
        return

    def read() -> Tensor | None:
        part = next(parts, None)
        return None if part is None else torch.from_numpy(part).pin_memory()

    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(read)
        while (part := coming.result()) is not None:
            coming = thread.submit(read)
            yield part
