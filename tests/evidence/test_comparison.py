"""`compare`: differences of what may be compared, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta import published
from rosberta.commands import compare
from rosberta.evaluation.example_scores import CLUSTERED
from rosberta.evidence import comparison
from rosberta.evidence.estimates import mean
from rosberta.frame.files import write_json
from rosberta.frame.mistakes import Mistake
from rosberta.published import CATEGORIES

RELEASED, OTHER = "ai-forever/ru-en-RoSBERTa", "BAAI/bge-m3"
FACTS = {"data": "d", "settings": "s", "code": "c", "prefix": "classification: "}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def scored(name: str, score: float, examples: pa.Table | None = None, *, task: str = "TERRa", **facts: str) -> None:
    """An artifact of `evaluate` with one task more."""
    folder = Path("results/scores") / name
    path = folder / "summary.json"
    known = json.loads(path.read_text())["tasks"] if path.exists() else {}
    categories = {each.name: each.category for version in published.VERSIONS for each in published.tasks(version)}
    entry = {"category": categories.get(task, "STS"), "score": score, **FACTS, **facts}
    write_json(path, {"tasks": {**known, task: entry}, "own_tasks": {}})
    if examples is not None:
        (folder / "examples").mkdir(exist_ok=True)
        pq.write_table(examples, folder / "examples" / f"{task}.parquet")


def values(numbers: np.ndarray, first: int = 0, splits: list[str] | None = None) -> pa.Table:
    ids = pa.array(range(first, first + len(numbers)), pa.uint64())
    return pa.table({"split": splits or ["test"] * len(numbers), "id": ids, "value": numbers})


def found(first: str, second: str, task: str = "TERRa") -> comparison.Difference:
    return comparison.difference((comparison.side(first), comparison.side(second)), task)


def lines(first: str, second: str) -> dict[str, list[str]]:
    """The rows of the table by their first column."""
    return {row.values[0]: list(row.values) for row in compare.compare(first, second).rows}  # type: ignore[misc]


def test_published_models_stand_beside_each_other() -> None:
    """The leaderboard's means of ru-en-RoSBERTa and BGE-M3, on both versions, as recomputed from its files."""
    table = lines(RELEASED, OTHER)
    for name, ours, theirs in (
        ("task mean, v1", "61.71", "61.57"),
        ("category mean, v1", "60.40", "60.92"),
        ("task mean, v1.1", "61.85", "61.63"),
        ("category mean, v1.1", "60.55", "60.98"),
    ):
        assert [f"{number:.2f}" for number in table[name][2:4]] == [ours, theirs]
    assert len(published.leaderboard()) == 155


def test_a_model_does_not_differ_from_itself() -> None:
    draws = np.random.default_rng(0).random(50)
    scored("one", 100 * draws.mean(), values(draws))
    same = found("one", "one")
    assert same.estimate is not None
    assert (same.source, same.estimate.interval) == ("paired", (0, 0))
    assert lines("one", "one")["TERRa"][-2:] == ["within", "paired"]


def test_equal_scores_of_two_models_may_differ_elsewhere() -> None:
    """On 50 examples that they answer alike; of scores without a mistake, too, the next may be one."""
    for name in ("one", "two"):
        scored(name, 100.0, values(np.ones(50)))
    difference, side = found("one", "two").estimate, comparison.estimated(comparison.side("one"), "TERRa")
    assert difference is not None
    assert side is not None
    # What holds nothing of 50 with a chance of a twentieth has a share of 5.8% (rule of three: 6%).
    assert difference.interval == (pytest.approx(-5.68, abs=0.01), pytest.approx(5.68, abs=0.01))
    assert side.interval == (pytest.approx(92.53, abs=0.01), 100)
    assert lines("one", "two")["TERRa"][-2:] == ["within", "paired"]


def test_splits_count_alike() -> None:
    """As in the task's score, the mean of two splits is that of their means, however many examples each has."""
    splits = ["test"] * 10 + ["validation"] * 90
    chance = np.random.default_rng(0)
    first, second = np.zeros(100), np.concatenate([chance.random(10), chance.random(90)])  # tails lighter than normal
    scored("one", 0, values(first, splits=splits))
    scored("two", 50, values(second, splits=splits))
    estimate = found("one", "two").estimate
    assert estimate is not None
    expected = 100**2 * (second[:10].var(ddof=1) / 10 + second[10:].var(ddof=1) / 90) / 4
    assert estimate.variance == pytest.approx(expected)


