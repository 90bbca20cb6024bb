# ruff: noqa: F811 (the fixture has one name everywhere)
"""The tables say what the artifacts hold: sums add up, means are of what they name, and what is published says so."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from statistics import fmean

import pyarrow.parquet as pq
import pytest
from rosberta import published
from rosberta.corpus import overlap
from rosberta.doors import parameters
from rosberta.frame.files import write_json
from rosberta.published import CATEGORIES
from rosberta.report import results, tables
from rosberta.report.results import RULES, STEPS, version_of
from rosberta.report.table import Column, Row, Scored, Table
from support.reporting import Page, build, built, default, render, table  # noqa: F401 (a fixture)
from support.trees import ROOT


def test_stand_ins_are_no_models_of_their_name(built):
    """A model of the miniature is not given out as the real one whose name it bears."""
    (teacher,) = [row for row in table(built, "models") if row["Model"] == "teacher"]
    assert teacher["What it is"] == "stand-in for intfloat/multilingual-e5-small"


def test_published_numbers_are_labelled(built):
    """A row of published numbers says so, and holds what is published; ours never says so."""
    rows = table(built, "models")
    names = {row.name: row for row in published.baselines()}
    assert [row["Model"] for row in rows if row["Numbers"] == "published"] == list(names)
    for row in rows[: len(names)]:
        known = names[row["Model"]]
        assert [float(row[short]) for short in CATEGORIES.values()] == list(known.categories.values())
        assert float(row["Task mean"]) == known.task_mean
    text = re.sub(r"\s+", " ", (built / "results/report/report.html").read_text())
    tagged = re.findall(r'<tr class="published"> <th scope="row">([^<]+)<span class="tag">published</span>', text)
    expected = [*published.mixtures(), *published.ablations(), *published.baselines()]
    assert [html.unescape(name) for name in tagged] == [row.name for row in expected]
    assert 'colspan="4" class="over published"><span class="tag">published</span></th>' in text


def test_averages(default, built):
    """The task mean averages tasks, the category mean averages categories; they are two numbers."""
    rows = {row["Model"]: row for row in table(built, "models") if row["Numbers"] == "ours"}
    metrics = json.loads((built / "results/report/metrics.json").read_text())
    assert list(rows) == list(default.models)
    for name in default.models:
        scores = json.loads((built / f"results/scores/{name}/summary.json").read_text())["tasks"]
        by_category: dict[str, list[float]] = {}
        for score in scores.values():
            by_category.setdefault(score["category"], []).append(score["score"])
        task_mean = fmean(score["score"] for score in scores.values())
        category_mean = fmean(fmean(each) for each in by_category.values())
        assert float(rows[name]["Task mean"]) == pytest.approx(task_mean, abs=0.005)
        assert float(rows[name]["Category mean"]) == pytest.approx(category_mean, abs=0.005)
        assert abs(task_mean - category_mean) > 0.02
        assert metrics[name]["task_mean"] == pytest.approx(task_mean, abs=1e-4)
        assert metrics[name]["category_mean"] == pytest.approx(category_mean, abs=1e-4)
        for category, each in by_category.items():
            assert metrics[name][category] == pytest.approx(fmean(each), abs=1e-4)


def test_mixtures_average_categories(built):
    """In the table of mixtures, ours are averaged as the published rows are: by category."""
    models = {row["Model"]: row for row in table(built, "models") if row["Numbers"] == "ours"}
    ours = [row for row in table(built, "mixtures") if row["Numbers"] == "ours"]
    assert [row["Data"] for row in ours] == ["basic_english", "basic_russian", "basic", "synthetic", "full"]
    for row in ours:
        assert float(row["Average (category mean)"]) == pytest.approx(
            float(models[row["Model"]]["Category mean"]), abs=0.06
        )
        assert row["Steps"] == "120"


def test_own_tasks_stand_apart(built):
    """One's own task has a table of its own, and enters no average."""
    (row,) = table(built, "own_tasks")
    assert row["Task"] == "MyHeadlines"
    assert row["Test texts here"] == "43"
    assert "MyHeadlines" not in {row["Task"] for row in table(built, "scores")}


def test_funnel_adds_up(default, built):
    """Of every source, what a stage reads is what it keeps and what it drops, and the last line sums up all."""
    rows, reasons = table(built, "funnel"), table(built, "dropped")
    assert [row["Source"] for row in rows] == [*default.collect.sources, "All sources"]
    assert [row["Source"] for row in reasons] == [row["Source"] for row in rows]
    states = ["raw", "collected", "cleaned", "deduplicated", "mined"]
    for row, dropped in zip(rows, reasons, strict=True):
        for before, stage, after in zip(states, STEPS, states[1:], strict=False):
            gone = sum(int(number) for title, number in dropped.items() if title.startswith(f"by {stage}: "))
            assert int(row[f"Rows: {before}"]) == int(row[f"Rows: {after}"]) + gone
        assert row is rows[-1] or int(row["under the cap"]) == 100_000 - int(row["Rows: deduplicated"])
        assert int(row["Negatives: mined"]) == 6 * int(row["Negatives: provided"])
    for lines in (rows, reasons):
        for column in lines[0]:
            if column not in {"Source", "Group"}:
                assert int(lines[-1][column]) == sum(int(line[column]) for line in lines[:-1])
    assert RULES == overlap.RULES
    *found, total = table(built, "overlap")
    assert {row["Task"] for row in found} == {"TERRa", "STS22"}
    assert total["Rows dropped: exact"] == reasons[-1]["by clean: overlap with the benchmark"]
    assert int(total["Negatives removed"]) == len(default.collect.sources)
    assert all(row["Examples"].startswith(row["Source"]) for row in found)


