"""The published numbers agree with each other: what one table averages, another one holds."""

from __future__ import annotations

import csv
from collections import defaultdict
from importlib.resources import files
from itertools import pairwise
from statistics import fmean

import pytest
from rosberta import published
from rosberta.published import CATEGORIES, RELEASED, VERSIONS

HALF = 0.005
"""Half a unit of the last digit of a table with two decimals."""


def by_category(scores: dict[str, float]) -> dict[str, list[float]]:
    grouped = defaultdict(list)
    for task in published.tasks():
        grouped[task.category].append(scores[task.name])
    return grouped


@pytest.mark.parametrize("model", published.baselines(), ids=lambda model: model.name)
def test_baselines_follow_from_task_scores(model):
    """Each category score is the mean of the task scores, and the average is that of the 23 tasks, within rounding."""
    scores = published.scores()[model.name]
    names = [task.name for task in published.tasks()]
    # Task scores are rounded too, so a mean of them is off by half a unit more.
    assert fmean(scores[name] for name in names) == pytest.approx(model.task_mean, abs=2 * HALF)
    for category, each in by_category(scores).items():
        assert fmean(each) == pytest.approx(model.categories[category], abs=2 * HALF), category


def test_baselines_do_not_average_categories():
    """The two averages differ by more than rounding, so they must not be confused."""
    assert all(abs(model.category_mean - model.task_mean) > 0.3 for model in published.baselines())
    released = next(model for model in published.baselines() if model.name == RELEASED)
    assert (released.task_mean, round(released.category_mean, 2)) == (61.77, 60.41)


@pytest.mark.parametrize("row", [*published.mixtures(), *published.ablations()], ids=lambda row: row.name)
def test_ablations_average_categories(row):
    """The averages of the paper's Tables 2 and 3 are category means, within rounding to one decimal."""
    assert list(row.categories) == list(CATEGORIES)
    assert fmean(row.categories.values()) == pytest.approx(row.category_mean, abs=0.1)
    assert row.task_mean is None


def test_mixtures_add_groups():
    """From the third mixture on each holds one group more; the last holds all groups of the training sets."""
    groups = [set(row.groups) for row in published.mixtures()]
    assert groups[2] == groups[0] | groups[1]
    assert [len(later - earlier) for earlier, later in pairwise(groups[2:])] == [1, 1]
    assert groups[-1] == {each.group for each in published.sets()}


@pytest.mark.parametrize("version", VERSIONS)
def test_versions_hold_23_tasks(version):
    """Each version of ruMTEB has 23 tasks in all seven categories, in the order of the tables."""
    tasks = published.tasks(version)
    assert len(tasks) == len({task.name for task in tasks}) == 23
    assert list(dict.fromkeys(task.category for task in tasks)) == list(CATEGORIES)
    assert {task.name for task in tasks} <= set(published.scores()[RELEASED])


def test_versions_differ_in_two_retrieval_tasks():
    """v1.1 replaces two retrieval tasks by lighter ones."""
    old, new = (set(published.tasks(version)) for version in VERSIONS)
    assert sorted(task.name for task in old - new) == ["MIRACLRetrieval", "RiaNewsRetrieval"]
    assert {task.category for task in old ^ new} == {"Retrieval"}


def test_tasks_agree_with_mteb():
    """Names, categories, metrics and members are those of the installed mteb."""
    mteb = pytest.importorskip("mteb")
    for version in VERSIONS:
        found = {task.metadata.name: task.metadata for task in mteb.get_benchmark(f"MTEB(rus, {version})").tasks}
        ours = {task.name: task for task in published.tasks(version)}
        assert set(found) == set(ours)
        for name, task in ours.items():
            assert (found[name].type, found[name].main_score) == (task.category, task.metric)


def test_tasks_take_the_prefixes_of_the_recipe():
    """The prefix of each task is the one that evaluation puts before its texts."""
    from rosberta.evaluation.prompts import ROSBERTA_PROMPTS, prompt_of
    from rosberta.texts.prefixes import PREFIXES

    for version in VERSIONS:
        for task in published.tasks(version):
            side = "query" if task.prefix == "search" else None
            prompt = prompt_of(ROSBERTA_PROMPTS, task.name, task.category, side)
            assert prompt == PREFIXES[task.prefix].query, task.name


def test_training_sets_sum_up():
    """Groups and prefixes have the totals of the paper's Table 6, in thousands of pairs."""
    totals: dict[str, int] = defaultdict(int)
    for each in published.sets():
        totals[each.group] += each.thousand_pairs
        totals[each.prefix] += each.thousand_pairs
    assert totals == {
        "basic_english": 1255,
        "basic_russian": 1775,
        "synthetic": 747,
        "retrieval": 20,
        "search": 1645,
        "classification": 1177,
        "clustering": 975,
    }


def test_every_row_has_a_source():
    """No number without its source."""
    for path in files("rosberta.published").iterdir():
        # Which sets are of a task's domain is read from their names, and no number.
        if path.name.endswith(".csv") and path.name != "domains.csv":
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            assert rows, path.name
            assert all(row["source"] for row in rows), path.name
