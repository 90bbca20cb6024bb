"""How often a 95% interval of a fitted score holds the truth, before and now, where mteb's procedure is simulated.

    python benchmarks/evaluate/coverage.py --times 600

Classification: ten classifiers, each fitted to eight drawn texts a class. Before: the ten averaged, then the examples
alone drawn. Clustering: ten repetitions of mini-batch k-means on draws of one corpus. Before: the spread of the
repetitions alone. The truth is the mean over all simulated evaluations.
"""

from __future__ import annotations

import argparse
import random
import warnings

import numpy as np
from rosberta.evaluation.example_scores import scores_of_halves
from rosberta.evidence.estimates import estimate
from rosberta.evidence.values import Part, Values
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics import v_measure_score

BOUNDS = (0.0, 100.0)
DIMENSION = 16


def show(what: str, scores: list[float], before: list[float], now: list[tuple[float, float]]) -> None:
    """Print the shares that hold the truth."""
    truth, (low, high) = np.mean(scores), np.array(now).T
    held = np.mean(np.abs(np.array(scores) - truth) <= before), np.mean((low <= truth) & (truth <= high))
    print(f"| {what} | {len(scores)} | {100 * held[0]:.1f} | {100 * held[1]:.1f} |", flush=True)


def classification(chance: np.random.Generator, number: int, classes: int, apart: float) -> np.ndarray:
    """Whether each of ten fits is right about each example: the nearest mean of eight texts a class."""
    centres = apart * np.random.default_rng(5).standard_normal((classes, DIMENSION))
    gold, train = chance.integers(classes, size=number), np.repeat(np.arange(classes), 8)
    texts = centres[gold] + chance.standard_normal((number, DIMENSION))
    right = []
    for _ in range(10):
        drawn = centres[train] + chance.standard_normal((len(train), DIMENSION))
        means = drawn.reshape(classes, 8, DIMENSION).mean(axis=1)
        right.append(((means**2).sum(axis=1) - 2 * texts @ means.T).argmin(axis=1) == gold)
    return 100 * np.stack(right, axis=1).astype(float)


def clustering(chance: np.random.Generator, number: int, classes: int, noise: float, draws: int) -> Values:
    """Repetitions on one corpus as mteb has them, and the halves."""
    centres = np.random.default_rng(1).standard_normal((classes, DIMENSION))
    gold = chance.integers(classes, size=number)
    texts = centres[gold] + noise * chance.standard_normal((number, DIMENSION))
    embeddings = (texts / np.linalg.norm(texts, axis=1, keepdims=True)).astype(np.float32)
    sample, repetitions = random.Random(42), []
    for _ in range(10):
        rows = sample.choices(range(number), k=draws)
        fit = MiniBatchKMeans(classes, batch_size=512, n_init=1, random_state=42).fit_predict(embeddings[rows])
        repetitions.append(100 * v_measure_score(gold[rows], fit))
    ids = chance.integers(2**63, size=number).astype(np.uint64)
    halves = 100 * np.array(scores_of_halves(embeddings, [[each] for each in gold.tolist()], ids, 512))
    return Values((), ids, np.array(repetitions), halves)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=600)
    parser.add_argument("--clusterings", type=int, default=100)
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    chance = np.random.default_rng(0)
    print("| score | simulated | before, % | now, % |\n|---|---|---|---|")
    for number, classes, apart in ((2048, 2, 0.35), (2048, 5, 0.5), (300, 2, 0.35), (60, 2, 0.35)):
        scores, before, now = [], [], []
        for _ in range(asked.times):
            right = classification(chance, number, classes, apart)
            scores.append(float(right.mean()))
            before.append(1.96 * right.mean(axis=1).std() / number**0.5)
            found = estimate(Values((Part("test", np.arange(number).astype(np.uint64), right),)), scores[-1], BOUNDS)
            assert found is not None
            now.append(found.interval)
        show(f"classification, {classes} classes, {number:,} examples", scores, before, now)
    for number, classes, noise, draws in ((60, 5, 0.8, 1000), (300, 10, 1.0, 2000)):
        scores, before, now = [], [], []
        for _ in range(asked.clusterings):
            values = clustering(chance, number, classes, noise, draws)
            scores.append(float(values.repetitions.mean()))
            before.append(1.96 * values.repetitions.std(ddof=1) / 10**0.5)
            found = estimate(values, scores[-1], BOUNDS)
            assert found is not None
            now.append(found.interval)
        show(f"clustering, {classes} clusters, {number:,} documents", scores, before, now)


if __name__ == "__main__":
    main()
