"""Raw files as streams of rows: parquet, JSON (one object a line, or one array), CSV and TSV, plain or packed.

Files are opened by their ending and read as they are: nothing is inferred, converted or executed, and a row is in
memory only while it is read. Values are what the file holds; a CSV holds texts alone. Packed means gzip or zstandard.
The one thing that no ending tells is whether quotes in a TSV are text or quote, which its lines have to say.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from rosberta.frame.mistakes import Mistake, nearest

Raw = dict[str, Any]

FORMS = (".jsonl", ".json", ".csv", ".tsv")
PACKINGS = ("", ".gz", ".zst")
ENDINGS = (".parquet", *(form + packing for form in FORMS for packing in PACKINGS))

_BATCH = 1024
"""Rows of a parquet file in memory at once."""
_SEEN = 1000
"""Rows of JSON whose keys together are its columns: a writer may leave out keys without a value."""
_LONGEST_FIELD = 1 << 24
_LONGEST_ELEMENT = 1 << 26
"""Characters of an element of a JSON array: where one seems to be longer, the array is broken."""
_CHUNK = 1 << 20
_BETWEEN = re.compile(r"[\s,]*")
"""What stands between two elements of a JSON array."""
_ZSTD_CHUNK = 1 << 16
_ZSTD_WINDOW = 1 << 31
"""Large dumps are packed with windows beyond zstandard's default limit of 128 MiB."""


def files(folder: Path, glob: str) -> list[Path]:
    """Files of a folder that match a glob, sorted by path; a file whose path it is goes before what it matches.

    Raises:
        Mistake: none does, or one of them has a form that cannot be read.
    """
    named = folder / glob  # such as train[1].parquet
    found = [named] if named.is_file() else sorted(path for path in folder.glob(glob) if path.is_file())
    if not found:
        there = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        raise Mistake(f"no file matches {glob!r}{nearest(glob, there)}")
    for path in found:
        if not path.name.endswith(ENDINGS):
            raise Mistake(
                f"{path.name} is no parquet, jsonl, json, csv or tsv file, plain, .gz or .zst; narrow the glob {glob!r}"
            )
    return found


def columns(path: Path) -> list[str]:
    """Names of the columns of a file.

    Raises:
        Mistake: the file is damaged.
    """
    form = _form(path)
    if form == ".parquet":
        with _damage(path):
            return _once(path, pq.read_schema(path).names)
    if form in (".csv", ".tsv"):
        with _damage(path), _text(path) as file:
            return list(_table(path, file).fieldnames or ())
    return list(dict.fromkeys(name for row in islice(_json_rows(path), _SEEN) for name in row))


def rows(path: Path, names: Sequence[str]) -> Iterator[Raw]:
    """Yield the rows of a file with the columns `names` alone; a value that a JSON object leaves out is None.

    Raises:
        Mistake: the file is damaged.
    """
    form = _form(path)
    if form == ".parquet":
        return _parquet_rows(path, names)
    found = _table_rows(path) if form in (".csv", ".tsv") else _json_rows(path)
    return ({name: row.get(name) for name in names} for row in found)


def _form(path: Path) -> str:
    """The ending of a file without its packing."""
    return Path(path.name.removesuffix(".gz").removesuffix(".zst")).suffix


def _parquet_rows(path: Path, names: Sequence[str]) -> Iterator[Raw]:
    with _damage(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_BATCH, columns=list(names), use_threads=False):
            yield from batch.to_pylist()


def _json_rows(path: Path) -> Iterator[Raw]:
    with _damage(path), _text(path) as file:
        lines: Iterator[str] = iter(file)
        if _form(path) == ".json":
            # The ending does not say which: MEDI's .json is one array, C4's has an object a line.
            while (first := file.read(1)).isspace():
                pass
            if first == "[":
                yield from _elements(path.name, file)
                return
            lines = chain([first + file.readline()], file)
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _object(line, f"{path.name}: line {number}")


def _once(path: Path, names: Sequence[str]) -> list[str]:
    """Names of columns, each of which stands there once: of two, one would win unseen."""
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise Mistake(f"{path.name}: has the column {twice[0]!r} twice; give one of them another name")
    return list(names)


class _Twice(Exception):
    """A JSON object has a key twice."""


