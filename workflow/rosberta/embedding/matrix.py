"""Embeddings of many texts in a file, so that none need be in memory but the block at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from rosberta.embedding.embedder import unit

if TYPE_CHECKING:
    from rosberta.embedding.embedder import Embedder


ROWS = 16_384
"""Rows read at once where nothing else is asked for: 25 MB of 384 numbers each."""


class Matrix:
    """Embeddings of length one, float32, row by row in a file."""

    def __init__(self, path: Path, rows: int, dimension: int) -> None:
        """Take a file that holds them."""
        self.path, self.rows, self.dimension = path, rows, dimension

    def __len__(self) -> int:
        """Count the rows."""
        return self.rows

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield blocks of rows, in order."""
        return self.blocks(ROWS)

    def blocks(self, size: int) -> Iterator[np.ndarray]:
        """Yield blocks of so many rows, in order; they are read, and not mapped, so that memory holds one."""
        for first in range(0, self.rows, size):
            yield self.read(first, min(first + size, self.rows))

    def read(self, first: int, last: int) -> np.ndarray:
        """The rows from `first` to before `last`."""
        size = self.dimension * 4
        block = np.fromfile(self.path, np.float32, (last - first) * self.dimension, offset=first * size)
        return block.reshape(last - first, self.dimension)

    def dots(self, queries: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Dot products, float32, of pairs (query, row), in the order of the pairs.

        Beside a product of matrices they differ in the last bits: `rosberta.embedding.ranks.ROUNDING`.
        """
        found = np.empty(len(pairs[0]), np.float32)
        order = pairs[1].argsort(kind="stable")
        rows = pairs[1][order]
        for first in range(0, self.rows, ROWS):
            low, high = rows.searchsorted([first, first + ROWS])
            if low < high:
                block = self.read(first, min(first + ROWS, self.rows))
                for start in range(low, high, ROWS):
                    some = order[start : min(start + ROWS, high)]
                    found[some] = np.einsum("ij,ij->i", queries[pairs[0][some]], block[pairs[1][some] - first])
        return found


def embedded(
    embedder: Embedder, texts: Sequence[str], prompt: str, path: Path, *, at_once: int, progress: str
) -> Matrix:
    """Embed texts, `prompt` before each, and write the embeddings to a file.

    Args:
        embedder: whose cache keeps what is done, if it has one, so that a killed job goes on where it was.
        texts: of any number; of them so many are in memory as are embedded `at_once`.
        prompt: put before each.
        path: of the file.
        at_once: what a kill costs at most.
        progress: what the progress bar is called.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, tqdm(total=len(texts), desc=progress, unit="text") as bar:
        for start in range(0, len(texts), at_once):
            some = texts[start : start + at_once]
            file.write(unit(embedder.embed(some, prompt)).tobytes())
            bar.update(len(some))
    return Matrix(path, len(texts), embedder.dimension)
