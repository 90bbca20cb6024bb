"""What a row takes: its own negatives, then candidates in the order of its anchor (`rosberta.mining.order`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

import numpy as np

from rosberta.mining.order import Order
from rosberta.mining.pool import Pool

TooFew = Literal["drop", "fill", "short"]
ORIGINS = ("provided", "mined", "random")
"""Where negatives come from."""


@dataclass
class Choice:
    """The negatives of each row.

    A draw depends on the seed, the source, the anchor and the documents that it may take, not on the order or number of
    rows: where these give an anchor the same candidates, it takes the same ones.
    """

    pool: Pool
    order: Order
    negatives: int
    """Wanted by each row."""
    too_few: TooFew
    """What becomes of a row that has too few candidates: it is dropped, filled at random, or keeps fewer."""
    windows: np.ndarray | None = None
    """int32, (anchors, candidates): documents that the teacher's ranks allow, -1 where there are fewer; None: all
    documents are allowed, but those that are the anchor's own."""
    counts: Counter[str] = field(default_factory=Counter)
    """Of the rows that were kept: negatives by origin; ``too_few_candidates``, rows that had, whatever became of them;
    ``filled`` and ``short``, what did."""

    def lacking(self) -> np.ndarray:
        """The anchors of rows that bring too few negatives of their own, int64, sorted."""
        lengths = np.diff(self.pool.given.starts)
        enough = (lengths >= self.negatives).nonzero()[0]
        short = [
            row
            for row, own in zip(enough.tolist(), self.pool.related_of_rows(enough), strict=True)
            if len(self._fit(row, own)) < self.negatives
        ]
        return np.unique(self.pool.rows[np.concatenate([(lengths < self.negatives).nonzero()[0], short]).astype(int)])

    def of_row(self, row: int, own: np.ndarray) -> tuple[list[int], list[int]] | None:
        """What a row takes: places in its own negatives, in their order, and documents; None: it is dropped.

        Args:
            row: its number.
            own: documents and what else is not its anchor's negative (`Pool.related`), sorted.
        """
        anchor = int(self.pool.rows[row])
        form = int(self.pool.anchor_forms[anchor])
        forms = self._given(row)
        places = self._fit(row, own)
        if len(places) > self.negatives:
            hashes = self.order.hashes(form, forms[places])
            places = np.sort(places[hashes.argsort(kind="stable")[: self.negatives]])
        taken = {int(form) for form in forms[places]}
        wanted = self.negatives - len(places)
        found = list(islice(self._candidates(anchor, form, own, taken), wanted)) if wanted else []
        mined = 0 if self.windows is None else len(found)
        filled = False
        if len(found) < wanted:
            self.counts["too_few_candidates"] += 1
            if self.too_few == "fill" and self.windows is not None:
                taken |= {int(self.pool.document_forms[document]) for document in found}
                found += islice(self._any(form, own, taken), wanted - len(found))
                filled = True
            if len(found) < wanted and self.too_few != "short":
                return None
        self.counts["filled"] += filled
        self.counts["short"] += len(found) < wanted
        for origin, number in zip(ORIGINS, (len(places), mined, len(found) - mined), strict=True):
            self.counts[origin] += number
        return places.tolist(), found

    def _given(self, row: int) -> np.ndarray:
        return self.pool.given.values[self.pool.given.starts[row] : self.pool.given.starts[row + 1]]

    def _fit(self, row: int, own: np.ndarray) -> np.ndarray:
        """Places of a row's own negatives that are some, one of each form: the first."""
        forms = self._given(row)
        places = np.sort(np.unique(forms, return_index=True)[1])
        documents = self.pool.of_forms(forms[places])
        fit: np.ndarray = places[(documents >= 0) & ~np.isin(documents, own)]
        return fit

    def _candidates(self, anchor: int, form: int, own: np.ndarray, taken: set[int]) -> Iterator[int]:
        if self.windows is None:
            yield from self._any(form, own, taken)
            return
        allowed = self.windows[anchor]
        allowed = np.sort(allowed[allowed >= 0])
        hashes = self.order.hashes(form, self.pool.document_forms[allowed])
        for document in allowed[hashes.argsort(kind="stable")].tolist():
            if int(self.pool.document_forms[document]) not in taken:
                yield document

    def _any(self, form: int, own: np.ndarray, taken: set[int]) -> Iterator[int]:
        """All documents but the anchor's own and those taken."""
        others = set(own.tolist())
        for document in self.order.sorted(form, self.pool.document_forms):
            if document not in others and int(self.pool.document_forms[document]) not in taken:
                yield document
