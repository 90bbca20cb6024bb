"""Raw files as streams of rows: parquet, JSON lines (plain, gzip, zstandard) and CSV.

Files are opened by their ending and read as they are: nothing is inferred, converted or executed, and a row is in
memory only while it is read. Values are what the file holds; a CSV holds texts alone.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from rosberta.mistakes import Mistake, nearest

Raw = dict[str, Any]

ENDINGS = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".csv")

_BATCH = 1024
"""Rows of a parquet file in memory at once."""
_SEEN = 1000
"""Lines of a JSON lines file whose keys together are its columns: a writer may leave out keys without a value."""
_LONGEST_FIELD = 1 << 24
_ZSTD_WINDOW = 1 << 31
"""Large dumps are packed with windows beyond zstandard's default limit of 128 MiB."""


def files(folder: Path, glob: str) -> list[Path]:
    """Files of a folder that match a glob, sorted by path.

    Raises:
        Mistake: none does, or one of them has a form that cannot be read.
    """
    found = sorted(path for path in folder.glob(glob) if path.is_file())
    if not found:
        there = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        raise Mistake(f"no file matches {glob!r}{nearest(glob, there)}")
    for path in found:
        if not path.name.endswith(ENDINGS):
            raise Mistake(f"{path.name} is none of {', '.join(ENDINGS)}; narrow the glob {glob!r}")
    return found


def columns(path: Path) -> list[str]:
    """Names of the columns of a file.

    Raises:
        Mistake: the file is damaged.
    """
    if path.name.endswith(".parquet"):
        with _damage(path):
            return list(pq.read_schema(path).names)
    if path.name.endswith(".csv"):
        with _damage(path), path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file).fieldnames or ())
    return list(dict.fromkeys(name for row in islice(_json_rows(path), _SEEN) for name in row))


def rows(path: Path, names: Sequence[str]) -> Iterator[Raw]:
    """Yield the rows of a file with the columns `names` alone; a value that a JSON line leaves out is None.

    Raises:
        Mistake: the file is damaged.
    """
    if path.name.endswith(".parquet"):
        return _parquet_rows(path, names)
    found = _csv_rows(path) if path.name.endswith(".csv") else _json_rows(path)
    return ({name: row.get(name) for name in names} for row in found)


def _parquet_rows(path: Path, names: Sequence[str]) -> Iterator[Raw]:
    with _damage(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=list(names), use_threads=False):
            yield from batch.to_pylist()


def _json_rows(path: Path) -> Iterator[Raw]:
    with _damage(path), _lines(path) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                raise Mistake(f"{path.name}: line {number} is not JSON; fetch the file again") from None
            if not isinstance(row, dict):
                raise Mistake(f"{path.name}: line {number} is JSON, but no object; give one object a line")
            yield row


def _csv_rows(path: Path) -> Iterator[Raw]:
    csv.field_size_limit(_LONGEST_FIELD)
    with _damage(path), path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, strict=True)
        for row in reader:
            if None in row or None in row.values():
                width = len(reader.fieldnames or ())
                raise Mistake(f"{path.name}: line {reader.line_num} has not {width} fields; check its quotes")
            yield row


@contextmanager
def _lines(path: Path) -> Iterator[IO[str]]:
    if path.name.endswith(".zst"):
        import zstandard

        unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        with path.open("rb") as packed, unpacker.stream_reader(packed, read_across_frames=True) as stream:
            yield io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
    elif path.name.endswith(".gz"):
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            yield file
    else:
        with path.open(encoding="utf-8", newline="\n") as file:
            yield file


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turn what the readers raise over a damaged file into a `Mistake` that names it."""
    damage: list[type[Exception]] = [pa.ArrowException, UnicodeDecodeError, EOFError, csv.Error, OSError]
    if path.name.endswith(".zst"):
        import zstandard

        damage.append(zstandard.ZstdError)
    try:
        yield
    except tuple(damage) as error:
        raise Mistake(f"{path.name}: damaged ({str(error).splitlines()[0]}); fetch the file again") from None
