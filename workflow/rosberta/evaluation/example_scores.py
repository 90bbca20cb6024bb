"""Scores of single examples, so that two models can be compared with an error of their difference.

What is kept of an example depends on how its task's score is made (`KEPT`): a value whose mean is the score, or what
the score is computed from. Clustering has none: it samples, and its repetitions stand in the task's own file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

DECIMALS = 6
"""Decimals of a score, as in the leaderboard's files."""

MEASURES = ("cosine_scores", "manhattan_distances", "euclidean_distances", "dot_scores")
"""By which mteb ranks pairs; the best of them is the score."""

KEPT: dict[str, tuple[str, ...]] = {
    "Classification": ("value",),
    "MultilabelClassification": ("value",),
    "Retrieval": ("value",),
    "Reranking": ("value",),
    "BitextMining": ("value",),
    "STS": ("gold", "cosine_scores"),
    "PairClassification": ("gold", *MEASURES),
}
"""Columns by category. `value`: in classification the share of the repetitions that are right, in search the query's
metric, in bitext mining the F1 of the sentence's class."""

CUTS = {"ndcg_at_10": "ndcg_cut_10", "map_at_1000": "map_cut_1000"}
"""Metrics of search as mteb names them for a task and for a query."""


class Listener:
    """Keeps what mteb has of each query on the way to a task's score."""

    def __init__(self, task: AbsTask) -> None:
        """Listen to a task of search; to others there is no need."""
        self.queries: dict[tuple[str, str], list[float]] = {}
        original = getattr(task, "task_specific_scores", None)
        if original is None:
            return
        metric = CUTS[task.metadata.main_score]

        def listened(
            scores: dict[str, dict[str, float]], qrels: Any, results: Any, hf_split: str, hf_subset: str
        ) -> dict[str, float]:
            self.queries[hf_subset, hf_split] = [scores[query][metric] for query in sorted(scores)]
            found: dict[str, float] = original(scores, qrels, results, hf_split=hf_split, hf_subset=hf_subset)
            return found

        task.task_specific_scores = listened  # type: ignore[attr-defined]


def scores_of_examples(task: AbsTask, listener: Listener, predictions: Path | None) -> pa.Table | None:
    """Scores of a task's examples.

    Args:
        task: evaluated, with its data.
        listener: what it listened to.
        predictions: mteb's file of the task's predictions; None: it wrote none.

    Returns:
        Columns ``split`` and those of `KEPT`, a row an example, in the order of the data (in search, of the queries'
        ids); None where the category has none, or mteb scored a sample that it does not name.
    """
    category = task.metadata.type
    if category not in KEPT:
        return None
    columns: dict[str, list[Any]] = {name: [] for name in ("split", *KEPT[category])}
    parts: Iterable[tuple[str, Mapping[str, Sequence[float]]]]
    if listener.queries:
        parts = ((split, {"value": values}) for (_, split), values in sorted(listener.queries.items()))
    else:
        assert predictions is not None
        read = json.loads(predictions.read_text(encoding="utf-8"))
        parts = _from_predictions(task, read)
    for split, part in parts:
        if len({len(values) for values in part.values()}) != 1:
            return None
        for name, values in part.items():
            columns[name] += [round(float(value), DECIMALS) for value in values]
        columns["split"] += [split] * len(next(iter(part.values())))
    return pa.table(columns)


def _from_predictions(task: Any, read: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Sequence[float]]]]:
    for subset in task.hf_subsets:
        data = task.dataset.get(subset, task.dataset)
        for split in task.eval_splits:
            predicted, rows = read[subset][split], data[split]
            match task.metadata.type:
                case "Classification":
                    yield split, {"value": _right(predicted, rows[task.label_column_name])}
                case "MultilabelClassification":
                    yield split, {"value": _right(predicted, _binary(rows[task.label_column_name]))}
                case "BitextMining":
                    yield split, {"value": _f1([each["corpus_id"] for each in next(iter(predicted.values()))])}
                case "STS":
                    yield split, {"gold": rows["score"], "cosine_scores": predicted["cosine_scores"]}
                case "PairClassification":
                    # Some sets of pairs hold all of a split in one row of lists.
                    gold = rows[task.label_column_name]
                    gold = gold[0] if isinstance(gold[0], list) else gold
                    yield split, {"gold": gold, **{name: predicted[name] for name in MEASURES}}


def _right(predicted: Sequence[Sequence[Any]], gold: Sequence[Any]) -> list[float]:
    """Share of the repetitions that are right, by example; empty if they are of other examples."""
    if any(len(each) != len(gold) for each in predicted):
        return []
    return [sum(each[row] == label for each in predicted) / len(predicted) for row, label in enumerate(gold)]


def _binary(gold: Sequence[Sequence[Any]]) -> list[list[int]]:
    from sklearn.preprocessing import MultiLabelBinarizer

    found: list[list[int]] = MultiLabelBinarizer().fit_transform(gold).tolist()
    return found


def _f1(found: Sequence[int]) -> list[float]:
    """F1 of each sentence's class; their mean is mteb's weighted F1, since each class has one sentence."""
    times = Counter(found)
    return [2 / (1 + times[place]) if place == row else 0.0 for row, place in enumerate(found)]
