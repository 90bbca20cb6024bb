"""Command `cost`: what it says follows from plain arithmetic, and needs no artifact."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rosberta import experiment
from rosberta.commands import cost, preset
from rosberta.costs import bulk, speeds, work
from rosberta.doors import parameters
from rosberta.frame.artifacts import CLEANED, HUB
from rosberta.frame.files import write_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import write_rows
from rosberta.report import costs
from support.trees import ROOT


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> experiment.Experiment:
    """The preset `paper`, in a folder without artifacts."""
    monkeypatch.chdir(tmp_path)
    return parameters.load(preset.PRESETS / "paper.yaml")


def test_weights_are_those_of_the_model() -> None:
    """Layers and embeddings make up the 404 million parameters of the published model, but for biases and norms."""
    shape = speeds.shapes()["ai-forever/ru-en-RoSBERTa"]
    positions = 514
    assert work.weights(shape) + (shape.vocabulary + positions) * shape.hidden == pytest.approx(403.7e6, rel=1e-3)


def test_a_forward_pass_is_counted_as_its_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operations of one layer are those that its matrix products take, multiplied out one by one."""
    length, hidden, wide = 7, 8, 32
    shape = speeds.Shape(1, hidden, wide, 100)
    products = [(length, hidden, hidden)] * 4 + [(length, hidden, wide), (length, wide, hidden)]
    products += [(length, hidden, length), (length, length, hidden)]
    assert length * work.forward(shape, length) == sum(2 * m * k * n for m, k, n in products)


def test_the_released_run_is_the_published_one(paper: experiment.Experiment) -> None:
    """From caps alone: 3.8 million pairs in nine texts each, and the paper's 11 million texts to pretrain on."""
    bulks = {name: bulk.bulk(paper, name) for name in paper.collect.sources}
    jobs = {(job.stage, job.key): job for job in work.works(paper, bulks)}
    full = sum(bulks[name].rows for name in paper.pairs_of("full"))
    assert jobs["contrast", "released"].texts == 9 * full
    assert jobs["contrast", "full"].texts == 9 * 1500 * paper.contrast.batch_size * paper.contrast.devices
    assert jobs["pretrain", "ru_en"].texts == bulk.TEXTS_PER_ROW * full
    assert all(job.operations for job in jobs.values())


def test_artifacts_are_believed_before_caps(paper: experiment.Experiment) -> None:
    """Where a source is cleaned, its rows and lengths are those of the file."""
    row = {"anchor": "а" * 40, "positive": "б" * 80, "negatives": [], "task": "retrieval", "prefix": "search"}
    row |= {"language": "ru", "source": "sberquad", "group": "basic_russian"}
    write_rows(CLEANED / "sberquad.parquet", [{**row, "id": str(n)} for n in range(5)], {})
    assert bulk.bulk(paper, "sberquad") == (5, 60 / bulk.CHARACTERS_PER_TOKEN, True)
    assert not bulk.bulk(paper, "miracl_ru").measured


def test_hours_follow_from_a_measured_speed(paper: experiment.Experiment) -> None:
    """On the GPU and the model that were measured, hours are tokens over the measured tokens a second."""
    speed = next(each for each in speeds.throughputs() if each.work == "contrast")
    each = work.operations("contrast", speed.shape, speed.tokens_per_text)
    rate, basis = work.rate("contrast", speed.gpu)
    assert rate == pytest.approx(each * speed.tokens_per_second)
    assert basis.startswith("measured: ")
    other, basis = work.rate("contrast", "A100")
    assert other / rate == pytest.approx(speeds.gpus()["A100"] / speeds.gpus()[speed.gpu])
    assert basis.startswith(f"measured on {speed.gpu}: ")


def test_a_small_encoder_has_the_speed_of_a_small_one(paper: experiment.Experiment) -> None:
    """Mining takes its tokens over those a second that the teacher's size was measured with; more GPUs share them."""
    speed = next(each for each in speeds.throughputs() if each.shape == speeds.shapes()[paper.mine.teacher])
    bulks = {name: bulk.bulk(paper, name) for name in paper.collect.sources}
    jobs = [job for job in work.works(paper, bulks) if job.stage == "mine"]
    row = next(row.values for row in costs.tables(paper)[1].rows if row.values[0] == "mine")
    # Texts are shorter here than those that were measured, so that a token takes fewer operations.
    assert row[5] == pytest.approx(sum(job.tokens for job in jobs) / speed.tokens_per_second / 3600, rel=0.15)
    eight = next(row.values for row in costs.tables(paper, number=8)[1].rows if row.values[0] == "mine")
    assert eight[5] == pytest.approx(row[5] / 8)
    with pytest.raises(Mistake, match="at least one"):
        cost.cost(paper, gpus=0)


def mined(**changes: Any) -> dict[str, list[tuple[float, float]]]:
    """Texts and tokens of what `mine` computes for each source, from caps, where some parameters are others."""
    data = parameters.read(preset.PRESETS / "paper.yaml")
    data["mine"] |= changes.pop("mine", {})
    data["mixtures"]["full"] |= {"mining": changes.pop("mining", None)}
    found: dict[str, list[tuple[float, float]]] = {}
    checked = parameters.check(data | changes)
    for job in work.works(checked, {name: bulk.bulk(checked, name) for name in checked.collect.sources}):
        if job.stage == "mine":
            found.setdefault(job.key, []).append((job.texts, job.tokens))
    return found


