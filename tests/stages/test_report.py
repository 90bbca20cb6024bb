# ruff: noqa: F811 (the fixture has one name everywhere)
"""Stage `report`: it is of whatever there is, marks the miniature, and is the same bytes for the same artifacts."""

from __future__ import annotations

import csv
import html
import json
import os
import re
import subprocess
import sys

import pytest
from rosberta.doors import parameters
from rosberta.frame.mistakes import Mistake
from rosberta.published import CATEGORIES
from rosberta.report.table import DASH
from rosberta.report.tables import NOTE
from rosberta.stages import report
from support.reporting import Page, build, built, default, experiment, files, page, render, table  # noqa: F401 (a fixture)
from support.trees import ROOT


def test_equal_artifacts_give_equal_bytes(default, built, tmp_path):
    """Another folder, process, hash seed, time zone and locale: the same files with the same bytes."""
    build(default, tmp_path)
    (tmp_path / "params.json").write_text(default.model_dump_json())
    script = (
        "from pathlib import Path; from rosberta.stages import report; from rosberta.experiment import Experiment;"
        "report.run(Experiment.model_validate_json(Path('params.json').read_text()))"
    )
    other = {"PYTHONHASHSEED": "5", "TZ": "Asia/Vladivostok", "LC_ALL": "C", "PYTHONPATH": str(ROOT / "workflow")}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=os.environ | other, check=True)
    assert files(tmp_path / "results/report") == files(built / "results/report")


def test_files_do_not_say_when_or_where(built):
    """No file holds a date, a time or a path of this machine."""
    for name, content in files(built / "results/report").items():
        text = content.decode()
        assert str(built) not in text, name
        assert not re.search(r"(?<![\w.:/])/(home|tmp|usr|work|var|root|Users)/", text), name
        assert not re.search(r"\b20\d\d-[01]\d-[0-3]\d\b|\b[0-2]\d:[0-5]\d:[0-5]\d\b|dc:date", text), name


def test_miniature_is_marked_everywhere(built, page):
    """The banner stands on the page, and the note at every table that holds scores of ours, in every format."""
    assert html.escape(NOTE) in (built / "results/report/report.html").read_text().split("<header>")[0]
    for name in page.tables:
        holds = name in {"mixtures", "models", "scores", "own_tasks", "published"}
        root = built / "results/report/tables"
        assert page.captions[name].count(NOTE) == holds, name
        assert (root / f"{name}.csv").read_text().startswith(f"# {NOTE}\n") == holds, name
        assert (f"> {NOTE}." in (root / f"{name}.md").read_text()) == holds, name


def test_real_data_is_not_marked(default, tmp_path, monkeypatch):
    """With data of the hub neither banner nor note stands anywhere."""
    real = default.model_copy(update={"hub": default.hub.model_copy(update={"origin": "hub"})})
    build(real, tmp_path)
    for name, content in files(render(real, tmp_path, monkeypatch)).items():
        assert NOTE.encode() not in content, name
        assert b"stand-in" not in content, name


def test_plots_hold_the_losses(default, built):
    """The plots' data is the logged loss of every encoder and every run."""
    for name, keys, folder in (
        ("pretrain", default.encoders, "results/encoders/{}"),
        ("contrast", default.runs, "results/runs/{}/contrasted"),
    ):
        rows = list(csv.reader((built / f"results/report/plots/{name}.csv").read_text().splitlines()))[1:]
        logged = []
        for key in keys:
            for line in (built / folder.format(key) / "loss.jsonl").read_text().splitlines():
                point = json.loads(line)
                logged.append([key, *(str(point.get(each, "")) for each in ("step", "loss", "validation_loss"))])
        assert rows == logged
        assert sum(row[3] != "" for row in rows) > 5


def test_missing_pieces_give_dashes(tmp_path, monkeypatch):
    """With nothing built yet there is a report all the same: published numbers, and dashes for ours."""
    (tmp_path / "results").mkdir()
    folder = render(experiment(), tmp_path, monkeypatch)
    ours = [row for row in table(tmp_path, "models") if row["Numbers"] == "ours"]
    assert ours
    for row in ours:
        assert not any(row[column] for column in (*CATEGORIES.values(), "Task mean", "Category mean"))
    page = Page((folder / "report.html").read_text())
    assert [cells[2:] for cells in page.tables["models"][-len(ours) :]] == [[DASH] * 9] * len(ours)
    assert not any(json.loads((folder / "metrics.json").read_text()).values())


def test_tiny_experiment(tmp_path, monkeypatch):
    """An experiment of three tasks, of which no mixture is one of the paper's, is reported too."""
    tiny = parameters.load(ROOT / "workflow/presets/tiny.yaml")
    build(tiny, tmp_path)
    render(tiny, tmp_path, monkeypatch)
    rows = table(tmp_path, "mixtures")
    # basic_russian has no run, and a mixture named `full` that holds other groups is not the paper's.
    assert [row["Data"] for row in rows if row["Numbers"] == "ours"] == ["not run here"] * 5 + ["full"]
    assert rows[-1]["Pair"]
    assert not rows[-1]["Average (category mean)"]


def test_damaged_artifact_is_named(default, tmp_path, monkeypatch):
    """A damaged file is one line that names it, and an earlier report stays."""
    build(default, tmp_path)
    folder = render(default, tmp_path, monkeypatch)
    before = files(folder)
    (tmp_path / "results/runs/full/contrasted/loss.jsonl").write_text("{")
    with pytest.raises(Mistake, match=r"runs/full/contrasted/loss\.jsonl: not readable"):
        report.run(default)
    assert files(folder) == before
