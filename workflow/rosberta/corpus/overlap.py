"""What training texts share with the texts that the benchmark evaluates on.

Texts are compared in their normal forms (`rosberta.texts.normalisation`): case, ё, accents, punctuation and blanks hide
no copy, nor do entities, tags, letters that look alike and what is invisible. Words are compared by their stems
(`rosberta.texts.stems`): other endings hide none either. Four rules, of which the first that holds is told:

- ``exact``: the forms are equal;
- ``contained``: of the word n-grams of the shorter of the two, at least a given share stand in the other, too. Texts
  with fewer words than an n-gram are looked for as a whole. n-grams that many test texts have are left out: they are
  phrases of a genre, not copies;
- ``near``: the sets of character n-grams are similar (`rosberta.texts.near_duplicates`);
- ``alike``: of two short texts, for which n-grams are blind, the sets of stems are similar, each stem with the weight
  of its rarity among the test texts (`rosberta.corpus.alike`).

Time grows linearly with the test texts and with the training texts, whatever they share.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rosberta.corpus.alike import Alike
from rosberta.corpus.indexing import BATCH, sizes_of
from rosberta.corpus.sorting import holds, mapped
from rosberta.frame.files import read_json
from rosberta.texts import near_duplicates
from rosberta.texts.ngrams import Words, hash_text, words

if TYPE_CHECKING:
    from rosberta.experiment.corpus import Overlap

RULES = ("exact", "contained", "near", "alike")


class Leak(NamedTuple):
    """That a training text is a test text, or much of one."""

    rule: str
    """One of `RULES`."""
    tasks: tuple[str, ...]
    """The tasks that hold the test text, sorted."""
    text: str
    """The test text in its normal form; of several the one that shares most."""


class _Index:
    """Hashes with the test texts that have them, sorted by hash."""

    def __init__(self, folder: Path, name: str) -> None:
        self.hashes, self.owners = (mapped(folder / f"{name}-{part}.npy") for part in ("hashes", "owners"))

    def hits(self, hashes: np.ndarray, most: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The hashes (by place) that are here, each with the test texts that have it, of many the first `most`."""
        left = np.searchsorted(self.hashes, hashes, "left")
        counts = np.searchsorted(self.hashes, hashes, "right") - left
        rows, places = near_duplicates.spread(left, counts if most is None else np.minimum(counts, most))
        return rows, self.owners[places]


class Benchmark:
    """The test texts, ready to be searched: an index (`rosberta.corpus.indexing`) that is read in place."""

    def __init__(self, folder: Path, settings: Overlap) -> None:
        """Open an index that was built with these settings.

        Raises:
            Mistake: it is missing or damaged.
        """
        self._settings = settings
        self._sets = [tuple(tasks) for tasks in read_json(folder / "tasks.json")]
        self._forms, self._ends, self._lengths, self._tasks, self._counts, self._phrases = (
            mapped(folder / f"{name}.npy") for name in ("forms", "ends", "words", "tasks", "counts", "phrases")
        )
        self._whole = _Index(folder, "whole")
        self._grams = {
            size: _Index(folder, f"grams-{size}")
            for size in {settings.words, *range(settings.short_words, settings.words)}
        }
        self._bands = [_Index(folder, f"band-{band:02}") for band in range(near_duplicates.BANDS)]
        self._alike = Alike(folder, settings.alike)

    def __len__(self) -> int:
        """Count the distinct test texts."""
        return len(self._ends)

    def _form(self, owner: int) -> str:
        start = self._ends[owner - 1] if owner else 0
        return str(self._forms[start : self._ends[owner]].tobytes(), "utf-8")

    def _tasks_of(self, owner: int) -> tuple[str, ...]:
        return self._sets[self._tasks[owner]]

    def find(self, forms: Sequence[str]) -> dict[int, Leak]:
        """Say which of these normal forms hold a test text, by place."""
        found: dict[int, Leak] = {}
        long = [place for place, form in enumerate(forms) if form.count(" ") + 1 >= self._settings.min_words and form]
        for start in range(0, len(long), BATCH):
            places = long[start : start + BATCH]
            batch = [forms[place] for place in places]
            for row, leak in self._batch(batch).items():
                found[places[row]] = leak
        return found

    def _batch(self, batch: Sequence[str]) -> dict[int, Leak]:
        leaks: dict[int, Leak] = {}
        if not len(self) or not batch:
            return leaks
        rows, owners = self._whole.hits(np.fromiter(map(hash_text, batch), np.uint64, len(batch)))
        for row, owner in zip(rows.tolist(), owners.tolist(), strict=True):
            leaks[row] = Leak("exact", self._tasks_of(owner), self._form(owner))
        cut = words(batch)
        self._tell(leaks, "contained", self._contained(cut))
        rest = [row for row in range(len(batch)) if row not in leaks]
        if rest:
            candidates = self._candidates(near_duplicates.bands([batch[row] for row in rest]))
            similar = (
                (rest[row], owner, near_duplicates.similarity(batch[rest[row]], self._form(owner)))
                for row, owner in candidates.tolist()
            )
            self._tell(leaks, "near", (each for each in similar if each[2] >= self._settings.similarity))
        self._tell(leaks, "alike", self._alike.find(cut))
        return leaks

    def _tell(self, leaks: dict[int, Leak], rule: str, found: Iterable[tuple[int, int, float]]) -> None:
        """Add what a rule found, as (row, test text, share), to the leaks of rows that have none."""
        by_row: dict[int, list[tuple[float, int]]] = {}
        for row, owner, share in found:
            if row not in leaks:
                by_row.setdefault(row, []).append((-share, owner))
        for row, each in by_row.items():
            tasks = sorted({task for _, owner in each for task in self._tasks_of(owner)})
            leaks[row] = Leak(rule, tuple(tasks), self._form(min(each)[1]))

    def _candidates(self, keys: np.ndarray) -> np.ndarray:
        """Pairs (row of `keys`, test text) that share a band, distinct and sorted, int64, (pairs, 2)."""
        found = [index.hits(band, near_duplicates.CROWD) for index, band in zip(self._bands, keys.T, strict=True)]
        pairs = [np.stack((rows, owners.astype(np.int64)), axis=1) for rows, owners in found]
        return np.unique(np.concatenate(pairs), axis=0)

    def _contained(self, cut: Words) -> Iterator[tuple[int, int, float]]:
        lengths, size = cut.lengths(), self._settings.words
        for length, grams in sizes_of(cut, self._settings, known=False):
            places, owners = self._grams[length].hits(grams.hashes)
            rows = grams.texts[places]
            if length < size:
                # Whole texts only: the training text has just so many words, or the test text has.
                either = (lengths[rows] == length) | (self._lengths[owners] == length)
                yield from (
                    (row, owner, 1.0) for row, owner in zip(rows[either].tolist(), owners[either].tolist(), strict=True)
                )
                continue
            pairs, hits = np.unique(np.stack((rows, owners.astype(np.int64)), axis=1), axis=0, return_counts=True)
            # As of the test texts, phrases that many of them share do not count.
            of_row = np.bincount(grams.texts[~holds(self._phrases, grams.hashes)], minlength=len(lengths))
            shares = hits / np.minimum(of_row[pairs[:, 0]], np.maximum(self._counts[pairs[:, 1]], 1))
            enough = shares >= self._settings.share
            yield from zip(pairs[enough, 0].tolist(), pairs[enough, 1].tolist(), shares[enough].tolist(), strict=True)
