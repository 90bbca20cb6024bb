"""Training rows in parquet files: their one shape, and the counts of what was kept and dropped beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rosberta.frame.files import whole
from rosberta.frame.mistakes import Missing, Mistake

ROW = pa.schema(
    [
        ("anchor", pa.string()),
        ("positive", pa.string()),
        ("negatives", pa.list_(pa.string())),
        ("positives", pa.list_(pa.string())),
        ("task", pa.string()),
        ("prefix", pa.string()),
        ("language", pa.string()),
        ("source", pa.string()),
        ("group", pa.string()),
        ("id", pa.string()),
    ]
)
"""One training example, in every file from `collect` to `mine`.

``positives`` are all texts that are known to be relevant to the anchor, but for the one in ``positive``. They are not
trained on; they are never its negatives.
"""

GROUP_CHARACTERS = 128_000_000
"""Characters of a row group's negatives and positives, about. What a reader takes of one column at once is below two
gigabytes."""

_COUNTS = b"rosberta.counts"


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], counts: Mapping[str, Any]) -> None:
    """Write training rows (`ROW`) to a parquet file, whole, with the stage's `counts` in the file's own metadata.

    Rows and the tally of what was kept and dropped cannot drift apart this way. Equal rows give equal bytes. A row
    without ``positives`` has none. A row group at a time is in memory.
    """
    with whole(path) as part:
        writer = Writer(part, ROW)
        writer.write({"positives": [], **row} for row in rows)
        writer.close(counts)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Read a parquet file of the project in this block.

    Raises:
        Mistake: the file is missing, or is no such table.
    """
    try:
        yield
    except FileNotFoundError:
        raise Missing(path) from None
    except (pa.ArrowException, OSError) as error:
        said = str(error).partition("\n")[0]
        raise Mistake(f"{path}: not readable as parquet ({said}); remove it and run its stage again") from None


def read_rows(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a table whole, as training rows.

    Raises:
        Mistake: the file is missing, or is no such table.
    """
    with readable(path):
        return pq.read_table(path, columns=columns and list(columns))


def read_batches(path: Path, columns: Sequence[str] | None = None, size: int = 4096) -> Iterator[list[dict[str, Any]]]:
    """Read rows of a parquet file in batches, so that memory does not grow with the file.

    Raises:
        Mistake: the file is missing, or is no such table.
    """
    with readable(path), pq.ParquetFile(path) as file:
        for batch in batches_of(file, size, columns):
            yield batch.to_pylist()


def number_of_rows(path: Path) -> int:
    """How many rows a parquet file has.

    Raises:
        Mistake: the file is missing, or is no such table.
    """
    with readable(path):
        return int(pq.read_metadata(path).num_rows)


def batches_of(file: pq.ParquetFile, size: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Read a file in batches, none of which is of two row groups: together their lists may be too large for one."""
    for group in range(file.num_row_groups):
        yield from file.iter_batches(size, row_groups=[group], columns=columns and list(columns), use_threads=False)


class Writer:
    """A parquet file of rows that grows batch by batch; equal rows give equal bytes, whatever the batches."""

    def __init__(self, path: Path, schema: pa.Schema, group: int = 65_536) -> None:
        """Open the file."""
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema, self._group = schema, group
        self._waiting: list[Mapping[str, Any]] = []
        self._room = GROUP_CHARACTERS

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows."""
        for row in rows:
            self._waiting.append(row)
            self._room -= sum(len(text) for name in ("negatives", "positives") for text in row.get(name) or ())
            if len(self._waiting) == self._group or self._room < 0:
                self._flush()

    def table(self, table: pa.Table) -> None:
        """Append rows that are a table already, as a row group of their own."""
        self._flush()
        if len(table):
            self._file.write_table(table.cast(self._schema), self._group)

    def close(self, counts: Mapping[str, Any]) -> None:
        """Write what is waiting, and the stage's counts."""
        self._flush()
        self._file.add_key_value_metadata({_COUNTS: json.dumps(counts, sort_keys=True, ensure_ascii=False).encode()})
        self._file.close()

    def _flush(self) -> None:
        if self._waiting:
            self._file.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting, self._room = [], GROUP_CHARACTERS


def read_counts(path: Path) -> dict[str, Any]:
    """Read the counts that a stage laid beside its rows: read, kept, and dropped by reason.

    Raises:
        Mistake: the file is missing, or is no such table.
    """
    with readable(path):
        metadata = pq.read_metadata(path).metadata or {}
    return json.loads(metadata[_COUNTS]) if _COUNTS in metadata else {}
