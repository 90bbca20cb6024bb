"""Files of rows: what is read at once is of one row group, whose lists are bounded."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rosberta.frame import rows
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
