"""The teacher: its scores of anchors and documents, and the documents that it finds likely, but not likeliest."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from rosberta.embedding.ranks import HALF_ROUNDING, ROUNDING
from rosberta.frame.artifacts import EMBEDDINGS
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake
from rosberta.mining.pool import Pool
from rosberta.outside.pins import fetch

if TYPE_CHECKING:
    from rosberta.embedding.matrix import Matrix
    from rosberta.experiment.corpus import CrossEncoder, Mine

AT_ONCE = {"cpu": 4096, "cuda": 131_072}
"""Texts embedded between two moments at which what is done is kept: what a kill costs."""

KNOWN = 20_000_000
"""Pairs of an anchor and what is none of its negatives that are remembered from block to block of documents."""

ON_CPU = 16_384
"""Documents that a CPU multiplies along at once: a product of few queries and many documents is slow."""


class Embedded(NamedTuple):
    """A pool in the eyes of a teacher."""

    anchors: Matrix
    documents: Matrix

    @classmethod
    def by(cls, settings: Mine, pool: Pool, folder: Path) -> Self:
        """Embed a pool by the teacher that the parameters name, with the cache that evaluation has, too."""
        from rosberta.embedding.cache import EmbeddingCache
        from rosberta.embedding.embedder import Embedder
        from rosberta.embedding.matrix import embedded

        assert settings.teacher is not None, "the doors see to it where there are sources"
        with one_thread():
            devices = devices_of(settings)
            teacher = Embedder.load(
                _own(*settings.own_teacher) if settings.own_teacher else fetch("model", settings.teacher),
                settings.pooling,
                settings.max_length,
                precision=settings.precision,
                batch_tokens=settings.batch_tokens,
                cache=EmbeddingCache(EMBEDDINGS, int(1e9 * settings.cache_gb)) if settings.cache_gb else None,
                devices=devices,
            )
            at_once = AT_ONCE[devices[0].partition(":")[0]]
            return cls(
                *(
                    embedded(teacher, texts, prompt, folder / f"{name}.f32", at_once=at_once, progress=f"embed {name}")
                    for name, texts, prompt in (
                        ("anchors", pool.anchors, settings.query_prompt),
                        ("documents", pool.documents, settings.document_prompt),
                    )
                )
            )


def _own(folder: str, expected: str) -> Path:
    """A folder of one's own, held to its digest.

    Raises:
        Mistake: its content is another.
    """
    if (found := digest(Path(folder))) != expected:
        raise Mistake(f"minings: the content of {folder} is {found}, not {expected}; restore it, or write that")
    return Path(folder)


def devices_of(settings: Mine) -> list[str]:
    """What shares the work: all GPUs, or so many threads of the CPU."""
    import torch

    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] or ["cpu"] * settings.threads


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch take one thread a product, so that no sum depends on their number; several products run at once."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def ceilings(settings: Mine, pool: Pool, embedded: Embedded, anchors: np.ndarray) -> np.ndarray | None:
    """The score above which a document is no negative of an anchor, float32, as the filters have it; None: without.

    The margins are those of `sentence_transformers.util.mine_hard_negatives`, taken from the anchor's positive of the
    lowest score. A document is higher if it is by more than rounding: one whose embedding is the positive's is not.
    """
    if not settings.filters:
        return None
    places, documents = pool.answers.of_keys(anchors)
    lowest = np.full(len(anchors), np.inf, np.float32)
    queries = embedded.anchors.read(0, len(embedded.anchors))
    np.minimum.at(lowest, places, embedded.documents.dots(queries, (anchors[places], documents)))
    coarse = settings.search == "fp16" and devices_of(settings)[0] != "cpu"
    limits: np.ndarray = limits_of(settings, lowest) + np.float32(HALF_ROUNDING if coarse else ROUNDING)
    return limits


def limits_of(settings: Mine | CrossEncoder, lowest: np.ndarray) -> np.ndarray:
    """The highest scores of a negative, float32, where the positive of the lowest score has these, float32."""
    limits = np.full(len(lowest), np.inf if settings.max_score is None else settings.max_score, np.float32)
    if settings.absolute_margin is not None:
        limits = np.minimum(limits, lowest - np.float32(settings.absolute_margin))
    if settings.relative_margin is not None:
        limits = np.minimum(limits, lowest - np.abs(lowest) * np.float32(settings.relative_margin))
    return limits


def window(settings: Mine, pool: Pool, embedded: Embedded, anchors: np.ndarray) -> np.ndarray:
    """For each anchor the documents from `first_rank` to `last_rank`, as `mine.ranks` counts them.

    Returns:
        int32, (anchors, documents of a window at most): in the teacher's order; -1 where there are fewer, last.
    """
    limits = ceilings(settings, pool, embedded, anchors)
    devices = devices_of(settings)
    parts = [part for part in np.array_split(np.arange(len(anchors)), len(devices)) if len(part)]

    def search(part: np.ndarray, device: str) -> np.ndarray:
        return _searched(settings, pool, embedded, anchors[part], None if limits is None else limits[part], device)

    with one_thread(), ThreadPoolExecutor(len(devices)) as threads:
        found = list(threads.map(search, parts, devices[: len(parts)]))
    return np.concatenate([np.zeros((0, settings.last_rank - settings.first_rank), np.int32), *found])


def _searched(
    settings: Mine, pool: Pool, embedded: Embedded, anchors: np.ndarray, limits: np.ndarray | None, device: str
) -> np.ndarray:
    import torch

    from rosberta.embedding.ranks import DOCUMENTS, SCORES, streamed

    queries = embedded.anchors.read(int(anchors[0]), int(anchors[-1]) + 1)
    if len(queries) > len(anchors):
        queries = queries[anchors - anchors[0]]
    raw = settings.ranks == "before_removal"

    known: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
    room = KNOWN

    def removed(first: int, last: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
        nonlocal room
        # Of fewer documents, as in a last block, more anchors are looked at together: `first` alone does not name them.
        found = known.get((first, last))
        if found is None:
            places, documents = pool.related(anchors[first:last])
            order = documents.argsort(kind="stable")
            found = places[order], documents[order]
            if len(order) <= room:
                known[first, last] = found
                room -= len(order)
        start, stop = found[1].searchsorted([low, high])
        return found[0][start:stop], found[1][start:stop] - low

    block = ON_CPU if device == "cpu" else DOCUMENTS
    scores, documents = streamed(
        queries,
        embedded.documents.blocks(block),
        settings.last_rank,
        removed=None if raw else removed,
        ceiling=None if raw else limits,
        device=device,
        dtype=torch.float16 if settings.search == "fp16" and device != "cpu" else torch.float32,
        scores=SCORES // 16 if device == "cpu" else 16 * SCORES,
        block=block,
    )
    found = np.full((len(anchors), settings.last_rank - settings.first_rank), -1, np.int32)
    for start in range(0, len(anchors), AT_ONCE["cpu"]):
        some = slice(start, start + AT_ONCE["cpu"])
        fit = scores[some] > -np.inf
        if raw:
            places, others = pool.related(anchors[some])
            step = max(1, len(pool.documents))
            fit &= ~np.isin(np.arange(len(fit))[:, None] * step + documents[some], places * step + others)
            fit &= True if limits is None else scores[some] <= limits[some, None]
        inside, fit = documents[some, settings.first_rank :], fit[:, settings.first_rank :]
        # What is fit first, in its order.
        order = (~fit).argsort(axis=1, kind="stable")
        found[some, : inside.shape[1]] = np.take_along_axis(np.where(fit, inside, -1), order, axis=1)
    return found
