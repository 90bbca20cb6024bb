"""Files of rows: what is read at once is of one row group, whose lists are bounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rosberta.frame import rows
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import ROW, Writer, batches_of, read_batches


@pytest.mark.parametrize("column", ["negatives", "positives"])
def test_lists_are_bounded_in_a_group_and_in_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    """Arrow cannot read lists of more than two gigabytes at once; a batch may not bring several groups together."""
    monkeypatch.setattr(rows, "GROUP_CHARACTERS", 1000)
    place = dict.fromkeys(ROW.names, "x") | {"negatives": [], "positives": []}
    lines = [{**place, "id": str(number), column: ["т" * 300]} for number in range(20)]
    writer = Writer(tmp_path / "rows.parquet", ROW)
    writer.write(lines)
    writer.close({})
    with pq.ParquetFile(tmp_path / "rows.parquet") as file:
        sizes = [len(batch) for batch in batches_of(file, 10**6)]
        assert file.num_row_groups == len(sizes) == 5
    assert [row["id"] for batch in read_batches(tmp_path / "rows.parquet") for row in batch] == list(
        map(str, range(20))
    )


@pytest.mark.parametrize("damage", ["empty", "no table", "cut", "flipped"])
@pytest.mark.parametrize("read", [rows.read_rows, lambda path: list(read_batches(path))])
def test_a_damaged_file_is_one_line(tmp_path: Path, read: Callable[[Path], object], damage: str) -> None:
    """Whether its metadata are gone, or what they point to."""
    path = tmp_path / "rows.parquet"
    rows.write_rows(path, [dict.fromkeys(ROW.names, "x") | {"negatives": [], "positives": []}] * 100, {})
    whole = path.read_bytes()
    flipped = whole[:4] + bytes(255 - byte for byte in whole[4:200]) + whole[200:]
    path.write_bytes({"empty": b"", "no table": b"text", "cut": whole[:-50], "flipped": flipped}[damage])
    with pytest.raises(
        Mistake, match=r"^.*rows\.parquet: not readable as parquet \(.*\); remove it and run its"
    ) as told:
        read(path)
    assert "\n" not in str(told.value)
    if damage != "flipped":
        for meta in (rows.number_of_rows, rows.read_counts):
            with pytest.raises(Mistake, match=r"rows\.parquet: not readable as parquet"):
                meta(path)
