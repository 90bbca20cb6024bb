"""Batches of one source in which no row's positive stands among another row's negatives."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from sentence_transformers.base.sampler import DefaultBatchSampler

from rosberta.texts.normalisation import normal

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger(__name__)


class ApartBatchSampler(DefaultBatchSampler):
    """Batches of rows that are fit to be each other's negatives, newly drawn in every epoch.

    InfoNCE takes all texts of the other rows of a batch for negatives. Two rows are kept apart when one of them holds
    the other's anchor, or a positive that the other's anchor has in any row of the source, whatever its case, ё or
    punctuation. That two rows share a hard negative does no harm, so it is allowed; `NoDuplicatesBatchSampler` would
    keep them apart, and of a small source, where negatives recur, hardly fill a batch.

    Every row comes once an epoch, but for those that only fit into batches below a quarter of the largest: each such
    batch would weigh as much as a full one.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        drop_last: bool = False,
        valid_label_columns: list[str] | None = None,
        generator: torch.Generator | None = None,
        seed: int = 0,
    ) -> None:
        """Read the texts of `dataset`: anchor, positive, negatives, in the order of its columns."""
        super().__init__(dataset, batch_size, drop_last, valid_label_columns, generator, seed)
        columns = [dataset.data.column(name).to_pylist() for name in dataset.data.column_names]
        numbers: dict[str, int] = {}
        known: dict[str, int] = {}
        for column in columns:
            for text in column:
                if text not in known:
                    known[text] = numbers.setdefault(normal(text), len(numbers))
        self._texts = [frozenset(known[text] for text in row) for row in zip(*columns, strict=True)]
        pairs = [(known[anchor], known[positive]) for anchor, positive in zip(*columns[:2], strict=True)]
        own: dict[int, set[int]] = {}
        for anchor, positive in pairs:
            own.setdefault(anchor, {anchor}).add(positive)
        self._own = [own[anchor] for anchor, _ in pairs]
        self._epoch: int | None = None
        self._batches: list[list[int]] = []

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the batches of this epoch, as indices of rows."""
        return iter(self._of_epoch())

    def __len__(self) -> int:
        """Count the batches of this epoch."""
        return len(self._of_epoch())

    def _of_epoch(self) -> list[list[int]]:
        if self._epoch != self.epoch:
            self._epoch, self._batches = self.epoch, self._drawn()
        return self._batches

    def _drawn(self) -> list[list[int]]:
        order = torch.randperm(len(self._own), generator=torch.Generator().manual_seed(self.seed + self.epoch))
        waiting: deque[int] = deque(order.tolist())
        batches = []
        while waiting:
            batch, passed = self._batch(waiting)
            waiting.extendleft(reversed(passed))
            batches.append(batch)
        largest = max(map(len, batches), default=0)
        kept = [batch for batch in batches if 4 * len(batch) >= largest]
        left = sum(map(len, batches)) - sum(map(len, kept))
        if left:
            log.debug("%d of %d rows are left out of this epoch", left, len(order))
        return kept

    def _batch(self, waiting: deque[int]) -> tuple[list[int], list[int]]:
        """Take from the left what fits together until the batch is full; return it, and what was passed over."""
        batch: list[int] = []
        passed: list[int] = []
        texts: set[int] = set()
        own: set[int] = set()
        while waiting and len(batch) < self.batch_size:
            row = waiting.popleft()
            if self._own[row].isdisjoint(texts) and self._texts[row].isdisjoint(own):
                batch.append(row)
                texts |= self._texts[row]
                own |= self._own[row]
            else:
                passed.append(row)
        return batch, passed
