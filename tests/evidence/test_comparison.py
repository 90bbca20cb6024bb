"""`compare`: differences, and intervals that hold what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta import published
from rosberta.commands import compare
from rosberta.evidence import bootstrap, comparison
from rosberta.frame.files import write_json
from rosberta.frame.mistakes import Mistake
from scipy.stats import spearmanr

RELEASED, OTHER = "ai-forever/ru-en-RoSBERTa", "BAAI/bge-m3"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scored(name: str, task: str, category: str, score: float, examples: pa.Table | None = None) -> None:
    """An artifact of `evaluate` with one task."""
    folder = Path("results/scores") / name
    write_json(folder / "summary.json", {"tasks": {task: {"category": category, "score": score}}, "own_tasks": {}})
    if examples is not None:
        (folder / "examples").mkdir()
        pq.write_table(examples, folder / "examples" / f"{task}.parquet")


def values(numbers: np.ndarray, splits: list[str] | None = None) -> pa.Table:
    return pa.table({"split": splits or ["test"] * len(numbers), "value": numbers})


def found(first: str, second: str, task: str) -> comparison.Difference:
    return comparison.difference((comparison.side(first), comparison.side(second)), task)


def test_published_models_stand_beside_each_other() -> None:
    """The leaderboard's means of ru-en-RoSBERTa and BGE-M3, on both versions, as recomputed from its files."""
    text = compare.compare(RELEASED, OTHER).text()
    lines = {line.split("  ")[0]: line.split() for line in text.splitlines()}
    for name, ours, theirs in (
        ("task mean, v1", "61.71", "61.57"),
        ("category mean, v1", "60.40", "60.92"),
        ("task mean, v1.1", "61.85", "61.63"),
        ("category mean, v1.1", "60.55", "60.98"),
    ):
        assert {ours, theirs} <= set(lines[name]), lines[name]
    assert len(published.leaderboard()) == 155


def test_a_model_does_not_differ_from_itself() -> None:
    draws = np.random.default_rng(0).random(50)
    for name in ("one", "two"):
        scored(name, "RuBQRetrieval", "Retrieval", 100 * draws.mean(), values(draws))
    same = found("one", "two", "RuBQRetrieval")
    assert same.draws is not None
    assert same.source == "examples"
    assert not same.draws.any()


def test_the_interval_is_that_of_a_paired_mean() -> None:
    """Against the normal interval of the mean of paired differences, whose spread is below that of unpaired ones."""
    chance = np.random.default_rng(0)
    first = chance.random(400)
    second = first + 0.02 + 0.05 * chance.standard_normal(400)
    scored("one", "RuBQRetrieval", "Retrieval", 100 * first.mean(), values(first))
    scored("two", "RuBQRetrieval", "Retrieval", 100 * second.mean(), values(second))
    draws = found("one", "two", "RuBQRetrieval").draws
    assert draws is not None
    error = 100 * (second - first).std(ddof=1) / 20
    assert draws.std() == pytest.approx(error, rel=0.1)
    low, high = np.percentile(draws, [2.5, 97.5])
    mean = 100 * (second - first).mean()
    assert (low, high) == (pytest.approx(mean - 1.96 * error, abs=0.1), pytest.approx(mean + 1.96 * error, abs=0.1))


def test_splits_count_alike() -> None:
    """As in the task's score, the mean of two splits is that of their means, however many examples each has."""
    splits = ["test"] * 10 + ["validation"] * 90
    first, second = np.zeros(100), np.array([1.0] * 10 + [0.0] * 90)
    tables = values(first, splits), values(second, splits)
    draws = bootstrap.bootstrap_differences(*tables, np.random.default_rng(0))
    assert draws is not None
    assert draws.tolist() == [50.0] * bootstrap.DRAWS


def test_correlations_are_computed_anew() -> None:
    """A draw's Spearman correlation is scipy's, ties included."""
    chance = np.random.default_rng(0)
    gold, cosines = chance.integers(0, 5, 200).astype(float), chance.random(200)
    rows = chance.choice(200, 200)
    ours = bootstrap.score({"gold": gold, "cosine_scores": cosines}, rows)
    assert ours == pytest.approx(spearmanr(gold[rows], cosines[rows])[0])


