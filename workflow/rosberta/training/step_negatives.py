"""Negatives from a whole step: which documents of its device batches are none of an anchor's negatives.

Within a device batch the schedule has seen to it that nobody's negative is a positive. Across device batches documents
that are known to be relevant are left out of an anchor's softmax instead: those that are the anchor itself, or one of
its positives in any row of its source, in normal form; and of other sources those of the same text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rosberta.training.contrastive import Batch, Source


def known_pairs(source: Source) -> np.ndarray:
    """The anchors of a source with each of their positives, int64 (pairs, 2), as numbers of forms, sorted by anchor."""
    return np.unique(np.concatenate([np.asarray(source.forms[:, :2]), np.asarray(source.positives)]), axis=0)


def left_out(batches: Sequence[Batch], rows: Sequence[int], pairs: Sequence[np.ndarray]) -> np.ndarray:
    """Which documents are none of which anchor's negatives.

    Args:
        batches: of the step.
        rows: numbers of the device batches whose rows are asked for.
        pairs: of each device batch the `known_pairs` of its source.

    Returns:
        bool, (rows of these batches, documents of all batches).
    """
    sizes = np.array([len(batch.documents) for batch in batches])
    starts = np.concatenate([[0], np.cumsum(sizes)])
    found = np.zeros((sum(batches[number].rows for number in rows), starts[-1]), bool)
    texts = np.concatenate([batch.document_hashes for batch in batches])
    row = 0
    for number in rows:
        asking = batches[number]
        each = np.arange(row, row + asking.rows)
        row += asking.rows
        for hashes in asking.row_hashes.T:
            _mark(found, each, hashes, np.arange(starts[-1]), texts)
        first, last = (np.searchsorted(pairs[number][:, 0], asking.anchors, side) for side in ("left", "right"))
        counts = last - first
        positives = pairs[number][np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum()), 1]
        for place, batch in enumerate(batches):
            if batch.source is asking.source:
                there = np.arange(starts[place], starts[place + 1])
                _mark(found, each, asking.anchors, there, batch.documents)
                _mark(found, np.repeat(each, counts), positives, there, batch.documents)
    return found


def _mark(found: np.ndarray, rows: np.ndarray, wanted: np.ndarray, places: np.ndarray, values: np.ndarray) -> None:
    """Mark of each row the places whose value it wants."""
    order = np.argsort(values, kind="stable")
    first, last = (np.searchsorted(values[order], wanted, side) for side in ("left", "right"))
    counts = last - first
    each = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    found[np.repeat(rows, counts), places[order[each]]] = True
