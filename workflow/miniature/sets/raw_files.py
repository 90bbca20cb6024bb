"""Raw files in the formats of the hub, equal in every byte for equal rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Row = dict[str, Any]
Files = dict[str, "pa.Table | Sequence[Row]"]
"""Contents by path in a repository: a table for ``.parquet``, rows for JSON and CSV, whose ending says how packed."""

STRING, INT = pa.string(), pa.int64()


def table(rows: Sequence[Row], columns: dict[str, pa.DataType], features: Row | None = None) -> pa.Table:
    """Rows as a table with these columns; `features` is what `datasets` keeps of them in a file, where it says more."""
    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if features else None
    schema = pa.schema(list(columns.items()), metadata=metadata)
    return pa.Table.from_pylist([{name: row.get(name) for name in columns} for row in rows], schema=schema)


def write(files: Files, folder: Path) -> None:
    """Write the files of a repository."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pa.Table):
            pq.write_table(content, path, compression="zstd")
            continue
        path.write_bytes(_packed(name, _text(name, content).encode()))


def _text(name: str, rows: Sequence[Row]) -> str:
    if name.endswith(".csv"):
        lines = io.StringIO()
        writer = csv.DictWriter(lines, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return lines.getvalue()
    if name.endswith(".json"):
        return json.dumps(list(rows), ensure_ascii=False, indent=1)
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _packed(name: str, content: bytes) -> bytes:
    if name.endswith(".zst"):
        import zstandard

        return zstandard.ZstdCompressor(level=9).compress(content)
    return gzip.compress(content, mtime=0) if name.endswith(".gz") else content


def scattered(rows: Sequence[Row], others: Iterable[Row], random: Random) -> list[Row]:
    """Put each of the other rows at a random place among the rows, which keep their order."""
    mixed = list(rows)
    for row in others:
        mixed.insert(random.randint(0, len(mixed)), row)
    return mixed
