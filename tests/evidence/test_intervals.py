"""The interval of a score: draws told by counts give what the drawn examples themselves give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta.evaluation.example_scores import MEASURES
from rosberta.evidence.bootstrap import score
from rosberta.evidence.intervals import interval, scores
from rosberta.frame.files import write_json

CHANCE = np.random.default_rng(0)
NUMBER = 60

COLUMNS = {
    "means": {"value": CHANCE.random(NUMBER)},
    "correlations": {
        "gold": CHANCE.integers(0, 5, NUMBER).astype(float),
        "cosine_scores": CHANCE.integers(0, 20, NUMBER) / 20,
    },
    "precisions": {
        "gold": CHANCE.integers(0, 2, NUMBER).astype(float),
        # Many equals, as of rounded scores.
        **{name: CHANCE.integers(0, 15, NUMBER) / 15 for name in MEASURES},
    },
}


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_counts_give_what_the_drawn_rows_give(columns: dict[str, np.ndarray]) -> None:
    """For each draw, the score of its rows by scikit-learn's and numpy's own."""
    rows = CHANCE.integers(0, NUMBER, (20, NUMBER))
    counts = np.stack([np.bincount(each, minlength=NUMBER) for each in rows])
    assert scores(columns, counts) == pytest.approx([score(columns, each) for each in rows], abs=1e-9)


def test_an_interval_is_of_the_mean_of_splits(tmp_path: Path) -> None:
    """It holds the score, and is as wide as theory says of a mean of two splits."""
    values = CHANCE.random(800)
    table = pa.table({"split": ["validation"] * 400 + ["test"] * 400, "value": values})
    (tmp_path / "examples").mkdir()
    pq.write_table(table, tmp_path / "examples/Massive.parquet")
    ends = interval(tmp_path, "Massive")
    assert ends is not None
    assert ends[0] < 100 * values.mean() < ends[1]
    assert ends[1] - ends[0] == pytest.approx(2 * 1.96 * 100 * values.std() / 800**0.5, rel=0.15)
    assert interval(tmp_path, "Massive") == ends


def test_repetitions_and_nothing(tmp_path: Path) -> None:
    """Of a clustering the spread of its repetitions; of what has neither, none."""
    write_json(tmp_path / "a/b/Clust.json", {"scores": {"test": [{"v_measures": {"0": [0.4, 0.5, 0.6]}}]}})
    ends = interval(tmp_path, "Clust")
    assert ends == pytest.approx((50 - 1.96 * 10 / 3**0.5, 50 + 1.96 * 10 / 3**0.5), abs=0.01)
    assert interval(tmp_path, "Other") is None


def test_one_gold_gives_no_interval(tmp_path: Path) -> None:
    """No correlation is defined."""
    (tmp_path / "examples").mkdir()
    table = pa.table({"split": ["test"] * 4, "gold": [1.0] * 4, "cosine_scores": [0.1, 0.2, 0.3, 0.4]})
    pq.write_table(table, tmp_path / "examples/STS22.parquet")
    assert interval(tmp_path, "STS22") is None
