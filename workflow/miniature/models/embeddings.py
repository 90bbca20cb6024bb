"""Token embeddings that mean something without training: alike in spelling or in company is near.

A token is the sum of two random projections: of its character n-grams in Latin letters, so that the forms of a word
and a name in two alphabets are near; and of the matters that it occurs in (random indexing), so that what is said of
one fact is near, in two languages where the matters are bilingual. Frequent tokens are drawn towards one common
direction, so that a mean of tokens is decided by the rare ones. All long sums are of integers: the order does not
matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from tokenizers import Tokenizer

from miniature.language.grammar import transliterated

SPELLING, COMPANY = 0.4, 0.9
"""Weights of the two parts, each of length one."""


def signs(key: str, size: int) -> np.ndarray:
    """A random vector of -1 and 1 that belongs to a key."""
    digest = blake2b(key.encode(), digest_size=-(-size // 8)).digest()
    return np.unpackbits(np.frombuffer(digest, np.uint8))[:size].astype(np.int64) * 2 - 1


def token_embeddings(
    tokenizer: Tokenizer, matters: Sequence[Sequence[str]], size: int, key: str, everywhere: Sequence[str] = ()
) -> np.ndarray:
    """Embeddings of all tokens.

    Args:
        tokenizer: whose tokens.
        matters: groups of texts that are on one matter.
        size: of an embedding.
        key: keeps the projections of one model apart from another's.
        everywhere: texts that stand before or around every other; their tokens count as the most frequent ones.

    Returns:
        float32 [tokens, size] with rows of length one.
    """
    count = tokenizer.get_vocab_size()
    company, occurrences = np.zeros((count, size), np.int64), np.zeros(count, np.int64)
    for place, matter in enumerate(matters):
        about = signs(f"{key}/matter/{place}", size)
        used = sorted(set(_ids(tokenizer, matter)))
        company[used] += about
        occurrences[used] += 1
    spelling = np.stack([_spelling(tokenizer.decode([id]), size, key) for id in range(count)])
    vectors = SPELLING * _unit(spelling) + COMPANY * _unit(company)
    lonely = ~vectors.any(axis=1)
    for id in np.flatnonzero(lonely):
        vectors[id] = signs(f"{key}/token/{id}", size)
    specials = [id for id, token in tokenizer.get_added_tokens_decoder().items() if token.special]
    around = _ids(tokenizer, everywhere)
    occurrences[[*specials, *around]] = len(matters)
    rarity = 1 - np.log1p(occurrences) / np.log1p(len(matters))
    common = _unit(signs(f"{key}/common", size)[None])
    mixed = rarity[:, None] * _unit(vectors) + (1 - rarity[:, None]) * common
    return _unit(mixed).round(6).astype(np.float32)


def _ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """The tokens of texts, one text after another."""
    return [id for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False) for id in encoding.ids]


def _spelling(token: str, size: int, key: str) -> np.ndarray:
    """The sum of a token's character trigrams in Latin letters."""
    word = f" {transliterated(token.strip().lower())} "
    grams = [word[start : start + 3] for start in range(len(word) - 2)] if len(word) > 3 else []
    return sum((signs(f"{key}/spelling/{gram}", size) for gram in grams), np.zeros(size, np.int64))


def _unit(rows: np.ndarray) -> np.ndarray:
    norms = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1, keepdims=True))
    return rows / np.where(norms == 0, 1, norms)
