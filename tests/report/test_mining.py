"""The tables of hard negatives say what the stage `mine` said of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from rosberta.experiment import Experiment
from support.reporting import built, default, page, table  # noqa: F401 (fixtures)


def test_negatives_are_laid_before_people(default: Experiment, built: Path) -> None:  # noqa: F811
    """Shares in percent with their intervals, a row a source; margins add up; texts are cut, with scores beside."""
    rows = table(built, "mining")
    assert [row["Source"] for row in rows] == list(default.collect.sources)
    first = rows[0]
    assert first["Mining"] == "mine"
    assert [first[f"Rows: {end}"] for end in ("kept", "dropped", "filled", "short")] == ["95", "5", "3", "2"]
    assert [first[f"Above the positive: {end}"] for end in ("share, %", "low", "high")] == ["25.0", "17.5", "34.3"]
    assert [first[f"Positive against the window: {end}, %"] for end in ("before", "inside", "beyond")] == [
        "70.0", "25.0", "5.0",
    ]  # fmt: skip
    assert [first[f"Suspected: {end}"] for end in ("any, %", "low", "high")] == ["3.0", "1.0", "8.5"]
    margins = table(built, "mining_margins")[0]
    assert sum(float(value) for name, value in margins.items() if ":" in name) == pytest.approx(100)
    below = next(value for name, value in margins.items() if name.endswith("below -0.1"))
    assert below == "25.0", "five of the bins of 0.02 from -0.2 on"
    assert next(value for name, value in margins.items() if name.endswith("above 0.2")) == "3.0", "the last bin"
    judged = table(built, "mining_judged")[0]
    assert [judged[f"Candidates: {name}"] for name in ("judged", "refused")] == ["800", "9"]
    assert [judged[f"Likely positives: {end}"] for end in ("share, %", "low", "high")] == ["3.0", "1.0", "8.5"]
    lines = table(built, "mining_examples")[:8]
    assert [line["Is"] for line in lines[:4]] == ["anchor", "positive", "negative", "negative"]
    assert [line["Score"] for line in lines[:4]] == ["", "0.900", "0.800", "0.700"]
    assert len(lines[1]["Text"]) == 140
