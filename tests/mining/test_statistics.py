"""What is known of negatives: what their text gives away, and what the teacher says of them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from rosberta.embedding.embedder import unit
from rosberta.embedding.matrix import Matrix
from rosberta.frame.artifacts import MINE, mining_report
from rosberta.frame.files import read_json
from rosberta.frame.rows import write_rows
from rosberta.mining import teacher as mining_teacher
from rosberta.mining.pool import Pool
from rosberta.mining.statistics import statistics
from rosberta.mining.teacher import Embedded, ceilings, window
from rosberta.report.mining import EDGES, margins
from support.mining import documents, made_up, mine_of, source, stage, vector  # noqa: F401 (a fixture)
from support.mining import mining_row as row


@pytest.mark.usefixtures("made_up")
def test_what_is_known_of_negatives() -> None:
    """A planted duplicate of a positive, a passage of its text and an answer to the same question are suspected."""
    text = "старый мост через реку построили весной тысяча девятисотого года рабочие завода"
    near = text.replace("рабочие завода", "рабочие завода ")
    rows = source(30)[:30]
    rows[0] = row("кто построил старый мост через реку в городе", text, f"{near}и города", text[:50], id="s:0")
    rows[1] = row(
        "кто построил старый мост через реку в городе?!", "плотники из дальней деревни у самой горы", id="s:1"
    )
    rows[2] = row("кто построил старый мост через реку в городах", "каменщики с южного берега", id="s:2")
    rows[0]["negatives"] += ["каменщики с южного берега"]
    stage(rows, first_rank=2, last_rank=25)
    known = read_json(mining_report("s"))
    assert known["suspected"]["near_duplicate"]["count"] == 1
    assert known["suspected"]["shared_passage"]["count"] == 2
    assert known["suspected"]["shared_answer"]["count"] >= 1
    assert 0 < known["suspected"]["any"]["low"] < known["suspected"]["any"]["share"] < known["suspected"]["any"]["high"]
    assert sum(known["positive_ranks"].values()) == known["rows"] == 30
    assert sum(known["margins"]) == known["negatives"] == 210
    json.dumps(known, allow_nan=False)


@pytest.mark.usefixtures("made_up")
def test_what_the_teacher_says_of_negatives_is_brute_force() -> None:
    """Scores, margins and the ranks of positives, each counted anew."""
    rows = documents(40)
    kept, _ = stage(rows, first_rank=3, last_rank=25)
    known = read_json(mining_report("s"))
    margins = []
    ranks = {"before": 0, "inside": 0, "beyond": 0}
    for each in kept:
        score = float(vector(each["anchor"]) @ vector(each["positive"]))
        margins += [score - float(vector(each["anchor"]) @ vector(text)) for text in each["negatives"]]
        above = sum(
            float(vector(each["anchor"]) @ vector(other["positive"])) > score + 1e-6
            for other in rows
            if other is not each and other["positive"] != each["positive"]
        )
        ranks["before" if above < 3 else "inside" if above < 25 else "beyond"] += 1
    assert known["positive_ranks"] == ranks
    assert known["above"]["count"] == pytest.approx(sum(margin < -1e-6 for margin in margins), abs=len(margins) / 100)


def test_margins_are_a_plain_histogram(tmp_path: Path) -> None:
    """What lies beyond the edges is in the first and the last bin, and in the columns of the report that say so."""
    wanted = [-0.7, -0.15, -0.05, 0.01, 0.07, 0.15, 0.19, 0.21, 0.5, 0.7]
    rows = [row("вопрос", "ответ", *(f"иное {n}" for n in range(len(wanted))), id="s:0")]
    write_rows(tmp_path / "s.parquet", rows, {})
    pool = Pool(tmp_path / "s.parquet", tmp_path / "texts")
    score = {"ответ": 0.2} | {f"иное {n}": 0.2 - margin for n, margin in enumerate(wanted)}
    sides = ([1.0], [score[text] for text in pool.documents])
    for name, side in zip(("asked", "told"), sides, strict=True):
        np.array(side, np.float32).tofile(tmp_path / name)
    embedded = Embedded(
        *(Matrix(tmp_path / name, len(side), 1) for name, side in zip(("asked", "told"), sides, strict=True))
    )
    known = statistics([(0, rows[0])], pool, embedded, (1, 3))
    shown = margins({("s", MINE): {**known, "examples": []}}).rows[0].values[2:]
    edges = [-np.inf, *EDGES, np.inf]
    assert shown == tuple(
        pytest.approx(100 * sum(low < margin <= high for margin in wanted) / len(wanted))
        for low, high in pairwise(edges)
    )


def test_rounding_decides_nothing_where_embeddings_are_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another text of the positive's embedding is neither above it nor beyond a margin of zero, however one sums."""
    number, width = 200, 384
    rows = [row(f"q {n}", f"d {n}", f"e {n}", id=f"s:{n}") for n in range(number)]
    write_rows(tmp_path / "s.parquet", rows, {})
    pool = Pool(tmp_path / "s.parquet", tmp_path / "texts")
    chance = np.random.default_rng(0)
    asked, noise = chance.standard_normal((2, number, width), np.float32)
    asked = unit(asked)
    told = np.zeros((len(pool.documents), width), np.float32)
    for n, each in enumerate(rows):
        told[pool.places([each["positive"], *each["negatives"]])] = unit(asked[pool.rows[[n]]] + noise[[n]] / 100)
    for name, side in (("asked", asked), ("told", told)):
        side.tofile(tmp_path / name)
    embedded = Embedded(
        *(Matrix(tmp_path / name, len(side), width) for name, side in (("asked", asked), ("told", told)))
    )
    known = statistics(list(enumerate(rows)), pool, embedded, (1, 100))
    assert known["positive_ranks"] == {"before": number, "inside": 0, "beyond": 0}
    assert known["above"]["count"] == 0
    twins = pool.places([each["negatives"][0] for each in rows])[np.argsort(pool.rows)]
    for changes in ({"absolute_margin": 0.0}, {"relative_margin": 0.0}):
        settings = mine_of(first_rank=0, last_rank=20, **changes)
        found = window(settings, pool, embedded, np.arange(number))
        assert found[:, 0].tolist() == twins.tolist()
    # In float16 a score is rounded further.
    exact = ceilings(settings, pool, embedded, np.arange(number))
    monkeypatch.setattr(mining_teacher, "devices_of", lambda _: ["cuda:0"])
    half = ceilings(mine_of(relative_margin=0.0, search="fp16"), pool, embedded, np.arange(number))
    assert (half - exact > 0.0004).all()
    scores = (asked.astype(np.float16) @ told[twins].astype(np.float16).T).diagonal()
    assert (scores <= half).all()