@pytest.mark.parametrize("fact", ["data", "settings", "code"])
def test_what_was_scored_otherwise_is_not_paired(fact: str) -> None:
    """Nor subtracted: the two are not of one measure."""
    chance = np.random.default_rng(0)
    scored("one", 10, values(chance.random(50)))
    scored("two", 20, values(chance.random(50)), **{fact: "another"})
    assert found("one", "two")[3:] == (None, f"other {fact}", False)
    assert lines("one", "two")["TERRa"][4:] == [None, None, None, "", f"other {fact}"]


def test_other_examples_are_not_paired() -> None:
    """As many rows are not the same rows, nor are the same rows in another order."""
    chance = np.random.default_rng(0)
    numbers = chance.random(50)
    scored("one", 10, values(numbers))
    scored("two", 20, values(numbers, first=1))
    scored("three", 20, values(numbers).take(list(range(50))[::-1]))
    for other in ("two", "three"):
        assert found("one", other)[3:] == (None, "other examples", False)


def test_other_prompts_are_not_paired() -> None:
    """Each model's own error counts in full."""
    chance = np.random.default_rng(0)
    hard = chance.random(200)
    for name, prompt in (("one", "classification: "), ("two", "query: "), ("three", "classification: ")):
        scored(name, 10, values(hard + 0.01 * chance.random(200)), prefix=prompt)
    apart, paired = found("one", "two"), found("one", "three")
    assert (apart.source, paired.source) == ("unpaired, other prompts", "paired")
    assert apart.estimate is not None
    assert paired.estimate is not None
    sides = [comparison.estimated(comparison.side(name), "TERRa") for name in ("one", "two")]
    assert apart.estimate.variance == pytest.approx(sum(each.variance for each in sides if each))
    assert paired.estimate.variance < 0.01 * apart.estimate.variance


def test_from_is_below_to_and_marks_follow_them() -> None:
    numbers = np.random.default_rng(0).random(100)
    scored("one", 100 * numbers.mean(), values(numbers))
    scored("two", 100 * numbers.mean() + 10, values(numbers + 0.1 + 0.2 * np.random.default_rng(1).random(100)))
    row = lines("one", "two")["TERRa"]
    assert row[4] == pytest.approx(10)
    assert row[5] < row[4] < row[6]
    assert row[7] == "beyond (Holm)"


def test_means_are_of_all_their_tasks() -> None:
    """Each mean has its own interval: of its tasks, each of which counts once, by category or by task."""
    chance = np.random.default_rng(0)
    for number, task in enumerate(published.tasks("v1")):
        base = chance.random(60)
        for name in ("one", "two"):
            own = base + 0.05 * (1 + number) * chance.random(60)
            scored(name, 100 * own.mean(), values(own, first=1000 * number), task=task.name)
    table = lines("one", "two")
    by_task = {task.name: found("one", "two", task.name).estimate for task in published.tasks("v1")}
    widths = {}
    for category, short in CATEGORIES.items():
        group = [by_task[task.name] for task in published.tasks("v1") if task.category == category]
        row = table[f"mean of {short}, v1"]
        widths[category] = sum(each.variance for each in group) / len(group) ** 2
        assert (row[5] + row[6]) / 2 == pytest.approx(row[4])
        assert mean(group).interval == (pytest.approx(row[5]), pytest.approx(row[6]))
        assert mean(group).variance == pytest.approx(widths[category])
    rows = [table[f"{kind} mean, v1"] for kind in ("category", "task")]
    sizes = [sum(widths.values()) / 49, sum(each.variance for each in by_task.values()) / 23**2]
    for row, size in zip(rows, sizes, strict=True):
        assert (row[6] - row[5]) / 2 == pytest.approx(1.96 * size**0.5, rel=0.02)
    assert rows[0][4] != pytest.approx(rows[1][4])