def test_documents_of_every_search_are_counted(default, built):
    """In a row a task, on the page, too."""
    (row,) = table(built, "documents")
    assert (row["Task"], row["Documents"]) == ("RuBQRetrieval", "3")
    assert [row[f"Trained on: {name}"] for name in default.mixtures] == ["0"] * len(default.mixtures)
    assert "documents" in Page((built / "results/report/report.html").read_text()).tables


def test_shares_add_up(default, built):
    """The shares of the sources of a mixture are those of its rows; a source outside has none."""
    *rows, total = table(built, "plans")
    for name in default.mixtures:
        assert int(total[f"{name}: rows"]) == sum(int(row[f"{name}: rows"] or 0) for row in rows)
        for row in rows:
            inside = row["Source"] in default.sources_of(name)
            assert bool(row[f"{name}: rows"]) == inside
            if inside:
                share = 100 * int(row[f"{name}: rows"]) / int(total[f"{name}: rows"])
                assert float(row[f"{name}: %"]) == pytest.approx(share, abs=0.051)


def test_drawn_shares_are_those_of_the_batches(default, built):
    """Beside what the mixture plans; a source that a run does not have has a dash."""
    rows = table(built, "drawn")
    path = built / "results/runs/full/contrasted/schedule.parquet"
    batches = Counter(pq.read_table(path)["source"].to_pylist())
    for row in rows:
        share = 100 * batches[row["Source"]] / 120
        assert float(row["full, 120 batches: drawn, %"]) == pytest.approx(share, abs=0.051)
        inside = row["Source"] in default.sources_of("basic_english")
        assert bool(row["basic_english, 120 batches: planned, %"]) == inside
        assert bool(row["basic_english, 120 batches: drawn, %"]) == inside
    planned = [float(row["basic_english, 120 batches: planned, %"] or 0) for row in rows]
    assert sum(planned) == pytest.approx(100, abs=0.3)


def test_a_run_may_name_a_mining(default, built, tmp_path, monkeypatch):
    """Its shares are of the plan by that mining; the rest of the report is as if it took its mixture's own."""
    monkeypatch.chdir(built)
    before = results.read(default)
    run = default.runs["full"].model_copy(update={"mixture": "full/mine"})
    chosen = default.model_copy(update={"runs": {**default.runs, "full": run}})
    build(default, tmp_path)
    sources = default.sources_of("full")
    parts = {source: {"rows": 1 + place} for place, source in enumerate(sources)}
    total = sum(part["rows"] for part in parts.values())
    write_json(tmp_path / "data/mixtures/full/mine.json", {"rows": total, "sources": parts})
    monkeypatch.chdir(tmp_path)
    after = results.read(chosen)
    assert after.rebuilt.name == before.rebuilt.name == "full"
    made = tables.tables(after)
    assert list(made) == list(tables.tables(before))
    place = next(n for n, column in enumerate(made["drawn"].columns) if (column.over or "").startswith("full,"))
    planned = {row.values[0]: row.values[place] for row in made["drawn"].rows}
    assert {source: planned[source] for source in sources} == {
        source: pytest.approx(100 * part["rows"] / total) for source, part in parts.items()
    }


def test_a_missing_task_gives_dashes(default, built, tmp_path, monkeypatch):
    """Without one task's score its category and both means are dashes; the other categories stand."""
    build(default, tmp_path)
    path = tmp_path / "results/scores/full/summary.json"
    summary = json.loads(path.read_text())
    del summary["tasks"]["STS22"]
    write_json(path, summary)
    render(default, tmp_path, monkeypatch)
    (before,), (after,) = (
        [row for row in table(root, "models") if row["Model"] == "full"] for root in (built, tmp_path)
    )
    empty = {column for column, value in after.items() if not value}
    gone = {"STS", "Task mean", "Category mean"}
    assert empty == gone | {f"{column} ±" for column in gone}
    assert {column: value for column, value in after.items() if value} == {
        column: value for column, value in before.items() if column not in empty
    }
    (score,) = [row for row in table(tmp_path, "scores") if row["Task"] == "STS22"]
    assert score["full"] == ""


def test_another_version_is_not_mixed(default, tmp_path, monkeypatch):
    """On v1.1 the published rows, which are on v1, keep only what both versions share."""
    old = {"MIRACLRetrieval", "RiaNewsRetrieval"}
    data = parameters.read(ROOT / "params.yaml")
    listed = data["benchmark"]["tasks"]
    for name in old:
        listed[f"{name}HardNegatives.v2"] = listed.pop(name)
    newer = parameters.check(data)
    assert (version_of(default.benchmark.tasks), version_of(newer.benchmark.tasks)) == ("v1", "v1.1")
    build(newer, tmp_path)
    render(newer, tmp_path, monkeypatch)
    for row in table(tmp_path, "models"):
        missing = {column for column, value in row.items() if not value and "±" not in column}
        assert missing == ({"Retr", "Task mean", "Category mean"} if row["Numbers"] == "published" else set())


def test_a_margin_stands_beside_its_number():
    """As people read it in the page and in Markdown; in CSV in a column of its own."""
    columns = (Column("Name"), Column("Score", 1), Column("Other", 1))
    made = Table("t", "T", "", columns, (Row(("a", Scored(3.04, 0.26), 1.0)), Row(("b", 2.0, None))))
    assert made.csv().splitlines() == ["Name,Score,Score ±,Other", "a,3.0,0.3,1.0", "b,2.0,,"]
    assert "| a | 3.0 ±0.3 | 1.0 |" in made.markdown()
