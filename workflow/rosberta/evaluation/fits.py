"""The fits of a task side by side, one thread each: each is what mteb fits, of the same data, and so the same bits."""

from __future__ import annotations

import copy
import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from rosberta.evaluation.libraries import limited

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

T = TypeVar("T")
Given = TypeVar("Given")

Fit = Future[tuple[dict[str, Any], np.ndarray]]
"""A fit's scores, and whether it is right about each example, (examples,)."""


class Later(dict[str, Any]):
    """Scores of a fit that are waited for when they are asked for."""

    def __init__(self, fit: Fit) -> None:
        """Take a fit that may not be over."""
        super().__init__()
        self._fit = fit

    def __iter__(self) -> Iterator[str]:
        """Wait, and name the scores."""
        self.update(self._fit.result()[0])
        return super().__iter__()

    def __getitem__(self, name: str) -> Any:
        """Wait, and give a score."""
        self.update(self._fit.result()[0])
        return super().__getitem__(name)


class Threads:
    """A thread for each processor that the process may use; what fits in them takes no further ones."""

    def __init__(self, before: Callable[[], None]) -> None:
        """Take what is called before fits begin; it may go on in another process, which has threads of its own."""
        self._before = before
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    def _there(self) -> ThreadPoolExecutor:
        self._before()
        if self._pool is None or self._process != os.getpid():
            self._pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), initializer=limited)
            self._process = os.getpid()
        return self._pool

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Begin a fit."""
        return self._there().submit(job)

    def map(self, fit: Callable[[Given], T], all: Iterable[Given]) -> Iterator[T]:
        """Begin a fit of each, and give what they find in order."""
        return self._there().map(fit, all)

    def close(self) -> None:
        """Wait for all fits."""
        if self._pool is not None and self._process == os.getpid():
            self._pool.shutdown()


@contextmanager
def side_by_side(before: Callable[[], None] = lambda: None) -> Iterator[Threads]:
    """Give threads for fits, begun with the first of them; `before` is called before each."""
    threads = Threads(before)
    try:
        yield threads
    finally:
        threads.close()


@contextmanager
def classifiers(task: AbsTask, pool: Threads, heard: Callable[[Fit], None]) -> Iterator[None]:
    """Have a task fit its classifiers in the pool for as long as the block lasts.

    Args:
        task: of classification or multilabel classification, evaluated without a folder of predictions.
        pool: of `side_by_side`.
        heard: told of each fit, in mteb's order.
    """
    from mteb.abstasks import multilabel_classification

    holder: Any = multilabel_classification
    fitted_by, whole = holder._evaluate_classifier, copy.copy(task)
    instance: Any = task

    def begun(job: Callable[[], tuple[dict[str, Any], np.ndarray]]) -> Later:
        fit = pool.submit(job)
        heard(fit)
        return Later(fit)

    def single(train: Any, test: Any, *embeddings: Any, **options: Any) -> tuple[Later, None]:
        name = instance.label_column_name
        # A data set is read here, since it is not made for several threads; of both nothing but labels is asked.
        data = ({name: list(train[name])}, {name: list(test[name])}, *embeddings)

        def job() -> tuple[dict[str, Any], np.ndarray]:
            from sklearn.base import clone

            own: Any = copy.copy(whole)
            own.evaluator_model = clone(own.evaluator_model)
            right: list[np.ndarray] = []

            def listened(gold: Any, predicted: Any) -> Any:
                right.append(np.asarray(gold) == np.asarray(predicted))
                return type(own)._calculate_scores(own, gold, predicted)

            own._calculate_scores = listened
            return own._run_experiment(*data, **options)[0], right[0]

        return begun(job), None

    def several(gold: Any, data: Any, texts: Any, _: None) -> Later:
        def job() -> tuple[dict[str, Any], np.ndarray]:
            predicted, classifier = fitted_by(*data)
            of: Any = whole
            return of._calculate_scores(gold, predicted, texts, classifier), (gold == predicted).all(axis=1)

        return begun(job)

    if task.metadata.type == "Classification":
        instance._run_experiment = single
    else:
        instance._calculate_scores = several
        holder._evaluate_classifier = lambda *data: (data, None)
    try:
        yield
    finally:
        holder._evaluate_classifier = fitted_by


def clusterings(
    pool: Threads,
    embeddings: np.ndarray,
    labels: Sequence[Sequence[Any]],
    *,
    n_clusters: int,
    cluster_size: int,
    kmean_batch_size: int,
    max_depth: int | None,
    rng_state: random.Random,
    seed: int,
) -> tuple[dict[str, dict[str, list[float]]], dict[str, list[list[int]]]]:
    """As mteb's `_evaluate_clustering_bootstrapped`, whose samples are drawn in the same order.

    In memory are as many samples as there are threads.
    """
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics.cluster import adjusted_mutual_info_score, v_measure_score

    deepest = max(map(len, labels))
    scores: dict[str, dict[str, list[float]]] = {"v_measure": defaultdict(list), "ami": defaultdict(list)}
    assigned: dict[str, list[list[int]]] = defaultdict(list)
    for level in range(deepest if max_depth is None else min(max_depth, deepest)):
        gold = np.array([label[level] if len(label) > level else -1 for label in labels])
        there = np.array([label != -1 for label in gold])
        gold, within = gold[there], embeddings[there]
        clusters = np.unique(gold).size

        def fit(rows: list[int], gold: np.ndarray = gold, within: np.ndarray = within, clusters: int = clusters) -> Any:
            found = MiniBatchKMeans(
                n_clusters=clusters, batch_size=kmean_batch_size, init="k-means++", n_init=1, random_state=seed
            ).fit_predict(within[rows])
            return (
                float(v_measure_score(gold[rows], found)),
                float(adjusted_mutual_info_score(gold[rows], found)),
                found,
            )

        draws = [rng_state.choices(range(len(within)), k=cluster_size) for _ in range(n_clusters)]
        for v_measure, ami, found in pool.map(fit, draws):
            scores["v_measure"][f"Level {level}"].append(v_measure)
            scores["ami"][f"Level {level}"].append(ami)
            assigned[f"Level {level}"].append(found.tolist())
    return scores, assigned
