# ruff: noqa: F811 (the fixture has one name everywhere)
"""The tables of scores: errors stand beside numbers, and nothing stands out that chance would do."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import fmean, stdev

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta import published
from rosberta.evidence import comparison
from rosberta.frame.files import write_json
from rosberta.report import evaluation, reproduction, scores
from rosberta.report.results import read
from rosberta.report.scored import scored
from rosberta.report.table import Scored
from scipy import stats
from support.reporting import build, built, default, experiment, render, table  # noqa: F401 (a fixture)


@pytest.fixture
def rebuilt(default, tmp_path, monkeypatch):
    """Artifacts of the default experiment, to be changed."""
    build(default, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def score(folder, model: str, task: str, values: np.ndarray, **facts) -> None:
    """Give a model another score of a task, with its examples."""
    path = folder / f"results/scores/{model}/summary.json"
    summary = json.loads(path.read_text())
    summary["tasks"][task] |= {"score": 100 * float(values.mean()), **facts}
    write_json(path, summary)
    ids = pa.array(range(10**6, 10**6 + len(values)), pa.uint64())
    examples = pa.table({"split": ["test"] * len(values), "id": ids, "value": values})
    pq.write_table(examples, path.parent / "examples" / f"{task}.parquet")


def bold(results, task: str) -> set[str]:
    """The models that stand out in a task."""
    made = scores.scores(results)
    [row] = [row for row in made.rows if row.values[0] == task]
    return {made.columns[place].title for place in row.best}


def test_every_score_has_its_error(default, built):
    """Of tasks and means, and as wide as the comparison has it."""
    results = table(built, "scores")
    for row in results:
        for name in default.models:
            assert float(row[f"{name} ±"]) > 0
    for row in table(built, "models"):
        assert (row["Numbers"] == "ours") == bool(row["Task mean ±"])
    mean = next(float(row["Task mean ±"]) for row in table(built, "models") if row["Model"] == "full")
    tasks = [float(row["full ±"]) for row in results]
    assert mean == pytest.approx(np.sqrt(np.sum(np.square(tasks))) / 23, rel=0.1)
    groups = [
        [float(row["full ±"]) for row in results if row["Category"] == name] for name in published.CATEGORIES.values()
    ]
    by_category = np.sqrt(sum(np.sum(np.square(group)) / len(group) ** 2 for group in groups)) / 7
    of_category = next(float(row["Category mean ±"]) for row in table(built, "models") if row["Model"] == "full")
    assert of_category == pytest.approx(by_category, rel=0.15)
    assert by_category > 1.18 * mean


def test_every_interval_of_a_scored_folder_lies_about_its_score(default, built):
    """From below, to above; of a mean, too, and that of its own tasks."""
    made = scored(built / "results/scores/full", "full", note="made up")
    rows = {row.values[0]: row.values for row in made.rows}
    for name, row in rows.items():
        if name not in default.benchmark.tasks or row[3] is not None:
            assert row[4] < row[3] < row[5], name
    classification = [rows[task.name] for task in published.tasks("v1") if task.category == "Classification"]
    widths = np.array([row[5] - row[4] for row in classification])
    mean = rows["mean of Cls, v1"]
    assert mean[5] - mean[4] == pytest.approx(np.sqrt(np.sum(widths**2)) / len(widths), rel=0.15)


def test_bold_is_who_is_ahead_by_more_than_noise(default, rebuilt):
    """Not who is highest; and teacher and untrained encoder neither stand out nor hold others back."""
    hard = np.random.default_rng(0).random(200)
    runs = [name for name, model in default.models.items() if "/runs/" in model.weights]
    others = [name for name in default.models if name not in runs]
    assert set(others) == {"untrained", "teacher"}
    for place, name in enumerate(default.models):
        noise = np.random.default_rng(place).random(200)
        score(rebuilt, name, "TERRa", 0.5 * hard + 0.1 * noise + 0.2 * (name in (runs[1], *others)))
        score(rebuilt, name, "STS22", 0.5 * hard + 0.4 * noise)
    results = read(default)
    assert bold(results, "TERRa") == {runs[1]}
    assert bold(results, "STS22") == set()


def test_against_the_published_model(default, rebuilt):
    """What was made otherwise is not subtracted and says how; the sentence counts what the table shows."""
    paper = published.scores()[published.RELEASED]
    for task in published.tasks("v1"):
        prompt = {"search": "search_query:  | search_document:", "clustering": "clustering:"}.get(
            task.prefix, "classification:"
        )
        near = np.clip(paper[task.name] / 100 + 0.2 * np.random.default_rng(0).standard_normal(300), 0, 1)
        off = 0.3 if task.name == "TERRa" else 0.0
        score(rebuilt, "full", task.name, near - near.mean() + paper[task.name] / 100 - off, prefix=prompt)
    results = read(default)
    assert results.rebuilt is not None
    assert results.rebuilt.name == "full"
    # On the miniature's data nothing is subtracted, and nothing concluded.
    assert not any(
        row.values[7] or row.values[8] or row.values[9] for row in reproduction.against_published(results).rows
    )
    assert reproduction.conclusion(results) == ""
    hub = results.experiment.hub.model_copy(update={"origin": "hub"})
    results = replace(results, experiment=results.experiment.model_copy(update={"hub": hub}))
    made = reproduction.against_published(results)
    rows = {row.values[0]: row.values for row in made.rows}
    assert len(rows) == 25 + 2 + 2
    whole = rows["mean of 21 tasks that compare with the paper"]
    # All but TERRa, which is 30 points off, are as published.
    assert whole[7] == pytest.approx(-30 / 21, abs=0.01)
    assert whole[5] - whole[1] == pytest.approx(whole[7])
    # Here all tasks have the same examples, so that their mean is no surer than they.
    assert whole[7].margin == pytest.approx(np.mean([rows[task][7].margin for task in ("TERRa", "STS22")]), rel=0.1)
    assert whole[9] == "within"
    assert rows["TERRa"][7] == pytest.approx(-30, abs=0.01)
    assert rows["TERRa"][9] == "beyond (Holm)"
    assert isinstance(rows["TERRa"][7], Scored)
    assert rows["MassiveIntentClassification"][2:9:5] == ("scored on the test split alone", None)
    assert rows["MassiveIntentClassification"][8] is not None
    assert (rows["STS22"][4], rows["STS22"][8]) == ("scored without a prompt", None)
    assert rows["STS22"][7] == pytest.approx(0, abs=0.01)
    assert rows["MIRACLRetrievalHardNegatives.v2"][1] is None
    assert rows["MIRACLRetrievalHardNegatives.v2"][3] == pytest.approx(55.879)
    assert rows["task mean, v1"][1] == pytest.approx(61.77, abs=0.01)
    assert rows["task mean, v1.1"][3] == pytest.approx(61.85, abs=0.01)
    # Of 23 tasks the paper scored two on other splits, and the leaderboard two with other prompts.
    assert "full is within noise" in reproduction.conclusion(results)
    assert "on 20 of 21 tasks (paper) and on 20 of 21 tasks (leaderboard)" in reproduction.conclusion(results)


def test_seeds_have_students_interval(tmp_path, monkeypatch):
    """Runs that differ in their seed alone are one line; others are none."""
    first = experiment()
    data = first.model_dump(mode="json")
    for seed in (1, 2):
        data["runs"][f"full_{seed}"] = {**data["runs"]["full"], "seed": seed}
        data["models"][f"full_{seed}"] = {**data["models"]["full"], "weights": f"results/runs/full_{seed}/merged"}
    e = type(first).model_validate(data)
    build(e, tmp_path)
    render(e, tmp_path, monkeypatch)
    [row] = table(tmp_path, "seeds")
    assert (row["Runs"], row["Seeds"]) == ("full, full_1, full_2", "3")
    models = {row["Model"]: row for row in table(tmp_path, "models")}
    values = [float(models[name]["Task mean"]) for name in ("full", "full_1", "full_2")]
    assert float(row["Task mean"]) == pytest.approx(fmean(values), abs=0.01)
    assert float(row["Task mean ±"]) == pytest.approx(stats.t.ppf(0.975, 2) * stdev(values) / 3**0.5, abs=0.02)


def test_facts_of_models(default, built):
    """Prompts, precision, length, pooling, revision, and the share of texts that were cut."""
    rows = table(built, "facts")
    assert [row["Model"] for row in rows] == list(default.models)
    for number, row in enumerate(rows):
        assert (row["Prompts"], row["Precision"], row["Tokens at most"], row["Pooling"]) == (
            "rosberta",
            "fp32",
            "128",
            "cls",
        )
        assert row["Revision"] == str(number) * 8
        assert float(row["Texts cut, %"]) == pytest.approx(100 * number / 200)


def test_domains_name_sources_of_the_experiment(default, built):
    """Training splits of a task's own set are named beside it, with their rows in each mixture."""
    rows = table(built, "domains")
    assert ("MIRACLRetrieval", "miracl_ru") in {(row["Task"], row["Source"]) for row in rows}
    assert {row["Source"] for row in rows} <= set(default.collect.sources)
    assert all(row["What they share"] for row in rows)
    known = {task.name for version in published.VERSIONS for task in published.tasks(version)}
    assert all(published.domains(task) is not None for task in known)


