# ruff: noqa: F811 (the fixture has one name everywhere)
"""Fits side by side give what mteb's give one after the other, to the last bit."""

from __future__ import annotations

import os
import random
from pathlib import Path
from types import SimpleNamespace

import mteb
import numpy as np
import pytest
from mteb.abstasks.clustering import _evaluate_clustering_bootstrapped
from rosberta.evaluation import fits, libraries, tasks
from rosberta.evaluation import models as evaluation_models
from rosberta.evaluation.averages import content
from rosberta.evaluation.example_scores import FITS, HALVES, Listener, id_of, scores_of_halves
from support.scoring import experiment  # noqa: F401 (a fixture)
from threadpoolctl import threadpool_info

pytestmark = pytest.mark.slow


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three threads, whatever the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("name", ["GeoreviewClassification", "CEDRClassification", "GeoreviewClusteringP2P"])
def test_scores_are_the_same_to_the_last_bit(experiment: SimpleNamespace, name: str) -> None:
    """Every number of the result, those of single fits included."""
    evaluated = evaluation_models.load_evaluated(experiment, "none", {})
    results = []
    for beside in (False, True):
        task = tasks.load_task(name, experiment.benchmark.tasks[name], Path("data/benchmark") / name)
        with libraries.fresh_cache(), libraries.whole_columns(), libraries.one_thread_a_fit():
            task.load_data()
            listener = Listener(task, evaluated)
            options = {"cache": None, "co2_tracker": False, "show_progress_bar": False}
            if beside:
                with listener.fits():
                    result = mteb.evaluate(evaluated, task, **options)[0]
            else:
                result = mteb.evaluate(evaluated, task, **options)[0]
        raw = result.model_dump() | dict.fromkeys(content({}))
        results.append(raw)
    assert results[0]["scores"] == results[1]["scores"]


@pytest.mark.usefixtures("three")
def test_clusterings_are_mtebs() -> None:
    """Of labels of two levels, one of which some texts lack: the same samples, clusters and scores."""
    chance = np.random.default_rng(0)
    embeddings = chance.standard_normal((90, 8)).astype(np.float32)
    labels = [[f"a{row % 3}"] + ([f"b{row % 5}"] if row % 4 else []) for row in range(90)]
    options = {"n_clusters": 4, "cluster_size": 200, "kmean_batch_size": 64, "max_depth": None, "seed": 42}
    theirs = _evaluate_clustering_bootstrapped(embeddings, labels, rng_state=random.Random(7), **options)
    with fits.side_by_side() as pool:
        ours = fits.clusterings(pool, embeddings, labels, rng_state=random.Random(7), **options)
        ids = np.array([id_of(str(row)) for row in range(90)], np.uint64)
        halves = scores_of_halves(embeddings, labels, ids, 64, pool.map)
    assert ours == theirs
    assert np.shape(halves) == (HALVES, FITS)
    assert halves == scores_of_halves(embeddings, labels, ids, 64)


@pytest.mark.usefixtures("three")
def test_each_fit_takes_one_thread() -> None:
    import torch

    def threads(_: int) -> set[int]:
        own = Path(torch.__file__).parent
        return {each["num_threads"] for each in threadpool_info() if own not in Path(each["filepath"]).parents}

    with libraries.one_thread_a_fit(), fits.side_by_side() as pool:
        assert set.union(*pool.map(threads, range(6))) == {1}


def test_what_a_fit_raises_is_raised() -> None:
    with fits.side_by_side() as pool:
        later = fits.Later(pool.submit(lambda: 1 / 0))
        with pytest.raises(ZeroDivisionError):
            later["accuracy"]
