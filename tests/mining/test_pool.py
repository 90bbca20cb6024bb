"""Pools of several sources; that they are brute force over the union, `tests/stages/test_mine.py` says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rosberta.frame.artifacts import mined
from rosberta.frame.rows import read_rows, write_rows
from rosberta.mining.pool import Pool
from rosberta.texts.normalisation import normal
from support.mining import documents, made_up, mine_of, stage, vector  # noqa: F401 (a fixture)
from support.mining import mining_row as row


@pytest.mark.usefixtures("made_up")
def test_a_source_more_leaves_picks_where_it_ranks_elsewhere() -> None:
    """Documents that rank behind the window of every anchor change nothing, however many they are."""
    anchor, last = vector("вопрос 0"), 30
    rows = [each for each in documents(1500) if np.array_equal(vector(each["anchor"]), anchor)]
    scores = sorted((float(anchor @ vector(each["positive"])) for each in rows), reverse=True)
    far = [text for text in (f"иное {n}" for n in range(300)) if anchor @ vector(text) < scores[last] - 1e-3]
    assert len(far) > 20
    mine = {"first_rank": 5, "last_rank": last, "ranks": "before_removal", "too_few": "short"}
    before, _ = stage(rows, **mine)
    corpus = [{**row(text, "", id=f"o:{n}"), "positive": None} for n, text in enumerate(far)]
    after, counts = stage(rows, others={"corpus": corpus}, **mine)
    assert counts["corpus"] == len({normal(each["positive"]) for each in rows}) + len(far)
    assert after == before


@pytest.mark.usefixtures("made_up")
def test_what_another_source_holds_relevant_is_no_negative() -> None:
    """To the same anchor but for its case; and what that source holds relevant to others is one."""
    rows = documents(30, group="synthetic")
    other = [row("Вопрос 0!", f"ответ {n}", id=f"o:{n}") for n in range(20)] + [row("иной", "чужое", id="o:x")]
    taken: dict[str, set[str]] = {}
    for seed in range(6):
        for each in stage(rows, others={"other": other}, seed=seed)[0]:
            taken.setdefault(each["anchor"], set()).update(each["negatives"])
    answers = {each["positive"] for each in other[:20]}
    assert not taken["вопрос 0"] & answers
    assert "чужое" in taken["вопрос 0"]
    assert answers <= set().union(*taken.values())


def test_negatives_of_another_source_are_documents_of_a_pool(tmp_path: Path) -> None:
    """As its positives are, further ones too; its anchors are none."""
    other = [row("иной", "чужое", "чужое и неверное", id="o:0", also=["чужое и верное"])]
    for name, rows in (("s", [row("вопрос", "ответ", "неверное", id="s:0")]), ("o", other)):
        write_rows(tmp_path / f"{name}.parquet", rows, {})
    pool = Pool(tmp_path / "s.parquet", tmp_path / "texts", [tmp_path / "o.parquet"])
    expected = {"ответ", "неверное", "чужое", "чужое и неверное", "чужое и верное"}
    assert set(pool.documents) == expected


@pytest.mark.usefixtures("made_up")
def test_each_mining_draws_from_its_own_pool() -> None:
    """Of two of one teacher the one without a pool is as if the other were not there."""
    window = {"first_rank": 2, "last_rank": 20}
    rows, other = documents(40), [row(f"иной {n}", f"чужое {n}", id=f"o:{n}") for n in range(40)]
    pooled, _ = stage(rows, {"own": mine_of(**window)}, {"other": other}, **window)
    own = read_rows(mined("s", "own")).to_pylist()
    assert own == stage(rows, **window)[0] != pooled
