"""Masks for masked language modelling, which follow from the seed, the epoch and the text alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

MASKED, REPLACED = 0.8, 0.1
"""Of the chosen tokens these shares are masked, and replaced by a random token; the rest stay (Devlin et al. 2019,
section 3.1; RoBERTa does the same)."""


class Masking(NamedTuple):
    """How tokens are chosen and hidden."""

    probability: float
    """Of each token, or word, to be chosen."""
    mask: int
    """Id of the mask."""
    vocabulary: int
    """Ids that a random token is drawn from: all below it."""
    special: np.ndarray
    """Ids that are never chosen."""
    words: np.ndarray | None = None
    """bool, by id: whether a token begins a word. None: tokens are chosen one by one, else words as a whole."""


def masked(ids: np.ndarray, starts: np.ndarray, seeds: np.ndarray, how: Masking) -> tuple[np.ndarray, np.ndarray]:
    """Hide tokens of texts.

    Args:
        ids: int32, text after text.
        starts: int64, (texts + 1,): where each begins.
        seeds: uint64, (texts,): what is drawn for each, of the training's seed, the epoch and the text.
        how: what is chosen, and what becomes of it.

    Returns:
        The ids with what is hidden, and the places that were chosen.
    """
    lengths = np.diff(starts)
    text = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(ids)) - starts[:-1].repeat(lengths)
    ordinary = ~np.isin(ids, how.special)
    unit = place
    if how.words is not None:
        # A word is chosen by its first token's draw; what follows a special token begins one.
        begins = how.words[ids] | ~ordinary | (place == 0) | np.concatenate([[True], ~ordinary[:-1]])
        unit = np.maximum.accumulate(np.where(begins, np.arange(len(ids)), 0)) - starts[:-1].repeat(lengths)
    chosen = ordinary & (_uniform(seeds[text], unit, 1) < how.probability)
    fate = _uniform(seeds[text], place, 2)
    random = (_uniform(seeds[text], place, 3) * how.vocabulary).astype(ids.dtype)
    hidden = np.where(fate < MASKED, how.mask, np.where(fate < MASKED + REPLACED, random, ids))
    return np.where(chosen, hidden, ids), np.flatnonzero(chosen)


def word_starts(tokens: list[str]) -> np.ndarray:
    """Whether each token begins a word, bool, (tokens,), as byte-level BPE (Ġ) and SentencePiece (▁) mark it."""
    return np.array([token.startswith(("Ġ", "▁")) for token in tokens])


def _uniform(seeds: np.ndarray, places: np.ndarray, use: int) -> np.ndarray:
    """Numbers in [0, 1) for a text's seed, a place in it and a use: SplitMix64 (Steele et al. 2014) as a hash."""
    with np.errstate(over="ignore"):
        values = seeds + (places.astype(np.uint64) * np.uint64(4) + np.uint64(use)) * np.uint64(0x9E3779B97F4A7C15)
        values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((values ^ (values >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53
