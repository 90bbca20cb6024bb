"""Files of one's own tasks, read for what they hold: a library that guesses types takes the id 007 for the number 7."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.json as pajson
import pyarrow.parquet as pq

from rosberta.frame.mistakes import Mistake

FORMS = {".csv": ",", ".tsv": "\t"}
"""Endings of tables of text, each with what stands between two columns."""

_NUMBER = re.compile(r"[+-]?(0|[1-9]\d{0,14})(\.\d*)?([eE][+-]?\d+)?|nan|inf")
_WHOLE = re.compile(r"-?(0|[1-9]\d{0,17})")
_BLOCK = 1 << 26


def form(path: str | Path) -> str:
    """What a file's name says of its form, packed or not: ``.csv``, ``.jsonl``."""
    suffixes = [suffix for suffix in PurePosixPath(path).suffixes if suffix not in (".gz", ".zst")]
    return suffixes[-1] if suffixes else ""


def one_form(where: str, paths: Iterable[Path]) -> None:
    """Hold a task's files to one form, as `datasets` reads all by the form of the first.

    Raises:
        Mistake: there are two.
    """
    first: dict[str, Path] = {}
    for path in paths:
        kind = form(path)
        first.setdefault({".csv": ".parquet", ".tsv": ".parquet", ".json": ".jsonl"}.get(kind, kind), path)
    if len(first) > 1:
        one, other, *_ = first.values()
        raise Mistake(
            f"{where}.files: {one.name} and {other.name} are of two forms, of which one would not be read; write both "
            "as parquet, or as jsonl"
        )


def check_lines(where: str, path: Path, columns: Iterable[str]) -> None:
    """Hold texts and ids in lines of JSON to be read as they stand: all dates, they would be taken for times.

    Raises:
        Mistake: a column is.
    """
    try:
        found = pajson.open_json(path, pajson.ReadOptions(block_size=_BLOCK)).schema
    except pa.ArrowInvalid:
        return  # one array, or damaged: who reads it will say
    for name in columns:
        if name in found.names and pa.types.is_temporal(found.field(name).type):
            raise Mistake(
                f"{where}: {path.name}: column {name!r} holds dates alone, which would be read as times; write the "
                "file as parquet or csv"
            )


def typed(values: Iterable[str | None]) -> pa.DataType:
    """The type of labels or scores that are written as texts, the same however they are spread over files."""
    kinds = {value.strip() for value in values if value}
    if all(_WHOLE.fullmatch(value) for value in kinds):
        return pa.int64()
    if all(_NUMBER.fullmatch(value) for value in kinds):
        return pa.float64()
    return pa.bool_() if kinds <= {"True", "False", "true", "false"} else pa.string()


def column(where: str, path: Path, name: str) -> Iterator[str | None]:
    """Yield the values of a column of a table of text; none, where there is no such column."""
    for part in _parts(where, path):
        if name in part.schema.names:
            yield from part[name].to_pylist()


def write(where: str, path: Path, target: Path, types: Mapping[str, pa.DataType]) -> None:
    """Write a table of text as parquet: every column as it stands, but these, which are of a type.

    Raises:
        Mistake: it is damaged, or has no rows; `where` names what it is for.
    """
    rows, writer = 0, None
    for part in _parts(where, path):
        for name in set(types) & set(part.schema.names):
            place = part.schema.get_field_index(name)
            values = pc.utf8_trim_whitespace(part[name]) if types[name] != pa.string() else part[name]
            part = part.set_column(place, name, values.cast(types[name]))  # noqa: PLW2901
        writer = writer or pq.ParquetWriter(target, part.schema, compression="zstd")
        writer.write_table(part)
        rows += len(part)
    if writer:
        writer.close()
    if not rows:
        raise Mistake(f"{where}: {path.name} is empty; there is nothing to evaluate on")


def _parts(where: str, path: Path) -> Iterator[pa.Table]:
    """Yield a table of text in parts; an empty field is missing, and the text NA is a text."""
    options: dict[str, Any] = {
        "parse_options": pacsv.ParseOptions(delimiter=FORMS[form(path)], newlines_in_values=True),
        "read_options": pacsv.ReadOptions(block_size=_BLOCK, use_threads=False),
    }
    try:
        names: Sequence[str] = pacsv.open_csv(path, **options).schema.names
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise Mistake(f"{where}: {path.name} has two columns {twice!r}; leave one out")
        texts = pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        )
        for batch in pacsv.open_csv(path, convert_options=texts, **options):
            yield pa.Table.from_batches([batch])
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError, UnicodeDecodeError) as error:
        raise Mistake(f"{where}: {path.name} cannot be read ({str(error).splitlines()[0][:200]})") from None
