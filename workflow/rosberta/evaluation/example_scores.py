"""Scores of single examples, so that a score and a difference of two have an error.

What is kept of an example depends on how its task's score is made (`KEPT`): a value whose mean is the score, or what
the score is computed from; where classifiers are fitted, whether each of them is right, since they differ by the
training texts that they were given. Of a clustering its documents are kept, and scores on halves of them. Each example
has an id, the hash of its texts: two models are compared on the same examples only, and tasks that share texts are
known by it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from hashlib import blake2b
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from rosberta.evaluation.fits import Fit, classifiers, clusterings, side_by_side

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from rosberta.evaluation.mteb_model import Evaluated

DECIMALS = 6
"""Decimals of a score, as in the leaderboard's files."""

MEASURES = ("cosine_scores", "manhattan_distances", "euclidean_distances", "dot_scores", "similarity_scores")
"""By which mteb ranks pairs; the best of them is the score."""

FITTED = ("Classification", "MultilabelClassification")
"""Categories whose score is the mean over classifiers, each fitted to a draw of the training texts."""

KEPT: dict[str, tuple[str, ...]] = {
    "Classification": ("right",),
    "MultilabelClassification": ("right",),
    "Clustering": (),
    "Retrieval": ("value",),
    "Reranking": ("value",),
    "BitextMining": ("value", "jackknife"),
    "STS": ("gold", "cosine_scores"),
    "PairClassification": ("gold", *MEASURES),
}
"""Columns by category. `right`: whether each fit is right; `value`: in search the query's metric, in bitext mining the
F1 of the sentence's class, which other sentences lower that take it for theirs: `jackknife` has what each moves."""

PREDICTED = ("BitextMining", "PairClassification", "STS")
"""Categories whose examples are known from mteb's file of predictions."""

CUTS = {"ndcg_at_10": "ndcg_cut_10", "map_at_1000": "map_cut_1000"}
"""Metrics of search as mteb names them for a task and for a query."""

HALVES, FITS = 16, 4
"""Halves of a clustering's documents, and fits on each: what `rosberta.evidence.estimates` needs for its error."""

CLUSTERED = b"clustered"
"""Where a clustering's table keeps, as JSON, by split mteb's ``repetitions``, (repetitions,), and ``halves``,
(`HALVES`, `FITS`): scores, 0-1."""


def id_of(*texts: str) -> int:
    """The id of an example: a hash of its texts, 64 bits."""
    joined = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(joined, digest_size=8).digest())


