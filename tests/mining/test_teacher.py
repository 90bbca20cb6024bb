"""The teacher: its windows are sentence-transformers' own, and its bytes depend on neither threads nor batches."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rosberta.embedding import ranks
from rosberta.embedding.embedder import Embedder
from rosberta.embedding.matrix import Matrix
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.frame.artifacts import DEDUPLICATED, MINED, mined
from rosberta.frame.files import digest, sha256
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_rows, write_rows
from rosberta.mining import teacher as mining_teacher
from rosberta.mining.pool import Pool
from rosberta.mining.teacher import Embedded, window
from rosberta.stages.mine import run
from support.encoders import ENGLISH, RUSSIAN, write_roberta
from support.mining import documents, experiment_of, mine_of, small_teacher, source, stage  # noqa: F401 (a fixture)


def test_candidates_are_those_of_sentence_transformers(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window holds the documents of `mine_hard_negatives` with range 20 to 100, anchor by anchor; all are drawn."""
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: teacher)
    rows = source(120)
    write_rows(DEDUPLICATED / "s.parquet", rows, {})
    pool = Pool(DEDUPLICATED / "s.parquet", tmp_path / "texts")
    mine = mine_of()
    found = window(mine, pool, Embedded.by(mine, pool, tmp_path), np.arange(len(pool.anchors)))
    candidates = {pool.anchors[n]: [pool.documents[d] for d in documents] for n, documents in enumerate(found)}
    theirs = mine_hard_negatives(
        Dataset.from_dict({name: [each[name] for each in rows] for name in ("anchor", "positive")}),
        load_sentence_transformer(teacher, "mean", 32),
        corpus=[each["positive"] for each in rows],
        range_min=20, range_max=100, num_negatives=80, sampling_strategy="top", output_format="n-tuple",
        query_prompt="query: ", corpus_prompt="passage: ", batch_size=16, verbose=False,
    )  # fmt: skip
    assert len(theirs) == len(rows)
    for their in theirs:
        negatives = [their[f"negative_{n}"] for n in range(1, 81)]
        assert len(candidates[their["anchor"]]) == 80
        # Their batches are other ones, so scores differ in the last bit, which may swap neighbours at the borders.
        assert len(set(candidates[their["anchor"]]) ^ set(negatives)) <= 2
    exact = sum({*candidates[their["anchor"]]} == {their[f"negative_{n}"] for n in range(1, 81)} for their in theirs)
    assert exact >= 0.97 * len(rows)
    # Over a few seeds every place of the window is drawn, the first and last quarter as often as the others.
    places = np.zeros(80)
    for seed in range(4):
        for each in stage(rows, seed=seed)[0]:
            for text in each["negatives"]:
                places[candidates[each["anchor"]].index(text)] += 1
    quarters = places.reshape(4, 20).sum(axis=1)
    assert places.min() > 0
    assert np.abs(quarters / quarters.mean() - 1).max() < 0.15


