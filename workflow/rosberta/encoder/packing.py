"""Packing: the tokens of texts of any lengths in one row, with nothing between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Row(NamedTuple):
    """The tokens of some texts, one text after the other. Fast where texts of equal length are neighbours."""

    ids: Tensor
    """int64, (1, tokens)."""
    positions: Tensor
    """int64, (1, tokens): rows of the encoder's table of positions."""
    starts: Tensor
    """int32, (texts + 1): where each text starts, and the last one ends."""
    longest: int
    """Tokens of the longest text."""
    runs: tuple[tuple[int, int], ...]
    """Neighbours of equal length: how many texts, and of how many tokens each."""

    def to(self, device: torch.device) -> Row:
        """The row on a device; the host does not wait for the copy."""
        if device.type != "cuda":
            return self
        ids, positions, starts = (each.pin_memory().to(device, non_blocking=True) for each in self[:3])
        return self._replace(ids=ids, positions=positions, starts=starts)


def packed(texts: Sequence[np.ndarray], padding: int | None) -> Row:
    """Lay the token ids of texts into one row.

    Args:
        texts: token ids of each text, with its special tokens.
        padding: of RoBERTa's kind of encoder the id of padding, from which it counts positions; else None.
    """
    lengths = np.array([len(text) for text in texts])
    starts = np.concatenate([[0], lengths.cumsum()])
    ids = np.concatenate(texts).astype(np.int64)
    if padding is None:
        positions = np.arange(len(ids)) - starts[:-1].repeat(lengths)
    else:
        # As in RoBERTa itself, a text that spells out the padding token has no position there.
        counted = ids != padding
        before = np.concatenate([[0], counted.cumsum()])
        positions = (before[1:] - before[starts[:-1]].repeat(lengths)) * counted + padding
    return Row(
        torch.from_numpy(ids)[None],
        torch.from_numpy(positions)[None],
        torch.from_numpy(starts.astype(np.int32)),
        int(lengths.max()),
        tuple((sum(1 for _ in run), length) for length, run in groupby(lengths.tolist())),
    )


def split(row: Tensor, runs: Sequence[tuple[int, int]]) -> Iterator[Tensor]:
    """Yield each run of a tensor over a row's tokens, (tokens, ...), as a batch (texts, tokens of each, ...)."""
    start = 0
    for texts, length in runs:
        yield row[start : start + texts * length].unflatten(0, (texts, length))
        start += texts * length


def cut(lengths: np.ndarray, budget: int) -> list[np.ndarray]:
    """Cut texts into micro-batches of about one size, the longest texts first, equal lengths side by side.

    Args:
        lengths: tokens of each text.
        budget: tokens of a micro-batch at most, but for a single text that is longer.

    Returns:
        Indices of the texts of each micro-batch.
    """
    order = np.argsort(-lengths, kind="stable")
    sizes = lengths[order]
    total = int(sizes.sum())
    size = max(1, -(-total // max(1, -(-total // budget))))
    parts, room, start = [], size, 0
    for place, length in enumerate(sizes.tolist()):
        if place > start and length > room:
            parts.append(order[start:place])
            start, room = place, size
        room -= length
    return [*parts, order[start:]] if len(order) else []
