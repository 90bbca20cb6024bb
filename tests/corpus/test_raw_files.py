"""Raw files: each form holds one content, nothing is inferred, damage names itself, and a row alone is in memory."""

from __future__ import annotations

import csv
import gzip
import json
import math
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from rosberta.corpus import raw_files
from rosberta.experiment.hub import Pin
from rosberta.frame.mistakes import Mistake
from rosberta.outside.selection import wanted
from support.raw_files import json_lines, write

ROWS = [{"a": f'ё "{n}", \t\u2028 x', "b": "с переносом\nстроки", "c": "лишнее"} for n in range(20)]


def flipped(data: bytes) -> bytes:
    """The same with its middle byte inverted."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


@pytest.mark.parametrize("ending", raw_files.ENDINGS)
def test_every_form_gives_the_same_rows(ending: str, tmp_path: Path) -> None:
    """Parquet, JSON lines, CSV and TSV, plain, gzipped and zstandard of several frames, hold one content."""
    path = write(tmp_path / f"train{ending}", ROWS)
    assert raw_files.columns(path) == ["a", "b", "c"]
    assert list(raw_files.rows(path, ["b", "a"])) == [{"b": row["b"], "a": row["a"]} for row in ROWS]


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_a_json_array_is_its_elements(
    indent: int | None, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one line or on many, behind blanks, however the chunks that are read cut its elements."""
    monkeypatch.setattr(raw_files, "_CHUNK", chunk)
    path = tmp_path / "train.json"
    path.write_text(f" \n{json.dumps(ROWS, ensure_ascii=False, indent=indent)}\n", encoding="utf-8")
    assert raw_files.columns(path) == ["a", "b", "c"]
    assert list(raw_files.rows(path, ["a", "b", "c"])) == ROWS
    for nothing in ("[]", "", " \n"):
        path.write_text(nothing, encoding="utf-8")
        assert raw_files.columns(path) == []


@pytest.mark.parametrize("separator", ["\n", ",\n"])
def test_json_of_any_size_is_read_in_bounded_memory(separator: str, tmp_path: Path) -> None:
    """An array of twenty megabytes, and as many of lines, with the peak well below the file."""
    path = tmp_path / "train.json"
    body = separator.join([json.dumps({"a": "x" * 2000})] * 10_000)
    path.write_text(f"[{body}]" if "," in separator else body, encoding="utf-8")
    tracemalloc.start()
    try:
        assert sum(1 for _ in raw_files.rows(path, ["a"])) == 10_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6e6


@pytest.mark.parametrize("name", ["train.csv", "train.tsv", "train.jsonl", "train.json", "train.jsonl.gz"])
def test_a_byte_order_mark_is_no_text(name: str, tmp_path: Path) -> None:
    """As Windows writes it, before the first column's name or the first object."""
    contents = {"csv": "a,b\n1,2\n", "tsv": "a\tb\n1\t2\n"}
    data = b"\xef\xbb\xbf" + contents.get(name.partition(".")[2], '{"a": "1", "b": "2"}').encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert list(raw_files.rows(tmp_path / name, ["a", "b"])) == [{"a": "1", "b": "2"}]


def test_values_of_json_are_what_the_file_holds(tmp_path: Path) -> None:
    """Types may change from line to line; NaN is NaN, a lone surrogate is itself: the adapters judge."""
    path = tmp_path / "train.jsonl"
    path.write_text('{"a": 1}\n{"a": "x"}\n{"a": ["y", null]}\n{"a": {"b": 2.5}}\n{"a": "\\ud800"}\n{"a": NaN}\n')
    *values, nan = (row["a"] for row in raw_files.rows(path, ["a"]))
    assert values == [1, "x", ["y", None], {"b": 2.5}, "\ud800"]
    assert math.isnan(nan)


def test_a_csv_holds_texts_alone(tmp_path: Path) -> None:
    """Nothing is inferred: a number, NA, true and a date stay the texts that they are."""
    path = tmp_path / "train.csv"
    path.write_text("a,b\n007,NA\ntrue,2020-01-02\n", encoding="utf-8")
    assert list(raw_files.rows(path, ["a", "b"])) == [{"a": "007", "b": "NA"}, {"a": "true", "b": "2020-01-02"}]