def test_all_minings_are_counted(paper: experiment.Experiment) -> None:
    """Another teacher embeds all once more, and other ranks of one teacher nothing, where there is a cache."""
    plain, rows = mined(), {name: bulk.bulk(paper, name).rows for name in paper.collect.sources}
    assert {name: jobs[0][0] for name, jobs in plain.items()} == {name: 2 * rows[name] for name in plain}
    ranks = {"methods": {"synthetic": "ranks"}}
    other = mined(mining="other", minings={"other": {"query_prompt": "вопрос: ", **ranks}})
    wanted = [
        name for name in paper.pairs_of("full") if name in plain or paper.collect.sources[name].group == "synthetic"
    ]
    for name in wanted:
        assert [texts for texts, _ in other[name]] == [2 * rows[name]] * (1 + (name in plain))
    assert mined(mining="other", minings={"other": {"first_rank": 50}}) == plain
    uncached = mined(mining="other", minings={"other": {"query_prompt": "вопрос: "}}, mine={"cache_gb": 0})
    assert uncached == {name: jobs * 2 if name in paper.pairs_of("full") else jobs for name, jobs in plain.items()}


def test_pools_are_counted(paper: experiment.Experiment) -> None:
    """A source draws from the positives of others: with a cache each once, without one for each source."""
    plain, rows = mined(), {name: bulk.bulk(paper, name).rows for name in paper.collect.sources}
    first, second = list(plain)[:2]
    unranked = next(name for name in paper.pairs_of("full") if name not in plain)
    pool = {"pools": {"three": {"sources": [first, second, unranked]}}}
    once, each = (mined(mine={"pools": ["three"], "cache_gb": size}, **pool) for size in (20, 0))
    assert (
        sum(texts for jobs in once.values() for texts, _ in jobs)
        == sum(texts for jobs in plain.values() for texts, _ in jobs) + rows[unranked]
    )
    assert each[first][0][0] == 2 * rows[first] + rows[second] + rows[unranked]
    assert each[second][0][0] == 2 * rows[second] + rows[first] + rows[unranked]


def test_judges_are_counted(paper: experiment.Experiment) -> None:
    """Of all sources the sample; where it filters, all that ranked rows take, and with a margin their positives."""
    plain, model = mined(), "intfloat/multilingual-e5-small"
    rows, tokens = (
        {name: getattr(bulk.bulk(paper, name), each) for name in paper.pairs_of("full")} for each in ("rows", "tokens")
    )
    for limit, read in (({}, 0), ({"max_score": 0.5}, 7), ({"absolute_margin": 0.1}, 8)):
        found = mined(mine={"cross_encoder": {"model": model, "max_length": 100, **limit}})
        for name, number in rows.items():
            pairs = 200 * 8 + (number * read if name in plain else 0)
            assert found[name][-1] == (pairs, pairs * min(2 * tokens[name], 100))


def test_what_is_evaluated_is_the_published_size(paper: experiment.Experiment) -> None:
    """MTEB(rus, v1) is ten and a half million texts, almost all of them documents of two tasks."""
    texts, tokens = work.evaluation_size(paper)
    assert 10.4e6 < texts < 10.7e6
    assert tokens > 50 * texts


def test_every_number_is_said(paper: experiment.Experiment) -> None:
    """Each source, each stage on a GPU and each mixture has a line; an unknown GPU is a mistake."""
    said = cost.cost(paper, "A100")
    for name in (*paper.collect.sources, "mine", "pretrain", "contrast", "evaluate", *paper.mixtures):
        assert f"\n{name} " in said, name
    assert "Hours on one A100" in said
    with pytest.raises(Mistake, match="'A10' is no GPU whose speed is known; did you mean \"A100\""):
        cost.cost(paper, "A10")


def test_the_command_computes_nothing(tmp_path: Path) -> None:
    """It runs where there is nothing but the parameters, and leaves nothing behind."""
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "workflow"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "rosberta", "cost"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "Plan: work" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["params.yaml"]


def test_artifacts_of_another_experiment_are_not_counted(paper: experiment.Experiment) -> None:
    """Rows that the miniature left are not those of the preset; those of its own pin are."""
    name, source = next(iter(paper.collect.sources.items()))
    row = {"anchor": "вопрос", "positive": "ответ", "negatives": [], "source": name, "group": source.group, "id": "0"}
    row |= {"task": source.task, "prefix": source.prefix, "language": source.language}
    write_rows(CLEANED / f"{name}.parquet", [row], {})
    pinned = {"revision": paper.hub.datasets[source.dataset].revision, "files": []}
    for origin, measured in (("miniature", False), ("hub", True)):
        write_json(HUB / "datasets" / f"{source.dataset}.json", pinned | {"origin": origin})
        assert bulk.bulk(paper, name).measured is measured
