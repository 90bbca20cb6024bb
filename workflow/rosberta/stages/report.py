"""Stage `report`: what an experiment gave, beside what is published: one page, tables, figures, metrics, plots.

``results/report/`` holds ``report.html`` (complete in itself), ``tables/*.csv`` and ``*.md``, ``figures/*.svg``,
``metrics.json`` and ``plots/*.csv``. None of them says when or where it was made: equal results give equal bytes.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rosberta.frame.artifacts import REPORT
from rosberta.frame.files import canonical, whole
from rosberta.published import CATEGORIES
from rosberta.report.figures import figures
from rosberta.report.page import page
from rosberta.report.results import Curve, Results, read
from rosberta.report.tables import tables

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: None = None) -> None:  # noqa: ARG001 (every stage has a key)
    """Write the report of whatever there is of an experiment; what is missing is a dash.

    Raises:
        Mistake: an artifact is there, but damaged.
    """
    results = read(experiment)
    built, drawn = tables(results), figures(results)
    with whole(REPORT) as part:
        for folder in ("tables", "figures", "plots"):
            (part / folder).mkdir(parents=True)
        for name, table in built.items():
            _write(part / "tables" / f"{name}.csv", table.csv())
            _write(part / "tables" / f"{name}.md", table.markdown())
        for name, svg in drawn.items():
            _write(part / "figures" / f"{name}.svg", svg)
        _write(part / "metrics.json", canonical(metrics(results)))
        _points(part / "plots" / "pretrain.csv", results.pretraining)
        _points(part / "plots" / "contrast.csv", results.contrast)
        _write(part / "report.html", page(results, built, drawn))
    scored = sum(1 for model in results.models if model.scores or model.own)
    log.info("%d of %d models scored; the page is %s", scored, len(results.models), REPORT / "report.html")


def metrics(results: Results) -> dict[str, dict[str, float]]:
    """Averages by model, for `dvc metrics show`: task mean, category mean, each category; only those that are whole."""
    shown: dict[str, dict[str, float]] = {}
    for model in results.models:
        values = {
            "task_mean": model.task_mean(results.version),
            "category_mean": model.category_mean(results.version),
            **{name: model.category(name, results.version) for name in CATEGORIES},
        }
        shown[model.name] = {name: round(value, 4) for name, value in values.items() if value is not None}
    return shown


def _points(path: Path, curves: Iterable[Curve]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["run", "step", "loss", "validation_loss"])
        for curve in curves:
            held_out = dict(curve.held_out)
            points = zip(curve.steps, curve.losses, strict=True)
            writer.writerows([curve.name, step, value, held_out.get(step)] for step, value in points)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
