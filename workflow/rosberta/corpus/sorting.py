"""Arrays and texts that are written piece by piece and sorted in bounded memory; what is written is read in place."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Self

import numpy as np
from numpy.lib import format as npy

from rosberta.frame.mistakes import Missing, Mistake

MOST = 1 << 18
"""Hashes of one sorter that wait in memory."""
CHARACTERS = 1 << 25
"""Characters of texts that wait in memory."""

_PAIR = np.dtype([("hash", "<u8"), ("owner", "<i4")])


class Column:
    """A ``.npy`` file of one dimension that grows."""

    def __init__(self, path: Path, dtype: str) -> None:
        """Open the file."""
        self._file, self._dtype, self._length = path.open("wb"), np.dtype(dtype), 0
        self._head()

    def add(self, values: np.ndarray) -> None:
        """Append values."""
        self._file.write(values.astype(self._dtype, copy=False).tobytes())
        self._length += len(values)

    def _head(self) -> None:
        # numpy leaves room for a length to grow.
        head = {"descr": npy.dtype_to_descr(self._dtype), "fortran_order": False, "shape": (self._length,)}
        npy.write_array_header_1_0(self._file, head)

    def __enter__(self) -> Self:
        """Write."""
        return self

    def __exit__(self, *_: object) -> None:
        """Say how much was written."""
        self._file.seek(0)
        self._head()
        self._file.close()


def mapped(path: Path) -> np.ndarray:
    """An array in a ``.npy`` file, read in place and only where it is looked at.

    Raises:
        Mistake: it is missing or damaged.
    """
    try:
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except FileNotFoundError:
        raise Missing(path, "index") from None
    except (ValueError, EOFError, OSError) as error:
        raise Mistake(f"{path}: damaged ({error}); remove it and run the stage `index`") from None


class Sorter:
    """Hashes with their owners, sorted by hash; owners of one hash stay in the order in which they came.

    What does not fit into memory waits on disk, in 256 files by the hashes' first byte, each of which is sorted alone.
    """

    def __init__(self, scratch: Path, most: int = MOST) -> None:
        """Take a folder for this sorter alone, and how many hashes may wait in memory."""
        self._scratch, self._most = scratch, most
        self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
        self._number = 0

    def add(self, hashes: np.ndarray, owners: np.ndarray) -> None:
        """Take hashes (uint64) and the owner of each."""
        self._waiting.append((hashes, owners.astype(np.int32)))
        self._number += len(hashes)
        if self._number > self._most:
            self._spill()

    def pieces(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Hashes and owners in order, in pieces; equal hashes are in one. Once only."""
        if not self._scratch.exists():
            yield _sorted(*self._taken())
            return
        self._spill()
        for path in sorted(self._scratch.iterdir()):
            pairs = np.fromfile(path, _PAIR)
            path.unlink()
            yield _sorted(pairs["hash"], pairs["owner"])
        self._scratch.rmdir()

    def _taken(self) -> tuple[np.ndarray, np.ndarray]:
        hashes = np.concatenate([np.zeros(0, np.uint64), *(each for each, _ in self._waiting)])
        owners = np.concatenate([np.zeros(0, np.int32), *(each for _, each in self._waiting)])
        self._waiting, self._number = [], 0
        return hashes, owners

    def _spill(self) -> None:
        self._scratch.mkdir(exist_ok=True)
        hashes, owners = self._taken()
        first = (hashes >> np.uint64(56)).astype(np.uint8)
        order = np.argsort(first, kind="stable")
        pairs = np.empty(len(order), _PAIR)
        pairs["hash"], pairs["owner"] = hashes[order], owners[order]
        ends = np.cumsum(np.bincount(first, minlength=256))
        for byte, part in enumerate(np.split(pairs, ends[:-1])):
            if len(part):
                with (self._scratch / f"{byte:03}").open("ab") as file:
                    file.write(part.tobytes())


def _sorted(hashes: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(hashes, kind="stable")
    return hashes[order], owners[order]


def runs(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each distinct value of a sorted array begins, and how often it stands there."""
    starts = np.flatnonzero(np.concatenate((np.ones(min(len(values), 1), bool), values[1:] != values[:-1])))
    return starts, np.diff(np.append(starts, len(values)))


def holds(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which of the wanted values a sorted array holds."""
    places = np.searchsorted(values, wanted)
    found = places < len(values)
    found[found] = values[places[found]] == wanted[found]
    return found


def distinct(
    texts: Iterable[tuple[str, str]], scratch: Path, characters: int = CHARACTERS
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Distinct texts in the order of their characters, each with its labels, sorted.

    Args:
        texts: pairs of a text and a label of it, in any order; neither holds a character below a blank.
        scratch: a folder in which sorted parts of them wait.
        characters: of texts that wait in memory.
    """
    written: list[Path] = []
    # A label stands behind what sorts before all that a text may hold, so that lines sort as texts do.
    waiting: set[str] = set()
    number = 0
    for text, label in texts:
        line = f"{text}\t{label}\n"
        if line not in waiting:
            waiting.add(line)
            number += len(line)
        if number > characters:
            written.append(scratch / f"{len(written):06}.txt")
            with written[-1].open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(sorted(waiting))
            waiting, number = set(), 0
    lines = heapq.merge(*(_lines(path) for path in written), sorted(waiting))
    for text, group in groupby(lines, lambda line: line.partition("\t")[0]):
        yield text, tuple(dict.fromkeys(line.partition("\t")[2][:-1] for line in group))


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8", newline="\n") as file:
        yield from file
    path.unlink()