RANDOM = {"methods": {"basic_russian": "random"}}


@pytest.mark.usefixtures("made_up")
def test_what_is_known_depends_on_no_other_mining() -> None:
    """Random negatives have the teacher's scores where these are asked for, and not where others had them embedded."""
    rows = documents(40)
    others = [{}, {"b": mine_of(first_rank=3, last_rank=25)}, {"a": mine_of(**RANDOM), "b": mine_of(score_random=True)}]
    found = []
    for minings in others:
        stage(rows, minings, **RANDOM)
        found.append(mining_report("s").read_bytes())
        for name, settings in minings.items():
            known = read_json(mining_report("s", name))
            assert ("scores" in known) == (settings.methods["basic_russian"] == "ranks")
    assert found[1:] == found[:1] * 2
    assert "scores" not in json.loads(found[0])
    stage(rows, score_random=True, **RANDOM)
    assert "scores" in read_json(mining_report("s"))


@pytest.mark.usefixtures("made_up")
def test_what_became_of_rows_is_told_of_each_mining() -> None:
    """Where a further mining drops, fills up or keeps short, its own report says so."""
    narrow = {"first_rank": 40, "last_rank": 60, "negatives": 7}
    rows = documents(36)
    few = mine_of(**narrow, too_few="fill"), mine_of(**narrow, too_few="short")
    stage([*rows, row("вопрос", "ответ", *"абвгдеж", id="s:x")], {"filled": few[0], "short": few[1]}, negatives=5)
    told = {name: read_json(mining_report("s", name))["counts"] for name in (MINE, "filled", "short")}
    assert (told["filled"]["filled"], told["short"]["short"], told[MINE]["filled"]) == (36, 36, 0)
    assert [each["kept"] for each in told.values()] == [37, 37, 37]
    with_dropped = mine_of(**narrow, too_few="drop")
    stage([*rows, row("вопрос", "ответ", *"абвгдеж", id="s:x")], {"wide": with_dropped}, negatives=5)
    assert read_json(mining_report("s", "wide"))["counts"]["dropped"] == {"too_few_candidates": 36}
