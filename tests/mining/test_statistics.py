"""What is known of negatives: what their text gives away, and what the teacher says of them."""

from __future__ import annotations

import json

import pytest
from rosberta.frame.artifacts import mining_report
from rosberta.frame.files import read_json
from support.mining import documents, made_up, source, stage, vector  # noqa: F401 (a fixture)
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
    known = read_json(mining_report("s", None))
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
    known = read_json(mining_report("s", None))
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
