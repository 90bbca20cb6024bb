"""Short test texts that share most of their stems with a training text, in whatever order and form.

The weight of a stem is its rarity among the test texts, ln((texts + 1) / (texts that have it + 1)) + 1. Two texts are
alike where the weights of the stems that both have are a given share of the weights of those that either has.

Two such texts share a stem that is among the rarest of both, those that a text cannot do without (prefix filtering;
Chaudhuri et al. 2006): these alone are looked up, and few texts have them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rosberta.corpus.sorting import MOST as WAITING
from rosberta.corpus.sorting import Column, Sorter, holds, mapped, runs
from rosberta.texts.near_duplicates import spread
from rosberta.texts.ngrams import Grams, Words, word_grams

FEWEST, MOST = 3, 24
"""Words of a text. Longer ones have n-grams."""
SHARED = 3
"""Stems at least that both have."""
READ = 65_536
"""Texts, or pairs, of one step."""


class Alike:
    """The short test texts, ready to be searched."""

    def __init__(self, folder: Path, least: float) -> None:
        """Open what `Writer` wrote to a folder, and take the share."""
        self._least = least
        self._weigher = _Weigher(folder)
        self._stems = self._weigher.stems
        self._sets, self._starts, self._sums, self._known, self._owners = (
            mapped(folder / f"alike-{name}.npy") for name in ("sets", "starts", "sums", "known", "owners")
        )

    def find(self, cut: Words) -> Iterator[tuple[int, int, float]]:
        """The training texts (by row) that are alike to a test text (by place), and the share."""
        sets = _short(cut)
        if not len(sets.hashes) or not len(self._known):
            return
        weights = self._weigher(sets.hashes)
        prefix = _prefix(sets, weights, self._least)
        left = np.searchsorted(self._known, sets.hashes[prefix], "left")
        counts = np.searchsorted(self._known, sets.hashes[prefix], "right") - left
        rows, places = spread(left, counts)
        pairs = np.unique(np.stack((sets.texts[prefix][rows], self._owners[places].astype(np.int64)), axis=1), axis=0)
        sums = np.bincount(sets.texts, weights, minlength=len(cut.starts) - 1)
        # What the lighter one weighs bounds what both share.
        mine, theirs = sums[pairs[:, 0]], self._sums[pairs[:, 1]]
        pairs = pairs[np.minimum(mine, theirs) >= self._least * np.maximum(mine, theirs)]
        for start in range(0, len(pairs), READ):
            yield from self._compared(pairs[start : start + READ], sets, sums)

    def _compared(self, pairs: np.ndarray, sets: Grams, sums: np.ndarray) -> Iterator[tuple[int, int, float]]:
        starts = self._starts[pairs[:, 1]]
        which, places = spread(starts, self._starts[pairs[:, 1] + 1] - starts)
        stems = self._sets[places]
        # A row's stems are sorted, so that a row and a stem are found as one value.
        known = holds(self._stems, sets.hashes)
        keys = np.sort(sets.texts[known] * len(self._stems) + np.searchsorted(self._stems, sets.hashes[known]))
        wanted = pairs[which, 0] * len(self._stems) + np.searchsorted(self._stems, stems)
        both = holds(keys, wanted)
        shared = np.bincount(which[both], minlength=len(pairs))
        weight = np.bincount(which[both], self._weigher(stems[both]), minlength=len(pairs))
        shares = weight / (sums[pairs[:, 0]] + self._sums[pairs[:, 1]] - weight)
        enough = (shares >= self._least) & (shared >= SHARED)
        yield from zip(pairs[enough, 0].tolist(), pairs[enough, 1].tolist(), shares[enough].tolist(), strict=True)


class Writer:
    """The short test texts on their way into a folder."""

    def __init__(self, folder: Path, scratch: Path, most: int = WAITING) -> None:
        """Take the folder, one for what waits, and how many hashes may wait in memory."""
        self._folder, self._scratch, self._most = folder, scratch, most
        self._sets = Column(folder / "alike-sets.npy", "<u8")
        self._stems = Sorter(scratch / "stems", most)
        self._counts: list[np.ndarray] = []

    def add(self, cut: Words) -> None:
        """Take the words of the next test texts."""
        found = _short(cut)
        self._sets.add(found.hashes)
        self._stems.add(found.hashes, found.texts)
        self._counts.append(np.bincount(found.texts, minlength=len(cut.starts) - 1))

    def close(self, least: float) -> None:
        """Write the rest, for texts that are alike from this share on."""
        counts = np.concatenate([np.zeros(1, np.int64), *self._counts])
        starts = np.cumsum(counts)
        texts = np.count_nonzero(counts)
        with self._sets, self._column("stems", "<u8") as stems, self._column("weights", "<f8") as weights:
            for hashes, _ in self._stems.pieces():
                firsts, numbers = runs(hashes)
                stems.add(hashes[firsts])
                weights.add(np.log((texts + 1) / (numbers + 1)) + 1)
        np.save(self._folder / "alike-starts.npy", starts)
        np.save(self._folder / "alike-unknown.npy", np.array([np.log(texts + 1) + 1]))
        weigher, sets = _Weigher(self._folder), mapped(self._folder / "alike-sets.npy")
        rarest = Sorter(self._scratch / "rarest", self._most)
        with self._column("sums", "<f8") as sums:
            for start in range(0, len(starts) - 1, READ):
                end = min(start + READ, len(starts) - 1)
                hashes = np.array(sets[starts[start] : starts[end]])
                part = Grams(hashes, np.repeat(np.arange(end - start), np.diff(starts[start : end + 1])))
                of_stems = weigher(hashes)
                sums.add(np.bincount(part.texts, of_stems, minlength=end - start))
                prefix = np.sort(_prefix(part, of_stems, least))
                rarest.add(hashes[prefix], part.texts[prefix] + start)
        with self._column("known", "<u8") as known, self._column("owners", "<i4") as owners:
            for hashes, places in rarest.pieces():
                known.add(hashes)
                owners.add(places)

    def _column(self, name: str, dtype: str) -> Column:
        return Column(self._folder / f"alike-{name}.npy", dtype)


class _Weigher:
    """The weights of stems."""

    def __init__(self, folder: Path) -> None:
        self.stems, self._weights, unknown = (
            mapped(folder / f"alike-{name}.npy") for name in ("stems", "weights", "unknown")
        )
        self._unknown = unknown[0]

    def __call__(self, hashes: np.ndarray) -> np.ndarray:
        weights = np.full(len(hashes), self._unknown)
        known = holds(self.stems, hashes)
        weights[known] = self._weights[np.searchsorted(self.stems, hashes[known])]
        return weights


def _prefix(sets: Grams, weights: np.ndarray, least: float) -> np.ndarray:
    """Places of the rarest stems of each text, without which it shares too little with any."""
    order = np.lexsort((sets.hashes, -weights, sets.texts))
    texts, sorted_weights = sets.texts[order], weights[order]
    sums = np.bincount(texts, sorted_weights, minlength=int(texts.max(initial=-1)) + 1)
    before = np.cumsum(sorted_weights) - sorted_weights
    firsts, numbers = runs(texts)
    before -= np.repeat(before[firsts], numbers)
    # A little less than the share, so that rounding loses none.
    return order[before <= (1 - least) * sums[texts] + 1e-9]


def _short(cut: Words) -> Grams:
    """The stems of short texts, each once a text."""
    grams = word_grams(cut, 1)
    lengths = cut.lengths()[grams.texts]
    short = (lengths >= FEWEST) & (lengths <= MOST)
    return Grams(grams.hashes[short], grams.texts[short])
