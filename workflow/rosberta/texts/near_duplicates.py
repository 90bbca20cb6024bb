"""Near duplicates: MinHash over character n-grams, and the bands by which candidates are found.

Two texts are near where the Jaccard similarity of their sets of character n-grams reaches a threshold. Candidates share
a band of a signature; whoever asks then compares the sets themselves, so that no estimate decides.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rosberta.texts.ngrams import character_grams

CHARACTERS = 5
"""Characters of an n-gram."""
BANDS, ROWS = 20, 6
"""Of a signature of 120 numbers: texts share a band in 92 cases of 100 at a similarity of 0.7, in 99.7 at 0.8, and in 2
of 10,000 at 0.15."""
SEED = 1
CROWD = 100
"""Known texts of one band at most that are candidates."""

_BATCH = 4096


def bands(forms: Sequence[str], number: int = BANDS, size: int = ROWS) -> np.ndarray:
    """Hashes of the bands of each text's MinHash signature, uint64, (texts, number), each of `size` minima."""
    from rensa import RMinHash

    found = np.zeros((len(forms), number), np.uint64)
    for start in range(0, len(forms), _BATCH):
        batch = forms[start : start + _BATCH]
        grams = character_grams(batch, CHARACTERS)
        offsets = np.searchsorted(grams.texts, np.arange(len(batch) + 1)).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(grams.hashes, offsets, num_perm=number * size, seed=SEED)
        signatures = np.array(matrix.to_rows(), np.uint64).reshape(len(batch), number, size)
        mixed = np.zeros((len(batch), number), np.uint64)
        for row in range(size):
            mixed = (mixed + signatures[:, :, row] + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        found[start : start + _BATCH] = mixed
    return found


def similarity(one: str, other: str) -> float:
    """Jaccard similarity of two texts' sets of character n-grams."""
    first, second = _set(one), _set(other)
    return len(first & second) / len(first | second)


def _set(form: str) -> set[str]:
    return {form[place : place + CHARACTERS] for place in range(max(1, len(form) - CHARACTERS + 1))}


def spread(left: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Spell out ranges: for row i the places left[i], ..., left[i] + counts[i] - 1; the rows and the places, int64."""
    rows = np.repeat(np.arange(len(left)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, left[rows] + within
