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
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rosberta.corpus.alike import Alike
from rosberta.frame.artifacts import BENCHMARK
from rosberta.frame.mistakes import Missing, Mistake
from rosberta.texts import near_duplicates
from rosberta.texts.ngrams import Grams, Words, hash_text, word_grams, words
from rosberta.texts.normalisation import normal

if TYPE_CHECKING:
    from rosberta.experiment.corpus import Overlap

RULES = ("exact", "contained", "near", "alike")

COMMON = 8
"""Test texts that may share an n-gram before it counts as a phrase of its genre."""

_BATCH = 4096


class Leak(NamedTuple):
    """That a training text is a test text, or much of one."""

    rule: str
    """One of `RULES`."""
    tasks: tuple[str, ...]
    """The tasks that hold the test text, sorted."""
    text: str
    """The test text in its normal form; of several the one that shares most."""


class _Index(NamedTuple):
    """Hashes with the test texts that have them, sorted by hash."""

    hashes: np.ndarray
    owners: np.ndarray

    @classmethod
    def of(cls, hashes: np.ndarray, owners: np.ndarray, common: int | None = None) -> _Index:
        order = np.lexsort((owners, hashes))
        hashes, owners = hashes[order], owners[order].astype(np.int32)
        if common is not None and len(hashes):
            edges = np.flatnonzero(np.concatenate(([True], hashes[1:] != hashes[:-1], [True])))
            sizes = np.diff(edges)
            rare = np.repeat(sizes <= common, sizes)
            hashes, owners = hashes[rare], owners[rare]
        return cls(hashes, owners)

    def hits(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The hashes (by place) that are here, each with every test text that has it."""
        left = np.searchsorted(self.hashes, hashes, "left")
        counts = np.searchsorted(self.hashes, hashes, "right") - left
        rows, places = near_duplicates.spread(left, counts)
        return rows, self.owners[places]


class Benchmark:
    """The test texts, ready to be searched."""

    def __init__(self, texts: Iterable[tuple[str, str]], settings: Overlap) -> None:
        """Take all test texts.

        Args:
            texts: pairs of a task and the normal form of a text of it, in any order, a text maybe several times.
            settings: of the stage.
        """
        self._settings = settings
        of_form: dict[str, set[str]] = {}
        for task, form in texts:
            if form.count(" ") + 1 >= settings.min_words and form:
                of_form.setdefault(form, set()).add(task)
        # Sorted, so that nothing depends on the order in which tasks are read.
        self._forms = sorted(of_form)
        self._tasks = [tuple(sorted(of_form[form])) for form in self._forms]
        del of_form
        number = len(self._forms)
        self._whole = _Index.of(np.fromiter(map(hash_text, self._forms), np.uint64, number), np.arange(number))
        self._grams = np.zeros(number, np.int64)
        parts: dict[int, list[Grams]] = {}
        bands = [np.zeros((0, near_duplicates.BANDS), np.uint64)]
        for start in range(0, number, _BATCH):
            batch = self._forms[start : start + _BATCH]
            cut = words(batch)
            for size, grams in self._sizes(cut, known=True):
                parts.setdefault(size, []).append(Grams(grams.hashes, grams.texts + start))
            bands.append(near_duplicates.bands(batch))
        self._near = near_duplicates.Lookup(np.concatenate(bands))
        self._parts = {}
        for size, found in sorted(parts.items()):
            hashes = np.concatenate([grams.hashes for grams in found])
            owners = np.concatenate([grams.texts for grams in found])
            self._parts[size] = _Index.of(hashes, owners, COMMON)
            if size == settings.words:
                distinct, counts = np.unique(hashes, return_counts=True)
                self._phrases = distinct[counts > COMMON]
        self._alike = Alike(self._forms, settings.alike)
        if settings.words in self._parts:
            self._grams += np.bincount(self._parts[settings.words].owners, minlength=number)

    def __len__(self) -> int:
        """Count the distinct test texts."""
        return len(self._forms)

    def _sizes(self, cut: Words, *, known: bool) -> Iterator[tuple[int, Grams]]:
        """The n-grams that are compared: of full size, and of each smaller one where one of the two texts is so short.

        Of test texts (`known`) the smaller ones are taken of short texts alone: a sentence of five words in a long
        article says nothing.
        """
        size = self._settings.words
        yield size, word_grams(cut, size)
        lengths = cut.lengths()
        for shorter in range(self._settings.short_words, size):
            grams = word_grams(cut, shorter)
            if known:
                short = lengths[grams.texts] <= 4 * size
                grams = Grams(grams.hashes[short], grams.texts[short])
            yield shorter, grams

    def find(self, forms: Sequence[str]) -> dict[int, Leak]:
        """Say which of these normal forms hold a test text, by place."""
        found: dict[int, Leak] = {}
        long = [place for place, form in enumerate(forms) if form.count(" ") + 1 >= self._settings.min_words and form]
        for start in range(0, len(long), _BATCH):
            places = long[start : start + _BATCH]
            batch = [forms[place] for place in places]
            for row, leak in self._batch(batch).items():
                found[places[row]] = leak
        return found

    def _batch(self, batch: Sequence[str]) -> dict[int, Leak]:
        leaks: dict[int, Leak] = {}
        if not self._forms or not batch:
            return leaks
        rows, owners = self._whole.hits(np.fromiter(map(hash_text, batch), np.uint64, len(batch)))
        for row, owner in zip(rows.tolist(), owners.tolist(), strict=True):
            leaks[row] = Leak("exact", self._tasks[owner], self._forms[owner])
        cut = words(batch)
        self._tell(leaks, "contained", self._contained(cut))
        rest = [row for row in range(len(batch)) if row not in leaks]
        if rest:
            candidates = self._near.candidates(near_duplicates.bands([batch[row] for row in rest]))
            similar = (
                (rest[row], owner, near_duplicates.similarity(batch[rest[row]], self._forms[owner]))
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
            tasks = sorted({task for _, owner in each for task in self._tasks[owner]})
            leaks[row] = Leak(rule, tuple(tasks), self._forms[min(each)[1]])

    def _contained(self, cut: Words) -> Iterator[tuple[int, int, float]]:
        lengths, size = cut.lengths(), self._settings.words
        for length, grams in self._sizes(cut, known=False):
            if length not in self._parts:
                continue
            places, owners = self._parts[length].hits(grams.hashes)
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
            of_row = np.bincount(grams.texts[~np.isin(grams.hashes, self._phrases)], minlength=len(lengths))
            shares = hits / np.minimum(of_row[pairs[:, 0]], np.maximum(self._grams[pairs[:, 1]], 1))
            enough = shares >= self._settings.share
            yield from zip(pairs[enough, 0].tolist(), pairs[enough, 1].tolist(), shares[enough].tolist(), strict=True)

    @property
    def _lengths(self) -> np.ndarray:
        if not hasattr(self, "_words"):
            self._words = np.fromiter((form.count(" ") + 1 for form in self._forms), np.int64, len(self._forms))
        return self._words


def benchmark(tasks: Iterable[str], settings: Overlap) -> Benchmark:
    """The test texts of tasks (``data/benchmark/<Task>/texts.parquet``), ready to be searched.

    Raises:
        Mistake: the texts of a task are missing or damaged.
    """
    return Benchmark(((task, normal(text)) for task in sorted(tasks) for text in _texts(task)), settings)


def _texts(task: str) -> Iterator[str]:
    path = BENCHMARK / task / "texts.parquet"
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_BATCH, columns=["text"], use_threads=False):
                yield from batch.column("text").to_pylist()
    except FileNotFoundError:
        raise Missing(path, "benchmark") from None
    except pa.ArrowException as error:
        raise Mistake(f"{path}: damaged ({error}); remove it and run the stage `benchmark`") from None