def test_json_lines_may_leave_out_keys(tmp_path: Path) -> None:
    """A key that some line has is a column; where a line leaves it out, its value is None."""
    path = tmp_path / "train.jsonl"
    path.write_bytes(json_lines([{"a": "1"}, {"a": "2", "b": "3"}]) + b"\n\n")
    assert raw_files.columns(path) == ["a", "b"]
    assert list(raw_files.rows(path, ["a", "b"])) == [{"a": "1", "b": None}, {"a": "2", "b": "3"}]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.parquet", b"PAR1 no", "t.parquet: damaged"),
        ("t.jsonl", b'{"a": 1}\n{"a": ', "t.jsonl: line 2 is not JSON"),
        ("t.jsonl", b"[1, 2]\n", "t.jsonl: line 1 is JSON, but no object"),
        ("t.jsonl", b'{"a": ' + b"[" * 100_000, "t.jsonl: line 1 is not JSON"),
        ("t.jsonl", b'{"a": ' + b"1" * 5_000 + b"}", "t.jsonl: line 1 is not JSON"),
        ("t.json", b'[{"a": 1}, 2]', "t.json: element 2 is JSON, but no object"),
        ("t.json", b'[{"a": 1}, {"a": ', "t.json: element 2 is not JSON"),
        ("t.json", b'[{"a": 1}', "t.json: element 2 is not JSON"),
        ("t.json", b'[{"a": 1}] {"a": 2}', "t.json: goes on behind its array"),
        ("t.json", b'{"a":\n1}', "t.json: line 1 is not JSON"),
        ("t.jsonl", b'{"a": "\xff"}\n', "t.jsonl: damaged"),
        ("t.jsonl.gz", gzip.compress(b'{"a": 1}\n' * 99, mtime=0)[:-9], "t.jsonl.gz: damaged"),
        ("t.jsonl.gz", flipped(gzip.compress(b'{"a": 1}\n' * 99, mtime=0)), "t.jsonl.gz: damaged"),
        ("t.csv.zst", flipped(zstandard.compress(b"a\n" * 9)), "t.csv.zst: damaged"),
        ("t.jsonl.zst", zstandard.compress(b'{"a": 1}\n' * 99)[:-2], "t.jsonl.zst: damaged .*breaks off"),
        ("t.jsonl.zst", 2 * zstandard.compress(b'{"a": 1}\n') + b"behind", "t.jsonl.zst: damaged"),
        ("t.tsv", b"a\tb\n1,2\n", "t.tsv: line 2 has not 2 fields"),
        ("t.csv", b"a,b\n1," + b"x" * (1 << 24) + b"x", "t.csv: damaged .*field larger than field limit"),
        ("t.jsonl.zst", b"not zstandard", "t.jsonl.zst: damaged"),
        ("t.csv", b"a,b\n1,2\n3\n", "t.csv: line 3 has not 2 fields"),
        ("t.csv", b'a,b\n1,"2', "t.csv: damaged"),
        ("t.csv", b"a,b,a\n1,2,3\n", "t.csv: has the column 'a' twice"),
        ("t.jsonl", b'{"a": 1, "b": 2, "a": 3}\n', "t.jsonl: line 1 has the key 'a' twice"),
        ("t.jsonl", b'{"a": {"b": 1, "b": 1}}\n', "t.jsonl: line 1 has the key 'b' twice"),
        ("t.json", b'[{"a": 1}, {"a": 2, "a": 3}]', "t.json: element 2 has the key 'a' twice"),
        ("t.jsonl", '{"a": "да"}\n'.encode("windows-1251"), r"not UTF-8 \(byte 0xe4\); convert it \(iconv -f WINDOWS"),
        ("t.csv", "a\nда\n".encode("windows-1251"), r"not UTF-8 \(byte 0xe4\); convert it \(iconv -f WINDOWS"),
        ("t.jsonl", b'{\n  "a": 1\n}\n', r"line 1 is not JSON; write one object a line \(jq -c"),
        ("t.jsonl", b'{"a": 1}\n\xef\xbb\xbf{"a": 2}\n', "line 2 is not JSON; it begins with a byte order mark"),
        ("t.jsonl", b'{"a": 1}\n\0\0\0\0', "line 2 is not JSON; it holds NUL bytes"),
    ],
)
def test_a_damaged_file_names_itself(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    """Damage is a mistake with the file's name in it (and the line), in every form: never a crash, never fewer rows."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Mistake, match=said):
        list(raw_files.rows(path, raw_files.columns(path)))


def test_a_glob_without_a_file_names_the_nearest(tmp_path: Path) -> None:
    """No match, or a match of a form that is not read, is a mistake before anything is read."""
    write(tmp_path / "data" / "train.parquet", ROWS)
    (tmp_path / "data" / "README.md").write_text("x", encoding="utf-8")
    with pytest.raises(Mistake, match=r"no file matches 'data/trian\.parquet'; did you mean \"data/train\.parquet\""):
        raw_files.files(tmp_path, "data/trian.parquet")
    with pytest.raises(Mistake, match=r"README\.md is no parquet, jsonl, json, csv or tsv file"):
        raw_files.files(tmp_path, "data/*")


def test_a_column_that_stands_twice_in_parquet_is_refused(tmp_path: Path) -> None:
    """As in a CSV: the last would win unseen."""
    table = pa.table([["x"], ["y"], ["z"]], names=["a", "b", "a"])
    pq.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(Mistake, match=r"t\.parquet: has the column 'a' twice; give one of them another name"):
        raw_files.columns(tmp_path / "t.parquet")


UNQUOTED = {
    "opens and does not close": ['"Идём!\tLet us go!', "Нет.\tNo.", 'Да."\tYes.'],
    "closes inside": ['"Да" сказал он.\tHe said "yes".', "Нет.\tNo."],
    "quoted as a text": ['"Да."\t"Yes."', "Нет.\tNo."],
    "one quote": ['"\t"', "Нет.\tNo."],
    "in the middle": ['Он сказал "да\tHe said', 'Нет".\tNo.'],
    "none": ["Да.\tYes.", "Нет.\tNo."],
}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("case", UNQUOTED)
def test_quotes_of_a_plain_tsv_are_text(case: str, end: str, tmp_path: Path) -> None:
    """Each line is a row, and nothing of it is lost."""
    path = tmp_path / "t.tsv"
    path.write_bytes((end.join(["ru\ten", *UNQUOTED[case]]) + end).encode())
    rows = [[row["ru"], row["en"]] for row in raw_files.rows(path, ["ru", "en"])]
    assert rows == [line.split("\t") for line in UNQUOTED[case]]


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
@pytest.mark.parametrize(
    "texts",
    [
        ["Он сказал «да».", "No."],
        ['Он сказал "да".', "No."],
        ["а\tб", "No."],
        ["а\nб", "No."],
        ["No.", "а\nб"],
        ['"', 'a\t"b"\n'],
    ],
)
def test_quotes_of_a_spreadsheets_tsv_are_quotes(texts: list[str], quoting: Any, tmp_path: Path) -> None:
    """Around every field, or around those alone that need them."""
    path = tmp_path / "t.tsv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", quoting=quoting)
        writer.writerows([["ru", "en"], texts, ["Нет.", "No."]])
    rows = [[row["ru"], row["en"]] for row in raw_files.rows(path, ["ru", "en"])]
    assert rows == [texts, ["Нет.", "No."]]


@pytest.mark.parametrize("name", ["train[1].jsonl", "train*.jsonl", "[ru]/train?.jsonl"])
def test_a_file_is_named_by_its_path_whatever_stands_in_it(name: str, tmp_path: Path) -> None:
    """And in a folder whose name would be a pattern."""
    folder = tmp_path / "clone [2]*"
    write(folder / name, ROWS)
    write(folder / "train1.jsonl", ROWS)
    assert raw_files.files(folder, name) == [folder / name]
    assert wanted(name, Pin(files=[name]))
    assert raw_files.files(folder, "train[0-9].jsonl") == [folder / "train1.jsonl"]