def test_own_tasks_show_each_models_prefix(default, rebuilt, monkeypatch):
    path = rebuilt / "results/scores/teacher/summary.json"
    summary = json.loads(path.read_text())
    summary["own_tasks"]["MyHeadlines"]["prefix"] = "query: "
    write_json(path, summary)
    render(default, rebuilt, monkeypatch)
    (row,) = table(rebuilt, "own_tasks")
    assert (row["full: prefix"], row["teacher: prefix"]) == ("classification:", "query:")


def test_a_miniature_is_on_no_scale_with_real_scores(default, built, monkeypatch):
    """In each line the lowest and the highest colour stand among ours and among theirs; with real data once."""
    monkeypatch.chdir(built)
    results = read(default)
    real = replace(
        results, experiment=default.model_copy(update={"hub": default.hub.model_copy(update={"origin": "hub"})})
    )
    coldest = []
    for each in (results, real):
        figure = evaluation.heatmap(each)
        colours = [patch.get_facecolor() for axes in figure.axes for patch in axes.patches]
        coldest.append(sum(np.allclose(colour, figure_colour(evaluation.COLD)) for colour in colours))
    assert coldest[0] > 1.5 * coldest[1]


def figure_colour(name: str) -> tuple[float, ...]:
    from matplotlib.colors import to_rgba

    return to_rgba(name)


def test_a_leader_needs_errors(default, rebuilt):
    """Without examples nobody is called ahead."""
    sides = [comparison.side(name) for name in ("full", "basic")]
    for name in ("full", "basic"):
        (rebuilt / f"results/scores/{name}/examples/TERRa.parquet").unlink()
    assert comparison.leader(sides, {"TERRa": 1.0}) is None
    assert comparison.leader(sides[:1], {"STS22": 1.0}) is None
