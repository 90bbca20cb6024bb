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

    def __init__(self, size: int, merged: Callable[..., T], brought: Callable[[T], int] = lambda _: 0) -> None:
        """Make an empty sample that will hold `size` items at most.

        Args:
            size: of the sample.
            merged: makes one item of several, which are its arguments.
            brought: how much an item has taken over from others. So many copies wait before they are merged with it,
                so that the time for all copies of an item is about linear in them.
        """
        self.size, self.copies = size, 0
        self._merged, self._brought = merged, brought
        self._heap: list[int] = []
        self._items: dict[int, T] = {}
        self._waiting: dict[int, list[T]] = {}

    def __len__(self) -> int:
        """Count what is in the sample now."""
        return len(self._heap)

    def add(self, number: int, item: T) -> bool:
        """Offer an item with its drawn number; say whether nothing had to be left out."""
        if number in self._items:
            waiting = self._waiting.setdefault(number, [])
            waiting.append(item)
            if len(waiting) > self._brought(self._items[number]):
                self._merge(number)
            self.copies += 1
            return True
        self._items[number] = item
        heapq.heappush(self._heap, -number)
        if len(self._heap) <= self.size:
            return True
        largest = -heapq.heappop(self._heap)
        del self._items[largest]
        self._waiting.pop(largest, None)
        return False

    def _merge(self, number: int) -> None:
        self._items[number] = self._merged(self._items[number], *self._waiting.pop(number))

    def __iter__(self) -> Iterator[T]:
        """Yield the items in order of their numbers."""
        for number in list(self._waiting):
            self._merge(number)
        return (self._items[number] for number in sorted(self._items))