def test_other_examples_give_no_interval() -> None:
    """Two models that were scored on other examples cannot be paired."""
    gold = {"split": ["test"] * 3, "cosine_scores": [0.1, 0.2, 0.3]}
    scored("one", "STS22", "STS", 10, pa.table({**gold, "gold": [1.0, 2.0, 3.0]}))
    scored("two", "STS22", "STS", 20, pa.table({**gold, "gold": [1.0, 2.0, 4.0]}))
    assert found("one", "two", "STS22").draws is None
    assert "–" in compare.compare("one", "two").text()


def test_draws_without_a_score_are_drawn_again() -> None:
    """Of four pairs, many a draw has one gold only; the interval is made of the others."""
    gold = {"split": ["test"] * 4, "gold": [1.0, 1.0, 1.0, 5.0]}
    tables = [pa.table({**gold, "cosine_scores": cosines}) for cosines in ([0.1, 0.4, 0.3, 0.2], [0.3, 0.1, 0.2, 0.4])]
    for name, table in zip(("one", "two"), tables, strict=True):
        scored(name, "STS22", "STS", 10, table)
    draws = found("one", "two", "STS22").draws
    assert draws is not None
    assert np.isfinite(draws).all()
    assert "nan" not in compare.compare("one", "two").text()


def test_a_score_that_is_not_defined_is_left_out() -> None:
    scored("one", "TERRa", "PairClassification", 10)
    folder = Path("results/scores/two")
    tasks = {name: {"category": "STS", "score": score} for name, score in (("STS22", None), ("TERRa", 20.0))}
    write_json(folder / "summary.json", {"tasks": tasks, "own_tasks": {}})
    assert set(comparison.side("two").scores) == {"TERRa"}


def test_repetitions_are_those_of_the_task() -> None:
    """A task of one's own may end in the name of one of ruMTEB's."""
    folder = Path("results/scores/one")
    for place, score in (("own/x", 0.7), ("rosberta__one/0", 0.5)):
        path = folder / place / "GeoreviewClusteringP2P.json"
        write_json(path, {"scores": {"test": [{"v_measures": {"Level 0": [score]}}]}})
    assert bootstrap.repetitions(folder, "GeoreviewClusteringP2P") == [pytest.approx(50)]
    assert bootstrap.repetitions(folder, "x/GeoreviewClusteringP2P") == [pytest.approx(70)]


def test_repetitions_of_a_clustering_give_its_interval() -> None:
    """As wide as the error of a difference of two means of repetitions."""
    chance = np.random.default_rng(0)
    spreads = {name: (0.5 + shift + 0.02 * chance.standard_normal(10)) for name, shift in (("one", 0), ("two", 0.1))}
    for name, spread in spreads.items():
        scored(name, "GeoreviewClusteringP2P", "Clustering", 100 * spread.mean())
        part = {"v_measure": spread.mean(), "v_measures": {"Level 0": spread.tolist()}}
        write_json(
            Path(f"results/scores/{name}/rosberta__{name}/0/GeoreviewClusteringP2P.json"), {"scores": {"test": [part]}}
        )
    difference = found("one", "two", "GeoreviewClusteringP2P")
    assert difference.draws is not None
    assert difference.source == "repetitions"
    error = 100 * (sum(spread.var(ddof=1) / 10 for spread in spreads.values())) ** 0.5
    assert difference.draws.std() == pytest.approx(error, rel=0.1)
    assert difference.draws.mean() == pytest.approx(100 * (spreads["two"].mean() - spreads["one"].mean()), abs=0.2)


def test_one_of_ours_beside_a_published_one() -> None:
    """A difference, and no interval."""
    scored("ours", "TERRa", "PairClassification", 61.0)
    text = compare.compare(RELEASED, "ours").text()
    line = next(line for line in text.splitlines() if line.startswith("TERRa"))
    assert line.split() == ["TERRa", "PairClassification", "60.79", "61.00", "0.21", "–", "–", "–"]


def test_an_unknown_model_is_refused() -> None:
    """With the nearest that there is."""
    scored("full", "TERRa", "PairClassification", 61.0)
    with pytest.raises(Mistake, match=r"'fully' is neither a scored model here \(full\).*did you mean \"full\""):
        compare.compare("fully", OTHER).text()
    scored("own", "Mine", "STS", 1.0)
    with pytest.raises(Mistake, match="own and BAAI/bge-m3 have no task in common"):
        compare.compare("own", OTHER).text()
