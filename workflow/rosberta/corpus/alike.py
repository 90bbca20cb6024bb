"""Short test texts that share most of their stems with a training text, in whatever order and form.

The weight of a stem is its rarity among the test texts, ln((texts + 1) / (texts that have it + 1)) + 1. Two texts are
alike where the weights of the stems that both have are a given share of the weights of those that either has.

Two such texts share a stem that is among the rarest of both, those that a text cannot do without (prefix filtering;
Chaudhuri et al. 2006): these alone are looked up, and few texts have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from rosberta.texts.near_duplicates import spread
from rosberta.texts.ngrams import Grams, Words, word_grams, words

FEWEST, MOST = 3, 24
"""Words of a text. Longer ones have n-grams."""
SHARED = 3
"""Stems at least that both have."""
_READ = 65_536


class Alike:
    """The short test texts, ready to be searched."""

    def __init__(self, forms: Sequence[str], least: float) -> None:
        """Take the normal forms of all test texts, and the share."""
        self._least = least
        parts = []
        for start in range(0, len(forms), _READ):
            found = _short(words(forms[start : start + _READ]))
            parts.append(Grams(found.hashes, found.texts + start))
        hashes = np.concatenate([np.zeros(0, np.uint64), *(part.hashes for part in parts)])
        owners = np.concatenate([np.zeros(0, np.int64), *(part.texts for part in parts)])
        self._stems, counts = np.unique(hashes, return_counts=True)
        texts = len(np.unique(owners))
        self._weights = np.log((texts + 1) / (counts + 1)) + 1
        self._unknown = np.log(texts + 1) + 1
        self._sets = Grams(hashes, owners)
        self._starts = np.searchsorted(owners, np.arange(len(forms) + 1))
        weights = self._of(hashes)
        self._sums = np.bincount(owners, weights, minlength=len(forms))
        prefix = self._prefix(self._sets, weights)
        order = np.argsort(hashes[prefix], kind="stable")
        self._known, self._owners = hashes[prefix][order], owners[prefix][order].astype(np.int32)

    def find(self, cut: Words) -> Iterator[tuple[int, int, float]]:
        """The training texts (by row) that are alike to a test text (by place), and the share."""
        sets = _short(cut)
        if not len(sets.hashes) or not len(self._known):
            return
        weights = self._of(sets.hashes)
        prefix = self._prefix(sets, weights)
        left = np.searchsorted(self._known, sets.hashes[prefix], "left")
        counts = np.searchsorted(self._known, sets.hashes[prefix], "right") - left
        rows, places = spread(left, counts)
        pairs = np.unique(np.stack((sets.texts[prefix][rows], self._owners[places].astype(np.int64)), axis=1), axis=0)
        sums = np.bincount(sets.texts, weights, minlength=len(cut.starts) - 1)
        # What the lighter one weighs bounds what both share.
        mine, theirs = sums[pairs[:, 0]], self._sums[pairs[:, 1]]
        pairs = pairs[np.minimum(mine, theirs) >= self._least * np.maximum(mine, theirs)]
        for start in range(0, len(pairs), _READ):
            yield from self._compared(pairs[start : start + _READ], sets, sums)

    def _compared(self, pairs: np.ndarray, sets: Grams, sums: np.ndarray) -> Iterator[tuple[int, int, float]]:
        starts = self._starts[pairs[:, 1]]
        which, places = spread(starts, self._starts[pairs[:, 1] + 1] - starts)
        stems = self._sets.hashes[places]
        # A row's stems are sorted, so that a row and a stem are found as one value.
        numbers = np.searchsorted(self._stems, sets.hashes)
        known = numbers < len(self._stems)
        known[known] = self._stems[numbers[known]] == sets.hashes[known]
        keys = np.sort(sets.texts[known] * len(self._stems) + numbers[known])
        wanted = pairs[which, 0] * len(self._stems) + np.searchsorted(self._stems, stems)
        both = np.isin(wanted, keys)
        shared = np.bincount(which[both], minlength=len(pairs))
        weight = np.bincount(which[both], self._of(stems[both]), minlength=len(pairs))
        shares = weight / (sums[pairs[:, 0]] + self._sums[pairs[:, 1]] - weight)
        enough = (shares >= self._least) & (shared >= SHARED)
        yield from zip(pairs[enough, 0].tolist(), pairs[enough, 1].tolist(), shares[enough].tolist(), strict=True)

    def _of(self, hashes: np.ndarray) -> np.ndarray:
        """The weights of stems."""
        places = np.searchsorted(self._stems, hashes)
        places[places == len(self._stems)] = 0
        if not len(self._stems):
            return np.full(len(hashes), self._unknown)
        return np.where(self._stems[places] == hashes, self._weights[places], self._unknown)

    def _prefix(self, sets: Grams, weights: np.ndarray) -> np.ndarray:
        """Places of the rarest stems of each text, without which it shares too little with any."""
        order = np.lexsort((sets.hashes, -weights, sets.texts))
        texts, sorted_weights = sets.texts[order], weights[order]
        sums = np.bincount(texts, sorted_weights, minlength=int(texts.max(initial=-1)) + 1)
        before = np.cumsum(sorted_weights) - sorted_weights
        first = np.concatenate(([True], texts[1:] != texts[:-1])) if len(texts) else np.zeros(0, bool)
        before -= np.repeat(before[first], np.diff(np.append(np.flatnonzero(first), len(texts))))
        # A little less than the share, so that rounding loses none.
        return order[before <= (1 - self._least) * sums[texts] + 1e-9]


def _short(cut: Words) -> Grams:
    """The stems of short texts, each once a text."""
    grams = word_grams(cut, 1)
    lengths = cut.lengths()[grams.texts]
    short = (lengths >= FEWEST) & (lengths <= MOST)
    return Grams(grams.hashes[short], grams.texts[short])