def _unique(pairs: list[tuple[str, Any]]) -> Raw:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Twice(next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def _object(line: str, where: str) -> Raw:
    try:
        row = _DECODER.decode(line)
    except (ValueError, RecursionError):
        raise Mistake(f"{where} is not JSON; {_advice(line)}") from None
    except _Twice as twice:
        raise Mistake(f"{where} has the key {str(twice)!r} twice; give one of them another name") from None
    if not isinstance(row, dict):
        raise Mistake(f"{where} is JSON, but no object; give one object a line")
    return row


def _elements(name: str, file: IO[str]) -> Iterator[Raw]:
    """The elements of a JSON array of objects, read from behind its opening bracket.

    No more of the array is in memory than an element and a chunk.
    """
    decode = _DECODER.raw_decode
    held, number, at, wanted = "", 1, 0, _CHUNK
    while True:
        at = _BETWEEN.match(held, at).end()  # type: ignore[union-attr]  # it matches everywhere
        if held.startswith("]", at):
            if (held[at + 1 :] + file.read(_CHUNK)).strip():
                raise Mistake(f"{name}: goes on behind its array; give one array, or one object a line")
            return
        try:
            row, at = decode(held, at)
        except _Twice as twice:
            raise Mistake(f"{name}: element {number} has the key {str(twice)!r} twice; rename one of them") from None
        except (ValueError, RecursionError):
            more = file.read(wanted) if len(held) - at < _LONGEST_ELEMENT else ""
            if not more:
                raise Mistake(f"{name}: element {number} is not JSON; fetch the file again") from None
            # Twice as much each time: a long element is tried few times.
            held, at, wanted = held[at:] + more, 0, 2 * wanted
            continue
        if not isinstance(row, dict):
            raise Mistake(f"{name}: element {number} is JSON, but no object; give an array of objects")
        yield row
        number, wanted = number + 1, _CHUNK


def _advice(line: str) -> str:
    """What to do about a line that is not JSON."""
    text = line.strip()
    if text.strip("\0") == "" or "\0" in text:
        return "it holds NUL bytes, as a download that was cut leaves them; fetch the file again, or remove them"
    if text.startswith("\ufeff"):
        return "it begins with a byte order mark, as files that were joined have; remove it"
    if text in ("{", "[") or text.endswith(("{", "[", ",", ":")):
        return "write one object a line (jq -c .), or one array in a file that ends in .json"
    return "fetch the file again, if it was cut, or give one object a line"


def _table(path: Path, file: IO[str]) -> csv.DictReader[str]:
    csv.field_size_limit(_LONGEST_FIELD)
    if _form(path) == ".csv":
        reader = csv.DictReader(file, strict=True)
    else:
        before = path.stat()
        quoting: Any = csv.QUOTE_NONE if _unquoted(path, before.st_size, before.st_mtime_ns) else csv.QUOTE_MINIMAL
        reader = csv.DictReader(file, delimiter="\t", quoting=quoting, strict=True)
    _once(path, reader.fieldnames or ())
    return reader


@lru_cache(maxsize=64)
def _unquoted(path: Path, _size: int, _mtime: int) -> bool:
    """Whether quotes in a TSV are text, as most programs write it, and not a quote around a field, as a spreadsheet.

    They are text where each line has all fields without them, unless the first line is quoted as a whole, or every
    field that opens with one closes with one and some have doubled ones within: none would be quoted for nothing.
    """
    width, doubled = None, False
    with _damage(path), _text(path) as file:
        for line in file:
            fields = line.rstrip("\r\n").split("\t")
            if fields == [""]:
                continue
            quoted = [field for field in fields if field.startswith('"')]
            closed = all(len(field) > 1 and field.endswith('"') for field in quoted)
            if width is None:
                if closed and len(quoted) == len(fields):
                    return False
                width = len(fields)
            if len(fields) != width:
                return False
            if not closed or any('"' in field[1:-1].replace('""', "") for field in quoted):
                return _even(file, width)
            doubled = doubled or any('""' in field[1:-1] for field in quoted)
    return not doubled


def _even(lines: Iterable[str], width: int) -> bool:
    """Whether each line has so many fields, whatever quotes it holds."""
    return all(line.rstrip("\r\n") == "" or line.count("\t") == width - 1 for line in lines)


def _table_rows(path: Path) -> Iterator[Raw]:
    with _damage(path), _text(path) as file:
        reader = _table(path, file)
        for row in reader:
            if None in row or None in row.values():
                width = len(reader.fieldnames or ())
                raise Mistake(f"{path.name}: line {reader.line_num} has not {width} fields; check its quotes")
            yield row


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    """The text of a file, unpacked, without a byte order mark, with its line ends as they are."""
    with _bytes(path) as file:
        yield io.TextIOWrapper(file, encoding="utf-8-sig", newline="" if _form(path) in (".csv", ".tsv") else "\n")


@contextmanager
def _bytes(path: Path) -> Iterator[IO[bytes]]:
    if path.name.endswith(".zst"):
        with path.open("rb") as packed:
            yield io.BufferedReader(_Zstandard(packed))
    elif path.name.endswith(".gz"):
        with gzip.open(path, "rb") as file:
            yield file  # type: ignore[misc]  # it is opened for bytes
    else:
        with path.open("rb") as file:
            yield file


class _Zstandard(io.RawIOBase):
    """The bytes of a file of zstandard frames; a frame that breaks off is damage, which their own reader overlooks."""

    def __init__(self, packed: IO[bytes]) -> None:
        import zstandard

        self._packed, self._broken = packed, zstandard.ZstdError
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame: Any = None
        self._rest, self._held = b"", memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held:
            chunk = self._rest or self._packed.read(_ZSTD_CHUNK)
            if not chunk:
                if self._frame:
                    raise self._broken("breaks off within a frame")
                return 0
            self._frame = self._frame or self._unpacker.decompressobj()
            self._held = memoryview(self._frame.decompress(chunk))
            self._rest = self._frame.unused_data
            if self._frame.eof:
                self._frame = None
        size = min(len(self._held), len(buffer))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Turn what the readers raise over a damaged file into a `Mistake` that names it."""
    damage: list[type[Exception]] = [pa.ArrowException, UnicodeDecodeError, EOFError, csv.Error, OSError, zlib.error]
    damage.append(OverflowError)  # a date beyond what Python knows
    if path.name.endswith(".zst"):
        import zstandard

        damage.append(zstandard.ZstdError)
    try:
        yield
    except UnicodeDecodeError as error:
        byte = f"byte {error.object[error.start]:#04x}"
        advice = "convert it (iconv -f WINDOWS-1251 -t UTF-8), or fetch it again"
        raise Mistake(f"{path.name}: damaged, or not UTF-8 ({byte}); {advice}") from None
    except tuple(damage) as error:
        raise Mistake(f"{path.name}: damaged ({str(error).partition(chr(10))[0]}); fetch the file again") from None
