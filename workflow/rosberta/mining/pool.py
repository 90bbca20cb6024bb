"""The documents that a source draws from and who belongs to whom, as integers; the texts themselves lie in a file.

A text counts by its normal form (`rosberta.texts.normalisation`), and a form by its hash of 64 bits. Documents are all
positives and negatives of the rows, of the source and of others that share the pool, and single texts of these, one of
each form. What is relevant to an anchor in one source is none of its negatives in another. Documents are numbered in
the order of their hashes, so that neither the order of rows nor a row more moves one of two documents before the other.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np

from rosberta.frame.rows import read_batches
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal

EXPANDED = 4_000_000
"""Pairs of an anchor and a document that belong together, looked at together at most, but for one anchor's."""

ROWS = 256
"""Rows whose anchors are looked at together."""

_EMPTY = hash_text("")
"""The form of texts without any letter or digit. They tell nothing, and are no documents."""


class Lists(NamedTuple):
    """Lists of integers, one after the other."""

    values: np.ndarray
    starts: np.ndarray
    """int64, (lists + 1,): where each begins."""

    @classmethod
    def of(cls, keys: np.ndarray, values: np.ndarray, number: int) -> Self:
        """The distinct values of each key from 0 to `number` - 1, sorted."""
        pairs = np.unique(np.stack([keys, values], axis=1).astype(np.int64), axis=0)
        starts = np.searchsorted(pairs[:, 0], np.arange(number + 1))
        return cls(pairs[:, 1].copy(), starts)

    def lengths(self, keys: np.ndarray) -> np.ndarray:
        """How many values each of some keys has."""
        return self.starts[keys + 1] - self.starts[keys]

    def of_keys(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values of all these keys: places in `keys`, and values."""
        lengths = self.lengths(keys)
        places = np.repeat(np.arange(len(keys)), lengths)
        within = np.arange(len(places)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return places, self.values[self.starts[keys][places] + within]


class Texts(Sequence[str]):
    """Texts in a file, read one by one, so that none is in memory."""

    def __init__(self, path: Path, starts: np.ndarray, lengths: np.ndarray) -> None:
        """Open the file, whose bytes from each start on, so many, are a text."""
        self._file = path.open("rb")
        self._starts, self._lengths = starts, lengths

    def __len__(self) -> int:
        """Count the texts."""
        return len(self._starts)

    def __getitem__(self, place: Any) -> Any:
        """A text, or those of a slice."""
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        content = os.pread(self._file.fileno(), int(self._lengths[place]), int(self._starts[place]))
        return content.decode("utf-8", "surrogatepass")


class _Side:
    """Distinct texts of one kind as they come, written to a file; of those of one form the one to stand for it."""

    def __init__(self, path: Path) -> None:
        self._path, self._file, self._end = path, path.open("wb"), 0
        self._seen: set[int] = set()
        self._columns = tuple(array("Q") for _ in range(4))

    def add(self, text: str, form: int) -> None:
        number = hash_text(text)
        if number in self._seen:
            return
        self._seen.add(number)
        content = text.encode("utf-8", "surrogatepass")
        self._file.write(content)
        for column, value in zip(self._columns, (form, number, self._end, len(content)), strict=True):
            column.append(value)
        self._end += len(content)

    def close(self) -> tuple[np.ndarray, Texts]:
        """Forms, uint64 and sorted, and the text of each: of several the one with the smallest hash."""
        self._file.close()
        self._seen.clear()
        forms, numbers, starts, lengths = (np.frombuffer(column, np.uint64) for column in self._columns)
        order = np.lexsort((numbers, forms))
        first = np.ones(len(order), bool)
        first[1:] = forms[order][1:] != forms[order][:-1]
        kept = order[first]
        return forms[kept], Texts(self._path, starts[kept], lengths[kept])


class Pool:
    """What rows of a source may draw from."""

    def __init__(self, rows: Path, folder: Path, others: Iterable[Path] = ()) -> None:
        """Read the rows of a file, and further documents.

        Args:
            rows: a parquet file of rows.
            folder: where the texts are written, which must last as long as the pool.
            others: parquet files of the rows of other sources, or of single texts, which have no positive.
        """
        folder.mkdir(parents=True, exist_ok=True)
        asked, told = _Side(folder / "anchors.bin"), _Side(folder / "documents.bin")
        columns = tuple(array("Q") for _ in range(5))
        anchors, positives, given, judged, askers = columns
        starts = [0]

        def document(text: str) -> int:
            form = hash_text(normal(text))
            if form != _EMPTY:
                told.add(text, form)
            return form

        for batch in read_batches(rows, ["anchor", "positive", "negatives", "positives"]):
            for row in batch:
                anchor = hash_text(normal(row["anchor"]))
                asked.add(row["anchor"], anchor)
                anchors.append(anchor)
                positives.append(document(row["positive"]))
                given.extend(document(text) for text in row["negatives"])
                starts.append(len(given))
                for text in row["positives"]:
                    judged.append(document(text))
                    askers.append(anchor)
        elsewhere = tuple(array("Q") for _ in range(2))
        for path in others:
            for batch in read_batches(path, ["anchor", "positive", "negatives", "positives"]):
                for row in batch:
                    if row["positive"] is None:
                        document(row["anchor"])
                        continue
                    form = hash_text(normal(row["anchor"]))
                    for text in (row["positive"], *row["positives"]):
                        elsewhere[0].append(form)
                        elsewhere[1].append(document(text))
                    for text in row["negatives"]:
                        document(text)
        self.anchor_forms, self.anchors = asked.close()
        self.document_forms, self.documents = told.close()
        anchors, positives, given, judged, askers = (np.frombuffer(column, np.uint64) for column in columns)  # type: ignore[assignment]
        self.rows = np.searchsorted(self.anchor_forms, anchors)
        """int64, (rows,): each row's anchor."""
        self.given = Lists(np.asarray(given), np.array(starts, np.int64))
        """uint64: forms of the negatives that each row brings, in its order."""
        others_asked, others_told = (np.frombuffer(column, np.uint64) for column in elsewhere)
        forms = np.concatenate([anchors, askers, others_asked])
        told_forms = np.concatenate([positives, judged, others_told])
        self._link(forms, told_forms)

    def _link(self, forms: np.ndarray, told: np.ndarray) -> None:
        """Note who belongs to whom, of pairs (form of an anchor, form of what is relevant to it)."""
        nodes = np.unique(np.concatenate([self.document_forms, told, forms]))
        left, right = nodes.searchsorted(forms), nodes.searchsorted(told)
        document = np.full(len(nodes), -1, np.int64)
        document[nodes.searchsorted(self.document_forms)] = np.arange(len(self.document_forms))
        self._node = nodes.searchsorted(self.anchor_forms)
        self._document = document
        both = np.concatenate([left, right]), np.concatenate([right, left])
        self._links = Lists.of(*both, len(nodes))
        found = document[both[1]] >= 0
        self._told = Lists.of(both[0][found], document[both[1][found]], len(nodes))
        # How many documents are reached in two steps, which bounds what is looked at together.
        reached = np.concatenate([[0], np.cumsum(self._told.lengths(self._links.values))])
        self._weights = reached[self._links.starts[1:]] - reached[self._links.starts[:-1]]
        known = (document[right] >= 0) & np.isin(forms, self.anchor_forms)
        anchors = self.anchor_forms.searchsorted(forms)
        self.answers = Lists.of(anchors[known], document[right[known]], len(self.anchor_forms))
        """int64: of each anchor the documents that are judged relevant to it, in whatever row."""
        self._asking = Lists.of(document[right[known]], anchors[known], len(self.document_forms))

    def related(self, anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The documents that are no negatives of these anchors: places in `anchors`, and documents; sorted, distinct.

        They are: the anchor itself, what is relevant to it in any row, what it is relevant to, and what shares
        something of these with it, so that two questions of one document are never each other's negatives.
        """
        parts = [self._related(anchors[start:stop]) + start * self._step for start, stop in self._parts(anchors)]
        keys = np.concatenate(parts) if parts else np.zeros(0, np.int64)
        return keys // self._step, keys % self._step

    def related_of_rows(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """Yield of each row, by its number, the documents that are no negatives of its anchor, sorted."""
        for start in range(0, len(rows), ROWS):
            anchors, places = np.unique(self.rows[rows[start : start + ROWS]], return_inverse=True)
            whose, documents = self.related(anchors)
            starts = whose.searchsorted(np.arange(len(anchors) + 1))
            yield from (documents[starts[place] : starts[place + 1]] for place in places.tolist())

    @property
    def _step(self) -> int:
        return max(1, len(self.document_forms))

    def _parts(self, anchors: np.ndarray) -> Iterator[tuple[int, int]]:
        """Anchors cut so that the documents reached from each part are few."""
        start = seen = 0
        for place, weight in enumerate((self._weights[self._node[anchors]] + 1).tolist()):
            if place > start and seen + weight > EXPANDED:
                yield start, place
                start, seen = place, 0
            seen += weight
        if len(anchors):
            yield start, len(anchors)

    def _related(self, anchors: np.ndarray) -> np.ndarray:
        nodes = self._node[anchors]
        places, partners = self._links.of_keys(nodes)
        through, documents = self._told.of_keys(partners)
        near = np.concatenate([nodes, partners])
        places_of = np.concatenate([np.arange(len(nodes)), places])
        found = self._document[near] >= 0
        keys = places_of[found] * self._step + self._document[near[found]]
        return np.unique(np.concatenate([keys, places[through] * self._step + documents]))

    def of_forms(self, forms: np.ndarray) -> np.ndarray:
        """The documents that have these forms, int64; -1 where there is none."""
        if not len(self.document_forms):
            return np.full(len(forms), -1)
        found = np.minimum(self.document_forms.searchsorted(forms), len(self.document_forms) - 1)
        return np.where(self.document_forms[found] == forms, found, -1)

    def places(self, texts: Sequence[str]) -> np.ndarray:
        """The documents that have the forms of these texts, int64; -1 where there is none."""
        return self.of_forms(np.array([hash_text(normal(text)) for text in texts], np.uint64))

    def asking(self, text: str) -> np.ndarray:
        """The anchors that a document is relevant to, int64."""
        return self._asking.of_keys(self.places([text]))[1]
