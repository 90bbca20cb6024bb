"""Stable hashes of words, word n-grams and character n-grams, many texts at once.

A hash depends on the characters alone: not on the process, the machine or the other texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from itertools import chain, pairwise
from typing import NamedTuple

import numpy as np

from rosberta.texts.stems import stem

_MULTIPLIER = 0x9E3779B97F4A7C15
"""Odd, so that multiplying loses nothing; the golden ratio's bits."""


class Words(NamedTuple):
    """The words of texts as hashes of their stems, one text after another."""

    hashes: np.ndarray
    """uint64, (words,)."""
    starts: np.ndarray
    """int64, (texts + 1,): where each text's words begin; the last is their number."""

    def lengths(self) -> np.ndarray:
        """Words of each text, int64, (texts,)."""
        return np.diff(self.starts)


class Grams(NamedTuple):
    """n-grams of texts, each once a text."""

    hashes: np.ndarray
    """uint64, (grams,)."""
    texts: np.ndarray
    """int64, (grams,): the text that it is of. Sorted by text, then hash."""


class _Hashes(dict[str, int]):
    """The hash of each word's stem, computed when it is first asked for."""

    def __missing__(self, word: str) -> int:
        self[word] = value = hash_text(stem(word))
        return value


_WORDS = _Hashes()
_KNOWN = 4_000_000
"""Words remembered at most: half a gigabyte."""


def hash_text(text: str) -> int:
    """The hash of a text as it stands, 64 bits (BLAKE2b)."""
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def words(forms: Sequence[str]) -> Words:
    """Hash the stems (`rosberta.texts.stems`) of the words of normal forms, which single blanks separate."""
    if len(_WORDS) > _KNOWN:
        _WORDS.clear()
    cut = [form.split() for form in forms]
    starts = np.zeros(len(cut) + 1, np.int64)
    np.cumsum([len(each) for each in cut], out=starts[1:])
    hashes = np.fromiter(map(_WORDS.__getitem__, chain.from_iterable(cut)), np.uint64, count=int(starts[-1]))
    return Words(hashes, starts)


def word_grams(cut: Words, size: int) -> Grams:
    """The distinct n-grams of `size` words of each text; a shorter text has none."""
    return _distinct(*_windows(cut.hashes, cut.starts, size))


def character_grams(forms: Sequence[str], size: int) -> Grams:
    """The distinct n-grams of `size` characters of each text; a shorter text is one n-gram."""
    padded = [form if len(form) >= size else form.ljust(size) for form in forms]
    starts = np.zeros(len(padded) + 1, np.int64)
    np.cumsum([len(form) for form in padded], out=starts[1:])
    codes = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    return _distinct(*_windows(codes, starts, size))


def _windows(values: np.ndarray, starts: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of all windows of `size` values that lie in one text, and their texts."""
    count = len(values) - size + 1
    if count <= 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    # Polynomial in an odd number modulo 2^64: equal windows have equal values, wherever they stand.
    mixed = np.full(count, size, np.uint64)
    for place in range(size):
        mixed *= np.uint64(_MULTIPLIER)
        mixed += values[place : place + count]
    texts = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    inside = texts[:count] == texts[size - 1 :]
    return _spread(mixed[inside]), texts[:count][inside]


def _spread(values: np.ndarray) -> np.ndarray:
    """Spread differences over all bits (the finaliser of SplitMix64; a bijection)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _distinct(hashes: np.ndarray, texts: np.ndarray) -> Grams:
    """Each hash once a text; the texts are in order, and the hashes are sorted in place."""
    edges = [0, *(np.flatnonzero(texts[1:] != texts[:-1]) + 1).tolist(), len(texts)]
    for start, end in pairwise(edges):
        hashes[start:end].sort()
    first = np.ones(len(hashes), bool)
    first[1:] = (hashes[1:] != hashes[:-1]) | (texts[1:] != texts[:-1])
    return Grams(hashes[first], texts[first])
