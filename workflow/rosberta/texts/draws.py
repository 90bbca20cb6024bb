"""Draws that depend on a seed and on what is drawn for, and on nothing else: not on order, machine or process."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from hashlib import blake2b
from typing import Generic, TypeVar

T = TypeVar("T")


def draw(seed: int, *words: str) -> int:
    """Draw a number of 64 bits for `words`, uniformly over seeds and words (keyed BLAKE2b)."""
    hasher = blake2b(key=str(seed).encode(), digest_size=8)
    for word in words:
        content = word.encode()
        # The length keeps ("ab", "c") and ("a", "bc") apart.
        hasher.update(len(content).to_bytes(8, "big") + content)
    return int.from_bytes(hasher.digest(), "big")


class Sample(Generic[T]):
    """The `size` items with the smallest drawn numbers: a uniform sample of a stream in memory for `size` items.

    Which items are in it does not depend on the order in which they come.
    """

    def __init__(self, size: int) -> None:
        """Make an empty sample that will hold `size` items at most."""
        self.size = size
        self._heap: list[tuple[int, int, T]] = []

    def __len__(self) -> int:
        """Count what is in the sample now."""
        return len(self._heap)

    def add(self, number: int, position: int, item: T) -> bool:
        """Offer an item with its drawn number and its unique position; say whether nothing had to be left out."""
        entry = (-number, -position, item)
        if len(self._heap) < self.size:
            heapq.heappush(self._heap, entry)
            return True
        heapq.heappushpop(self._heap, entry)
        return False

    def __iter__(self) -> Iterator[T]:
        """Yield the items in order of position."""
        return (item for _, _, item in sorted(self._heap, key=lambda entry: -entry[1]))