def half(ids: np.ndarray, number: int) -> np.ndarray:
    """Which examples are in a half: bool, (examples,), decided by the example's id and the half's number alone."""
    # splitmix64, whose low bit alone would be weak.
    mixed = ids + np.uint64((number + 1) * 0x9E3779B97F4A7C15 % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: np.ndarray = (mixed ^ (mixed >> np.uint64(31))) >> np.uint64(63) == 1
    return found


class Listener:
    """Keeps what mteb has of each example on the way to a task's score."""

    def __init__(self, task: AbsTask, evaluated: Evaluated, embedded: Callable[[], None] = lambda: None) -> None:
        """Listen to a task, which `evaluated` is about to be scored on; `embedded` is called behind its last text."""
        self.queries: dict[str, tuple[list[str], list[float]]] = {}
        self.right: dict[str, tuple[Sequence[str], list[Fit]]] = {}
        self.clusterings: dict[str, tuple[Sequence[str], dict[str, Any]]] = {}
        self._task: Any = task
        self._evaluated = evaluated
        self._split = ""
        self._parts_left = len(task.hf_subsets) * len(task.eval_splits)
        self._embedded = embedded
        if hasattr(task, "task_specific_scores"):
            self._listen("task_specific_scores", self._search)
        self._listen("_evaluate_subset", self._begin, before=True)

    def _listen(self, name: str, heard: Callable[..., None], *, before: bool = False) -> None:
        original = getattr(self._task, name, None)
        if original is None:
            return

        def listened(*given: Any, **named: Any) -> Any:
            if before:
                heard(*given, **named)
            found = original(*given, **named)
            if not before:
                heard(*given, **named)
            return found

        setattr(self._task, name, listened)

    def _begin(self, *_: Any, hf_split: str, **__: Any) -> None:
        self._split = hf_split
        self._parts_left -= 1

    def _rest(self) -> None:
        """Tell, once, that no text is left to embed."""
        if self._parts_left == 0:
            self._parts_left = -1
            self._embedded()

    def _fit(self, fit: Fit) -> None:
        self.right.setdefault(self._split, (self._evaluated.read, []))[1].append(fit)

    def _search(self, scores: Mapping[str, Mapping[str, float]], *_: Any, hf_split: str, **__: Any) -> None:
        metric, names = CUTS[self._task.metadata.main_score], sorted(scores)
        self.queries[hf_split] = names, [scores[name][metric] for name in names]

    @contextmanager
    def fits(self) -> Iterator[None]:
        """Run the task's fits side by side for as long as the block lasts, and score halves of a clustering, too."""
        from mteb.abstasks import clustering

        holder: Any = clustering
        original = holder._evaluate_clustering_bootstrapped
        model: Any = self._evaluated
        search = model.search

        def searched(*given: Any, **named: Any) -> Any:
            found = search(*given, **named)
            self._rest()
            return found

        with side_by_side(self._rest) as pool:

            def listened(embeddings: Any, labels: list[list[Any]], **settings: Any) -> Any:
                found = clusterings(pool, np.asarray(embeddings), labels, **settings)
                texts = self._evaluated.read
                ids = np.array([id_of(text) for text in texts], np.uint64)
                self.clusterings[self._split] = (
                    texts,
                    {
                        "repetitions": [fmean(each) for each in zip(*found[0]["v_measure"].values(), strict=True)],
                        "halves": scores_of_halves(
                            np.asarray(embeddings), labels, ids, settings["kmean_batch_size"], pool.map
                        ),
                    },
                )
                return found

            holder._evaluate_clustering_bootstrapped, model.search = listened, searched
            fitted = classifiers(self._task, pool, self._fit) if self._task.metadata.type in FITTED else nullcontext()
            try:
                with fitted:
                    yield
            finally:
                holder._evaluate_clustering_bootstrapped = original
                del model.search


def scores_of_halves(
    embeddings: np.ndarray,
    labels: Sequence[Sequence[Any]],
    ids: np.ndarray,
    batch_size: int,
    each: Callable[..., Iterable[float]] = map,
) -> list[list[float]]:
    """V-measures of clusterings of halves of the documents, 0-1, (`HALVES`, `FITS`); of several levels their mean.

    As mteb clusters, but each document of the half once, instead of many draws of all. `each` maps over the fits.
    """

    def fit(place: tuple[int, int]) -> float:
        within = half(ids, place[0])
        return fmean(_v_measure(embeddings, labels, level, within, batch_size, place[1]) for level in _levels(labels))

    scores = np.fromiter(each(fit, list(np.ndindex(HALVES, FITS))), float)
    found: list[list[float]] = scores.reshape(HALVES, FITS).tolist()
    return found


def _levels(labels: Sequence[Sequence[Any]]) -> range:
    return range(max(map(len, labels)))


def _v_measure(
    embeddings: np.ndarray, labels: Sequence[Sequence[Any]], level: int, within: np.ndarray, batch_size: int, fit: int
) -> float:
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics import v_measure_score

    rows = [row for row in within.nonzero()[0].tolist() if len(labels[row]) > level]
    gold = [str(labels[row][level]) for row in rows]
    if not rows:
        return 1.0  # as scikit-learn has it of nothing
    fitted = MiniBatchKMeans(
        n_clusters=len(set(gold)), batch_size=batch_size, init="k-means++", n_init=1, random_state=fit
    ).fit_predict(embeddings[rows])
    return float(v_measure_score(gold, fitted))


def scores_of_examples(task: AbsTask, listener: Listener, predictions: Path | None) -> pa.Table | None:
    """Scores of a task's examples.

    Args:
        task: evaluated, with its data.
        listener: what it listened to.
        predictions: mteb's file of the task's predictions; None: it wrote none.

    Returns:
        Columns ``split``, ``id`` and those of `KEPT`, a row an example, in the order of the data (in search, of the
        queries' ids), and of a clustering what `CLUSTERED` names; None where the category has none.
    """
    category = task.metadata.type
    if category not in KEPT:
        return None
    read = json.loads(predictions.read_text(encoding="utf-8")) if predictions else {}
    tables = []
    for split, ids, columns in _parts(task, listener, read):
        if category in FITTED:
            right: Any = columns["right"]
            rounded: dict[str, Any] = {"right": pa.FixedSizeListArray.from_arrays(right.ravel(), right.shape[1])}
        else:
            rounded = {name: [round(float(value), DECIMALS) for value in values] for name, values in columns.items()}
        tables.append(pa.table({"split": [split] * len(ids), "id": pa.array(ids, pa.uint64()), **rounded}))
    table = pa.concat_tables(tables)
    if listener.clusterings:
        kept = {split: found for split, (_, found) in listener.clusterings.items()}
        table = table.replace_schema_metadata({CLUSTERED: json.dumps(kept).encode()})
    return table


def _parts(
    task: Any, listener: Listener, read: Mapping[str, Any]
) -> Iterable[tuple[str, list[int], Mapping[str, Any]]]:
    """Yield split, ids and columns."""
    category = task.metadata.type
    for subset in task.hf_subsets:
        data = task.dataset.get(subset, task.dataset)
        for split in task.eval_splits:
            match category:
                case "Classification" | "MultilabelClassification":
                    texts, fits = listener.right[split]
                    yield (
                        split,
                        [id_of(text) for text in texts],
                        {"right": np.stack([fit.result()[1] for fit in fits], axis=1)},
                    )
                case "Clustering":
                    yield split, [id_of(text) for text in listener.clusterings[split][0]], {}
                case "Retrieval" | "Reranking":
                    names, values = listener.queries[split]
                    queries = data[split]["queries"]
                    asked = dict(zip(queries["id"], queries["text"], strict=True))
                    yield split, [id_of(str(asked[name])) for name in names], {"value": values}
                case "BitextMining":
                    found = next(iter(read[subset][split].values()))
                    ids = [id_of(*pair) for pair in zip(*(data[split][each] for each in _names(task)), strict=True)]
                    yield split, ids, dict(zip(KEPT[category], _f1([each["corpus_id"] for each in found]), strict=True))
                case "STS" | "PairClassification":
                    rows, predicted = data[split], read[subset][split]
                    # Some sets of pairs hold all of a split in one row of lists.
                    flat = [_flat(rows[each]) for each in (*_names(task), _gold(task))]
                    columns = {name: predicted[name] for name in KEPT[category] if name != "gold"}
                    ids = [id_of(*pair) for pair in zip(*flat[:2], strict=True)]
                    yield split, ids, {"gold": flat[2], **columns}


def _names(task: Any) -> Sequence[str]:
    """The columns of a task's pairs."""
    if hasattr(task, "input1_column_name"):
        return [task.input1_column_name, task.input2_column_name]
    return list(getattr(task, "column_names", ("sentence1", "sentence2")))


def _gold(task: Any) -> str:
    return "score" if task.metadata.type == "STS" else task.label_column_name


def _flat(column: Sequence[Any]) -> Sequence[Any]:
    return column[0] if len(column) == 1 and isinstance(column[0], list) else column


def _f1(found: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """F1 of each sentence's class, and the jackknife's pseudo-values (Tukey 1958) of their mean, (sentences,).

    The mean is mteb's weighted F1, since each class has one sentence. Without a sentence its class is gone, and that
    which it was taken for has one intruder less.
    """
    number, places = len(found), np.asarray(found)
    times, right = np.bincount(places, minlength=number), places == np.arange(number)
    values = np.where(right, 2 / (1 + times), 0.0)
    intrudes = ~right & right[places]
    gained = np.where(intrudes, 2 / np.maximum(times, 1)[places] - values[places], 0.0)
    score = values.mean()
    without = (values.sum() - values + gained) / max(1, number - 1)
    return values, number * score - (number - 1) * without
