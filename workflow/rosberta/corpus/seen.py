"""Documents that the benchmark searches and that are trained on: not as answers, but a model has seen them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rosberta.corpus.sorting import holds, mapped
from rosberta.frame.rows import read_rows
from rosberta.texts.ngrams import hash_text

SEEN = pa.schema([("id", pa.string()), ("task", pa.string()), ("document", pa.uint64())])
"""A row, and the hash of the normal form of a document of a task that it trains on."""

_WAITING = 65_536


def corpora(folder: Path) -> dict[str, np.ndarray]:
    """The hashes of the documents of each task, sorted, as the stage `index` wrote them; read in place.

    Raises:
        Mistake: they are damaged.
    """
    return {path.stem: mapped(path) for path in sorted((folder / "documents").glob("*.npy"))}


class Listing:
    """The list of what rows hold of the documents (`SEEN`), which grows row by row."""

    def __init__(self, path: Path, documents: Mapping[str, np.ndarray]) -> None:
        """Open the file."""
        self._file, self._documents = pq.ParquetWriter(path, SEEN, compression="zstd"), documents
        self._ids: list[str] = []
        self._hashes: list[int] = []

    def add(self, row: Mapping[str, Any], forms: Mapping[str, str]) -> None:
        """Take a row that is kept, and the normal form of each of its texts."""
        texts = (row["anchor"], row["positive"], *row["negatives"])
        hashes = [hash_text(form) for form in {forms[text]: None for text in texts if text is not None}]
        self._hashes += hashes
        self._ids += [row["id"]] * len(hashes)
        if len(self._ids) > _WAITING:
            self._flush()

    def close(self) -> None:
        """Write what is waiting."""
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        hashes = np.array(self._hashes, np.uint64)
        for task, documents in self._documents.items():
            places = np.flatnonzero(holds(documents, hashes))
            if len(places):
                columns = [[self._ids[place] for place in places.tolist()], [task] * len(places), hashes[places]]
                self._file.write_table(pa.table(columns, schema=SEEN))
        self._ids, self._hashes = [], []


def seen(path: Path, ids: Iterable[str]) -> dict[str, np.ndarray]:
    """By task, the distinct documents that these rows of a source hold."""
    table = read_rows(path)
    if not len(table):
        return {}
    table = table.filter(pc.is_in(table["id"], value_set=pa.array(ids, pa.string())))
    return {
        task: np.unique(table.filter(pc.equal(table["task"], task))["document"].to_numpy())
        for task in sorted(set(table["task"].to_pylist()))
    }