@pytest.mark.parametrize(
    "changes",
    [{}, {"absolute_margin": 1.0}, {"ranks": "before_removal"}, {"ranks": "before_removal", "max_score": 3.0}],
)
def test_windows_are_brute_force_however_the_work_is_cut(
    changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seven anchors at a time; a short last block of documents, of which more anchors are searched; and by threads."""
    number, width, window_of = 45, 6, {"first_rank": 1, "last_rank": 12, "negatives": 1}
    monkeypatch.setattr(mining_teacher, "ON_CPU", 20)
    monkeypatch.setattr(ranks, "SCORES", 16 * 20 * 7)
    write_rows(tmp_path / "s.parquet", documents(number), {})
    pool = Pool(tmp_path / "s.parquet", tmp_path / "texts")
    chance = np.random.default_rng(0)
    # Whole numbers: no sum is rounded, and many scores are equal.
    asked, told = (chance.integers(-2, 3, (number, width)).astype(np.float32) for _ in range(2))
    _, own = pool.answers.of_keys(np.arange(number))
    told[own] = asked
    for name, each in (("asked", asked), ("told", told)):
        each.tofile(tmp_path / name)
    embedded = Embedded(*(Matrix(tmp_path / name, number, width) for name in ("asked", "told")))
    expected = []
    scores = asked @ told.T
    for anchor in range(number):
        ranked = (-scores[anchor]).argsort(kind="stable").tolist()
        highest = changes.get("max_score", np.inf)
        if "absolute_margin" in changes:
            highest = scores[anchor, own[anchor]] - changes["absolute_margin"]
        related = set(pool.related(np.array([anchor]))[1].tolist())
        fit = [document for document in ranked if document not in related and scores[anchor, document] <= highest]
        inside = fit[1:12] if "ranks" not in changes else [each for each in ranked[1:12] if each in fit]
        expected.append(inside + [-1] * (11 - len(inside)))
    for threads in (1, 2, 5):
        settings = mine_of(**window_of, **changes, threads=threads)
        assert window(settings, pool, embedded, np.arange(number)).tolist() == expected


def test_bytes_depend_on_no_thread_or_batch(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file, whatever the threads and the tokens of a batch, and with a cache that holds some of the embeddings."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: teacher)
    rows = source(150)
    before = torch.get_num_threads()
    sums = set()
    for changes in (
        {}, {"threads": 2}, {"threads": 3, "batch_tokens": 1}, {"batch_tokens": 100_000}, {"cache_gb": 0.1},
    ):  # fmt: skip
        stage(rows, **changes)
        sums.add(sha256(MINED / "s.parquet"))
    stage(rows[:70], cache_gb=0.1, teacher="t", max_length=30)
    stage(rows[30:80], cache_gb=0.1, max_length=30)
    partly, _ = stage(rows, cache_gb=0.1, max_length=30)
    assert len(sums) == 1
    assert partly == stage(rows, max_length=30)[0]
    assert torch.get_num_threads() == before


def test_a_killed_job_goes_on(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was embedded before is not again, and the file is that of a job that was never killed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: teacher)
    monkeypatch.setitem(mining_teacher.AT_ONCE, "cpu", 16)
    rows = source(100)
    expected, _ = stage(rows)
    compute = Embedder._compute
    embedded = 0

    def killed(self: Embedder, texts: list[str], places: list[int], *rest: Any) -> None:
        nonlocal embedded
        if places and (embedded := embedded + len(places)) in range(limit, limit + 17):
            raise KeyboardInterrupt
        compute(self, texts, places, *rest)

    monkeypatch.setattr(Embedder, "_compute", killed)
    for limit in (30, 90, 150):  # noqa: B007 (read by the one that is killed)
        with pytest.raises(KeyboardInterrupt):
            stage(rows, cache_gb=0.1)
        assert not (MINED / "s.parquet").exists()
        assert not list(MINED.glob(".*"))
    limit = 10**9
    assert stage(rows, cache_gb=0.1)[0] == expected
    # Each text once, but for those in whose midst it was killed.
    assert embedded <= 100 + 103 + 3 * 16


def test_a_model_of_ones_own_mines_for_the_next_round(
    teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder as teacher finds what the same model finds as a pin, and another one something else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: teacher)
    shutil.copytree(teacher, "rounds/first")
    write_roberta(tmp_path / "rounds/second", [*RUSSIAN, *ENGLISH], seed=1)
    places = {name: f"./rounds/{name}" for name in ("first", "second")}
    of_folders = {name: mine_of(teacher=f"{place}@{digest(Path(place))}") for name, place in places.items()}
    rows, _ = stage(source(80), of_folders)
    found = {name: read_rows(mined("s", name)).to_pylist() for name in of_folders}
    assert found["first"] == rows != found["second"]
    (tmp_path / "rounds/first/more.txt").write_text("other content")
    with pytest.raises(Mistake, match=r"the content of ./rounds/first is \w{64}, not"):
        run(experiment_of(mine_of(), of_folders), "s")


def test_a_teacher_is_known_by_its_content(teacher: Path, tmp_path: Path) -> None:
    """Other weights under one id, or another pooling, find nothing in the cache."""
    other = write_roberta(tmp_path / "other", [*RUSSIAN, *ENGLISH], seed=1)
    names = {Embedder.load(folder, pooling, 32).identity for folder in (teacher, other) for pooling in ("cls", "mean")}
    assert len(names) == 4
