"""The judge: its scores are sentence-transformers' own, it reads no more than it must, and tells what it found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rosberta.frame.artifacts import DEDUPLICATED, mining_report
from rosberta.frame.files import read_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import write_rows
from rosberta.mining import judge as mining_judge
from rosberta.mining.judge import Judge
from rosberta.stages import mine
from support.encoders import ENGLISH, RUSSIAN, write_roberta
from support.mining import documents, experiment_of, made_up, mine_of, opinion, stage  # noqa: F401 (a fixture)
from transformers import RobertaConfig, RobertaForSequenceClassification


def cross_encoder(folder: Path, labels: int = 1) -> Path:
    """A cross-encoder of random weights."""
    write_roberta(folder, [*RUSSIAN, *ENGLISH])
    with torch.random.fork_rng():
        torch.manual_seed(1)
        config = RobertaConfig.from_pretrained(folder, num_labels=labels)
        RobertaForSequenceClassification(config).save_pretrained(folder)
    return folder


PAIRS = [(one, other) for one in RUSSIAN[:4] for other in (*ENGLISH[:3], RUSSIAN[0] * 9, "да")]


def test_scores_are_those_of_sentence_transformers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In whatever batches it reads; ours are the same for a pair alone, among others and on several threads."""
    from sentence_transformers import CrossEncoder

    folder = cross_encoder(tmp_path / "judge")
    monkeypatch.setattr(mining_judge, "fetch", lambda kind, id: folder)
    asked = {"model": "j", "max_length": 48}
    ours = Judge(mine_of(cross_encoder=asked)).scores(PAIRS)
    theirs = CrossEncoder(str(folder), max_length=48, device="cpu").predict(PAIRS, batch_size=7)
    assert np.ptp(ours) > 0.005
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    threaded = Judge(mine_of(cross_encoder=asked, threads=3))
    assert np.array_equal(threaded.scores(PAIRS), ours)
    assert np.array_equal(threaded.scores(PAIRS[5:6]), ours[5:6])
    assert len(threaded.scores([])) == 0


def test_what_is_no_judge_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that is missing would be made up; several labels are no score."""
    settings = mine_of(cross_encoder={"model": "j"})
    headless = write_roberta(tmp_path / "headless", RUSSIAN)
    for folder, line in ((headless, "the weights lack classifier."), (cross_encoder(tmp_path / "3", 3), "3 scores")):
        monkeypatch.setattr(mining_judge, "fetch", lambda kind, id, folder=folder: folder)
        with pytest.raises(Mistake, match=line):
            Judge(settings)


@pytest.mark.usefixtures("made_up")
def test_a_judge_reads_no_more_than_it_must_and_is_asked_for_the_report() -> None:
    """What it refused is counted; without a limit it reads the sample alone, and changes no negative."""
    rows, window = documents(60), {"first_rank": 5, "last_rank": 45}
    plain, _ = stage(rows, **window)
    asked, counts = stage(rows, cross_encoder={"model": "j", "likely": 0.8}, **window)
    assert asked == plain
    assert "judged" not in counts
    known = read_json(mining_report("s"))["judged"]
    scores = [[opinion(each["anchor"], text) for text in (each["positive"], *each["negatives"])] for each in plain]
    flat = [score for each in scores for score in each[1:]]
    assert known["likely"]["count"] == sum(score >= 0.8 for score in flat)
    assert known["above"]["count"] == sum(score > each[0] for each in scores for score in each[1:])
    assert known["scores"]["negatives"][2] == pytest.approx(np.median(flat), abs=1e-4)
    kept, counts = stage(rows, cross_encoder={"model": "j", "max_score": 0.65}, **window)
    assert max(opinion(each["anchor"], text) for each in kept for text in each["negatives"]) <= 0.65
    assert counts["judged"] - counts["refused"] == 60 * 7
    assert counts["refused"] > 0


@pytest.mark.usefixtures("made_up")
def test_a_judge_that_cannot_be_loaded_is_said_before_anything_is_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also that of a later mining; equal ones are loaded once."""
    loaded: list[str] = []

    def load(settings: Any) -> None:
        loaded.append(settings.cross_encoder.model)
        if loaded[-1] == "broken":
            raise Mistake("broken: no judge")

    def embed(*_: Any) -> None:
        raise AssertionError("embedded")

    monkeypatch.setattr("rosberta.stages.mine.Judge", load)
    monkeypatch.setattr("rosberta.stages.mine.Embedded.by", embed)
    asked = {name: mine_of(cross_encoder={"model": name, "max_score": 0.5}) for name in ("whole", "broken")}
    write_rows(DEDUPLICATED / "s.parquet", documents(30), {})
    with pytest.raises(Mistake, match="broken: no judge"):
        mine.run(
            experiment_of(mine_of(cross_encoder={"model": "whole"}), {"a": asked["whole"], "b": asked["broken"]}), "s"
        )
    assert loaded == ["whole", "broken"]