def test_clusterings_are_compared_by_their_halves() -> None:
    """The table says where its interval comes from, and its width follows the halves, not the repetitions alone."""
    chance, ids = np.random.default_rng(0), pa.array(range(50), pa.uint64())
    for name in ("one", "two"):
        halves = 0.5 + 0.1 * chance.standard_normal((16, 1)) + 0.001 * chance.standard_normal((16, 4))
        kept = {"test": {"repetitions": (0.5 + 0.001 * chance.standard_normal(10)).tolist(), "halves": halves.tolist()}}
        table = pa.table({"split": ["test"] * 50, "id": ids})
        table = table.replace_schema_metadata({CLUSTERED: json.dumps(kept).encode()})
        scored(name, 50, table, task="GeoreviewClusteringP2P")
    difference = found("one", "two", "GeoreviewClusteringP2P")
    assert difference.source == "paired"
    assert difference.estimate is not None
    assert difference.estimate.variance**0.5 == pytest.approx(14, rel=0.35)


def test_one_of_ours_beside_a_published_one() -> None:
    """The interval is that of ours, about the difference."""
    numbers = np.random.default_rng(0).random(100)
    scored("ours", 61.0, values(numbers))
    row = lines(RELEASED, "ours")["TERRa"]
    assert [f"{number:.2f}" for number in row[2:5]] == ["60.79", "61.00", "0.21"]
    assert (row[5] + row[6]) / 2 == pytest.approx(row[4])
    assert row[7:] == ["within", "ours alone"]


def test_a_published_score_that_was_made_otherwise_is_not_subtracted() -> None:
    """ru-en-RoSBERTa's old prompts, and E5 without any; who used the same may be subtracted."""
    scored("ours", 60.0, task="STS22", prefix="clustering: ")
    scored("bare", 60.0, task="STS22", prefix="")
    for task, prompt in (("MassiveScenarioClassification", "clustering: "), ("TERRa", "query: ")):
        scored("ours", 60.0, task=task, prefix=prompt)
    small = "intfloat/multilingual-e5-small"
    assert found(RELEASED, "ours", "STS22")[3:] == (None, f"{RELEASED}: scored without a prompt", False)
    assert found(RELEASED, "bare", "STS22").comparable
    assert not found("ours", RELEASED, "MassiveScenarioClassification").comparable
    assert not found(small, "ours", "TERRa").comparable
    assert found(RELEASED, "ours", "TERRa").comparable
    assert published.deviation("leaderboard", small, "RuBQRetrieval", "query: ") == ""
    for task in ("MassiveIntentClassification", "MassiveScenarioClassification"):
        assert "test split" in published.deviation("paper", RELEASED, task, "clustering: ")
    assert published.deviation("paper", RELEASED, "STS22", "clustering: ") == ""


def test_a_score_that_is_not_defined_is_left_out() -> None:
    scored("one", 10)
    scored("two", 20)
    scored("two", None, task="STS22")  # type: ignore[arg-type]
    assert set(comparison.side("two").scores) == {"TERRa"}


def test_no_difference_is_beyond_what_can_be() -> None:
    """Of two scores between 0 and 100, and of two correlations, read by the same prompt or not."""
    prompts = {"a": "query: ", "b": "query: ", "c": "passage: "}
    for (name, prompt), one in zip(prompts.items(), ([1.0, 0.0], [0.0, 0.0], [0.0, 0.0]), strict=True):
        for task in ("TERRa", "STS22"):
            scored(name, 50 * sum(one), values(np.array(one)), task=task, prefix=prompt)
    for name in "bc":
        assert found(name, "a").estimate.interval == (-100, 100)
        assert found(name, "a", "STS22").estimate.interval[1] == 200


def test_damaged_examples_are_one_line() -> None:
    scored("a", 50.0, values(np.ones(9)))
    scored("b", 50.0, values(np.zeros(9)))
    path = Path("results/scores/b/examples/TERRa.parquet")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(Mistake, match=r"scores/b/examples/TERRa\.parquet: not readable as parquet \(.*\); remove it"):
        compare.compare("a", "b")


def test_an_unknown_model_is_refused() -> None:
    """With the nearest that there is."""
    scored("full", 61.0)
    with pytest.raises(Mistake, match=r"'fully' is neither a scored model here \(full\).*did you mean \"full\""):
        compare.compare("fully", OTHER).text()
    scored("own", 1.0, task="Mine")
    with pytest.raises(Mistake, match="own and BAAI/bge-m3 have no task in common"):
        compare.compare("own", OTHER).text()
