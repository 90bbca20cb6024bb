"""Draws that depend on a seed and on what is drawn for, and on nothing else: not on order, machine or process."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
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

    Items of one number are one item. Which items are in it does not depend on the order in which they come.

    Attributes:
        copies: items so far that were one with another of the sample.
    """

    def __init__(self, size: int, merged: Callable[[T, T], T]) -> None:
        """Make an empty sample that will hold `size` items at most, of which `merged` makes one of two."""
        self.size, self.copies = size, 0
        self._merged = merged
        self._heap: list[int] = []
        self._items: dict[int, T] = {}

    def __len__(self) -> int:
        """Count what is in the sample now."""
        return len(self._heap)

    def add(self, number: int, item: T) -> bool:
        """Offer an item with its drawn number; say whether nothing had to be left out."""
        if number in self._items:
            self._items[number] = self._merged(self._items[number], item)
            self.copies += 1
            return True
        self._items[number] = item
        heapq.heappush(self._heap, -number)
        if len(self._heap) <= self.size:
            return True
        del self._items[-heapq.heappop(self._heap)]
        return False

    def __iter__(self) -> Iterator[T]:
        """Yield the items in order of their numbers."""
        return (self._items[number] for number in sorted(self._items))
