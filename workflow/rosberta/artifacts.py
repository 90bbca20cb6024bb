"""Where each artifact lies, and how one is written: whole or not at all.

All paths are relative to the root of the project, which is the current directory of every stage.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rosberta.mistakes import Mistake

CHECKED = Path("data/check.txt")
HUB = Path("data/hub")
BENCHMARK = Path("data/benchmark")
COLLECTED = Path("data/collected")
DUPLICATES = Path("data/duplicates")
CLEANED = Path("data/cleaned")
REMOVED = Path("data/removed")
MINED = Path("data/mined")
MIXTURES = Path("data/mixtures")
VOCABULARY = Path("data/vocabulary")
ENCODERS = Path("results/encoders")
RUNS = Path("results/runs")
SCORES = Path("results/scores")
OWN = "own"
"""Folder of a model's scores that holds those of one's own tasks."""
REPORT = Path("results/report")

ROW = pa.schema(
    [
        ("anchor", pa.string()),
        ("positive", pa.string()),
        ("negatives", pa.list_(pa.string())),
        ("task", pa.string()),
        ("prefix", pa.string()),
        ("language", pa.string()),
        ("source", pa.string()),
        ("group", pa.string()),
        ("id", pa.string()),
    ]
)
"""One training example, in every file from `collect` to `mine`."""

_COUNTS = b"rosberta.counts"


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path` to write a file or a folder to; move it in at the end.

    What stood at `path` is replaced only then. On an error the temporary is removed and `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    _remove(temporary)
    try:
        yield temporary
        if path.is_dir():
            _remove(path)
        temporary.replace(path)
    finally:
        _remove(temporary)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def canonical(value: object) -> str:
    """One JSON text for one value: sorted keys, no escapes, a newline at the end."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def write_json(path: Path, value: object) -> None:
    """Write `value` to `path` as canonical JSON, whole."""
    with whole(path) as part:
        part.write_text(canonical(value), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON artifact.

    Raises:
        Mistake: the file is missing, or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Mistake(f"{path}: missing; run the stage that writes it, or restore it with `dvc checkout`") from None
    except ValueError as error:
        raise Mistake(f"{path}: not readable as JSON ({error}); remove it and run its stage again") from None


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(folder: Path) -> str:
    """Hexadecimal SHA-256 of a folder's content: of the sorted lines ``path sha256`` of its files."""
    return digest_of({file.relative_to(folder).as_posix(): sha256(file) for file in files_of(folder)})


def digest_of(sums: Mapping[str, str]) -> str:
    """The digest of a folder whose files (relative POSIX path) have these SHA-256 sums."""
    lines = "".join(f"{path} {sums[path]}\n" for path in sorted(sums))
    return hashlib.sha256(lines.encode()).hexdigest()


def files_of(folder: Path) -> list[Path]:
    """All files below `folder`, sorted; what the engines drop there for themselves is passed over."""
    return sorted(file for file in folder.rglob("*") if file.is_file() and file.name != ".snakemake_timestamp")


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], counts: Mapping[str, Any]) -> None:
    """Write training rows (`ROW`) to a parquet file, whole, with the stage's `counts` in the file's own metadata.

    Rows and the tally of what was kept and dropped cannot drift apart this way. Equal rows give equal bytes.
    """
    metadata = {_COUNTS: json.dumps(counts, sort_keys=True, ensure_ascii=False).encode()}
    with whole(path) as part:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=ROW.with_metadata(metadata)), part, compression="zstd")


def read_rows(path: Path) -> pa.Table:
    """Read training rows.

    Raises:
        Mistake: the file is missing, or is no such table.
    """
    try:
        return pq.read_table(path)
    except FileNotFoundError:
        raise Mistake(f"{path}: missing; run the stage that writes it, or restore it with `dvc checkout`") from None
    except pa.ArrowInvalid as error:
        raise Mistake(f"{path}: not readable as parquet ({error}); remove it and run its stage again") from None


def read_batches(path: Path, columns: Sequence[str] | None = None, size: int = 4096) -> Iterator[list[dict[str, Any]]]:
    """Read rows of a parquet file in batches, so that memory does not grow with the file.

    Raises:
        Mistake: the file is missing, or is no such table.
    """
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(size, columns=columns, use_threads=False):
                yield batch.to_pylist()
    except FileNotFoundError:
        raise Mistake(f"{path}: missing; run the stage that writes it, or restore it with `dvc checkout`") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise Mistake(f"{path}: not readable as parquet ({error}); remove it and run its stage again") from None


class Writer:
    """A parquet file of rows that grows batch by batch; equal rows give equal bytes, whatever the batches."""

    def __init__(self, path: Path, schema: pa.Schema, group: int = 65_536) -> None:
        """Open the file."""
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema, self._group = schema, group
        self._waiting: list[Mapping[str, Any]] = []

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append rows."""
        for row in rows:
            self._waiting.append(row)
            if len(self._waiting) == self._group:
                self._flush()

    def close(self, counts: Mapping[str, Any]) -> None:
        """Write what is waiting, and the stage's counts."""
        self._flush()
        self._file.add_key_value_metadata({_COUNTS: json.dumps(counts, sort_keys=True, ensure_ascii=False).encode()})
        self._file.close()

    def _flush(self) -> None:
        if self._waiting:
            self._file.write_table(pa.Table.from_pylist(self._waiting, schema=self._schema))
            self._waiting = []


def read_counts(path: Path) -> dict[str, Any]:
    """Read the counts that a stage laid beside its rows: read, kept, and dropped by reason."""
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except FileNotFoundError:
        raise Mistake(f"{path}: missing; run the stage that writes it, or restore it with `dvc checkout`") from None
    return json.loads(metadata[_COUNTS]) if _COUNTS in metadata else {}
