"""Documents that the benchmark searches and that are trained on: not as answers, but a model has seen them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rosberta.corpus.sorting import holds, mapped
from rosberta.frame.rows import read_batches, read_rows
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal

SEEN = pa.schema([("id", pa.string()), ("task", pa.string()), ("document", pa.uint64())])
"""A row, and the hash of the normal form of a document of a task that it trains on."""

_WAITING = 65_536


@dataclass(frozen=True)
class Documents:
    """What a task searches, as the stage `index` wrote it: sorted hashes of normal forms."""

    texts: np.ndarray
    titled: np.ndarray
    """With titles, and in a second row those of the same documents without."""

    def __len__(self) -> int:
        """Count the distinct documents."""
        return len(self.texts)

    def found(self, hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The places of those hashes that a document has, with its title or without, and the document of each."""
        documents = np.array(hashes, np.uint64)
        here, titled = holds(self.texts, hashes), holds(self.titled[0], hashes)
        there = titled & ~here
        documents[there] = self.titled[1][np.searchsorted(self.titled[0], hashes[there])]
        places = np.flatnonzero(here | there)
        return places, documents[places]


def corpora(folder: Path) -> dict[str, Documents]:
    """The documents of each task; read in place.

    Raises:
        Mistake: they are missing or damaged.
    """
    paths = sorted((folder / "documents").glob("*.npy"))
    return {path.stem: Documents(mapped(path), mapped(path.parent / "titled" / path.name)) for path in paths}


class Listing:
    """The list of what rows hold of the documents (`SEEN`), which grows row by row."""

    def __init__(self, path: Path, documents: Mapping[str, Documents]) -> None:
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
            places, found = documents.found(hashes)
            if len(places):
                # With its title and without, a row holds a document once.
                pairs = dict.fromkeys(zip((self._ids[place] for place in places.tolist()), found.tolist(), strict=True))
                columns = [[id for id, _ in pairs], [task] * len(pairs), [document for _, document in pairs]]
                self._file.write_table(pa.table(columns, schema=SEEN))
        self._ids, self._hashes = [], []


def drawn(
    mined: Path, others: Iterable[tuple[Path, Path]], documents: Mapping[str, Documents]
) -> dict[str, np.ndarray]:
    """By task, the distinct documents among the negatives of mined rows that these drew from other sources.

    Args:
        mined: the rows.
        others: of each other source its rows, and the list of what they hold (`SEEN`).
        documents: of each task (`corpora`).
    """
    # Only texts of rows that hold a document are looked for: to bring all negatives into normal form takes long.
    forms: dict[int, str] = {}
    for rows, listed in others:
        ids = set(read_rows(listed, ["id"])["id"].to_pylist())
        for batch in read_batches(rows, ["id", "anchor", "positive", "negatives", "positives"]):
            for row in batch:
                if row["id"] in ids:
                    texts = (row["anchor"], row["positive"], *row["negatives"], *row["positives"])
                    forms |= {hash_text(text): normal(text) for text in texts if text is not None}
    if not forms:
        return {}
    told = {
        hash_text(text) for batch in read_batches(mined, ["negatives"]) for row in batch for text in row["negatives"]
    }
    hashes = np.array([hash_text(forms[text]) for text in sorted(told & forms.keys())], np.uint64)
    found = {task: np.unique(each.found(hashes)[1]) for task, each in documents.items()}
    return {task: each for task, each in found.items() if len(each)}


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
