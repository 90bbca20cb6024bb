# ruff: noqa: F811 (the fixture has one name everywhere)
"""The figures name all that an experiment has, and show ours beside what is published."""

from __future__ import annotations

import re
from dataclasses import replace

from rosberta import published
from rosberta.frame.flow import FLOW
from rosberta.published import CATEGORIES
from rosberta.report.evaluation import categories, heatmap
from rosberta.report.figures import figures
from rosberta.report.results import read
from support.reporting import built, default  # noqa: F401 (a fixture)


def test_the_heat_map_shows_who_has_own_tasks_alone(default, built, monkeypatch):
    """Their lines only, with ours; ruMTEB's would be empty."""
    monkeypatch.chdir(built)
    results = read(default)
    task = {"mine": next(iter(default.benchmark.tasks.values())).model_copy(update={"category": "STS"})}
    mine = default.model_copy(update={"benchmark": default.benchmark.model_copy(update={"tasks": task})})
    models = tuple(replace(model, scores={}, own={"mine": 1.0 + place}) for place, model in enumerate(results.models))
    drawn = texts_of(heatmap(replace(results, experiment=mine, models=models)))
    assert {"mine", "1.0", "2.0", *default.models} <= drawn
    assert not drawn & {task.name for task in published.tasks("v1")}
    unscored = tuple(replace(model, scores={}, own={}) for model in results.models)
    assert texts_of(heatmap(replace(results, models=unscored))) == {"No model has been evaluated."}


def test_the_heat_map_takes_what_the_paper_lacks_from_the_leaderboard(default, built, monkeypatch):
    """The two tasks of v1.1 that v1 has not."""
    monkeypatch.chdir(built)
    drawn = texts_of(heatmap(replace(read(default), version="v1.1")))
    [known] = [row.key for row in published.baselines() if row.key == "intfloat/multilingual-e5-base"]
    for task in {task.name for task in published.tasks("v1.1")} - {task.name for task in published.tasks("v1")}:
        assert task in drawn
        assert f"{published.leaderboard()[known][task]:.1f}" in drawn


def texts_of(figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts} | {text.get_text() for text in figure.texts}


def test_figures_name_everything(default, built, monkeypatch):
    """Every source, mixture, run and model stands in a figure, and every stage in that of the flow."""
    monkeypatch.chdir(built)
    drawn = figures(read(default))
    named = {
        "funnel": default.collect.sources,
        "mixtures": default.mixtures,
        "loss": [*default.runs, *default.encoders],
        "categories": [published.RELEASED, *default.models],
        "heatmap": [
            *default.models,
            *(task.name for task in published.tasks("v1")),
            *(row.name for row in published.baselines()),
        ],
        "stages": FLOW,
    }
    assert list(drawn) and set(drawn) == set(named)
    for name, words in named.items():
        for word in words:
            assert re.search(rf">{re.escape(word)}\b", drawn[name]), (name, word)


def test_bars_have_their_intervals(default, built, monkeypatch):
    """A line through the end of each bar of ours, as long as the interval of the mean of its category."""
    monkeypatch.chdir(built)
    results = read(default)
    figure = categories(results)
    for axes, category in zip(figure.axes[-len(CATEGORIES) :], CATEGORIES, strict=True):
        tasks = [task.name for task in published.tasks("v1") if task.category == category]
        shares = dict.fromkeys(tasks, 1 / len(tasks))
        known = [model.estimate(shares).interval for model in results.models]
        assert [tuple(line.get_xdata()) for line in axes.lines] == known
