"""What mteb reads of a task: whether it is there, whether it can be scored, and the texts not to be trained on."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from rosberta.evaluation.categories import CATEGORIES, SEARCH, SEARCH_COLUMNS
from rosberta.evaluation.tasks import SPLIT, column
from rosberta.frame.mistakes import Mistake

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from rosberta.experiment.benchmark import Task

log = logging.getLogger(__name__)

TEXTS = pa.schema([("split", pa.string()), ("role", pa.string()), ("text", pa.string())])
"""The distinct texts that a task is evaluated on. Role: "query" or "document" in search (of documents only those that
are relevant to a query), else "sentence"."""

_PART = 65_536

DOCUMENTS = pa.schema([("text", pa.string()), ("titled", pa.string())])
"""The documents that a task searches, relevant or not, as often as they stand in its corpus; with its title before it
where it has one, as a model reads it."""


def check_columns(where: str, entry: Task, task: AbsTask) -> None:
    """Hold the columns of a loaded task against what mteb will ask for."""
    wanted: Iterable[str]
    for split, data in _splits(
        task, [*task.eval_splits, *([task.train_split] if hasattr(task, "train_split") else [])]
    ):
        if task.metadata.type in SEARCH:
            for role in ("corpus", "queries"):
                _has(f"{where}: the {role} of {entry.dataset}", data[role].column_names, SEARCH_COLUMNS[role])
                kind = getattr(data[role].features["id"], "dtype", "list")
                if kind not in ("string", "large_string", "null"):
                    advice = "write them as texts, or name the column '_id'"
                    found = f"column 'id' holds {kind}, and qrels name texts"
                    raise Mistake(f"{where}: the {role} of {entry.dataset}: {found}; {advice}")
                if not len(data[role]):
                    raise Mistake(f"{where}: the {role} of {entry.dataset} is empty; there is nothing to search")
            continue
        if not len(data):
            raise Mistake(f"{where}: split {split!r} of {entry.dataset} is empty; there is nothing to score")
        if entry.category == "BitextMining":
            wanted = CATEGORIES[entry.category].columns
        elif entry.category:
            wanted = [
                column(entry, role) if role != "score" else "score" for role in CATEGORIES[entry.category].columns
            ]
        else:
            wanted = [
                *_text_columns(task),
                *([task.label_column_name] if hasattr(task, "label_column_name") else ["score"]),
            ]
        _has(f"{where}: split {split!r} of {entry.dataset}", data.column_names, wanted)


def check_values(where: str, entry: Task, task: Any) -> None:
    """Hold the values of one's own task against what its evaluation needs: ruMTEB's are as the leaderboard has them."""
    for split, data in _splits(task, [*entry.files] if "test" in entry.files else [SPLIT]):
        what = f"{where}: split {split!r} of {entry.dataset}"
        if task.metadata.type in SEARCH:
            _check_search(f"{where}: {entry.dataset}", data)
            continue
        for name in _text_columns(task):
            _are_texts(f"{what}: column {name!r}", _flat(data[name]))
        if task.metadata.type == "BitextMining":
            continue
        name = column(entry, "label") if "label" in CATEGORIES[task.metadata.type].columns else "score"
        values = list(data[name])
        if task.metadata.type == "PairClassification":
            values = list(_flat(values))
        # NaN is the one value that is not itself.
        empty = next((row for row, value in enumerate(values) if value is None or value != value), None)  # noqa: PLR0124
        if empty is not None:
            raise Mistake(f"{what}: column {name!r}: row {empty} is empty; fill it, or leave it out")
        # Labels of several levels, and several labels of a text, are lists.
        kinds = {str(value) for value in values} - {"[]"}
        if len(kinds) < 2 and (split == "train" or task.metadata.type in ("Clustering", "PairClassification", "STS")):
            raise Mistake(f"{what}: column {name!r} holds one value only ({', '.join(kinds)}); two are needed")


def _check_search(what: str, data: Any) -> None:
    for role in ("corpus", "queries"):
        for rows in data[role].select_columns(["id", "text"]).iter(1000):
            _are_texts(f"{what}: the {role}", rows["text"], rows["id"])
        _once(f"{what}: the {role}", data[role]["id"])
    for query, candidates in (data["top_ranked"] or {}).items():
        _once(f"{what}: top_ranked of query {query!r}", candidates)
    queries, corpus = set(data["queries"]["id"]), set(data["corpus"]["id"])
    judged = data["relevant_docs"]
    if not any(score > 0 and id in corpus for query in queries for id, score in judged.get(query, {}).items()):
        raise Mistake(f"{what}: the qrels name no query and document that are there; nothing could be found")
    lacking = queries - judged.keys(), judged.keys() - queries, {id for each in judged.values() for id in each} - corpus
    for ids, words in zip(
        lacking,
        ("queries have no qrels", "queries of the qrels are not there", "documents of the qrels are not in the corpus"),
        strict=True,
    ):
        if ids:
            log.warning(
                "%s: %d %s, such as %r; correct the ids if these are not meant", what, len(ids), words, min(ids)
            )
    for query, candidates in (data["top_ranked"] or {}).items():
        absent = next((id for id in candidates if id not in corpus), None)
        if absent is not None:
            raise Mistake(f"{what}: top_ranked names {absent!r} for query {query!r}; the corpus has no such document")


def _are_texts(what: str, values: Iterable[Any], ids: Iterable[Any] | None = None) -> None:
    for id, value in zip(ids or itertools.count(), values, strict=False):
        if not isinstance(value, str):
            raise Mistake(f"{what}: row {id} is {value!r}, which is no text; fill it, or leave it out")


def _once(what: str, ids: Iterable[Any]) -> None:
    seen: set[Any] = set()
    for id in ids:
        if id in seen:
            raise Mistake(f"{what}: the id {id!r} stands twice; only one would be found, leave the other out")
        seen.add(id)


def _has(what: str, names: Iterable[str], wanted: Iterable[str]) -> None:
    for name in wanted:
        if name not in names:
            raise Mistake(f"{what} has no column {name!r}; it has {', '.join(names)}")


def _splits(task: AbsTask, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
    assert task.dataset is not None
    for subset in task.hf_subsets:
        data: Any = task.dataset.get(subset, task.dataset)
        for name in names:
            yield name, data[name]


def _text_columns(task: Any) -> list[str]:
    """Names of the columns that hold the texts of a task that is no search."""
    if hasattr(task, "input_column_name"):
        return [task.input_column_name]
    if hasattr(task, "column_names"):
        return list(task.column_names)
    return [task.input1_column_name, task.input2_column_name]


def texts(task: AbsTask) -> Iterator[tuple[str, str, str]]:
    """Yield split, role and text of everything that a loaded task is evaluated on."""
    for split, data in _splits(task, task.eval_splits):
        if task.metadata.type in SEARCH:
            relevant = {id for judged in data["relevant_docs"].values() for id, score in judged.items() if score > 0}
            yield from ((split, "query", text) for text in data["queries"]["text"])
            for rows in data["corpus"].select_columns(["id", "text"]).iter(1000):
                for id, text in zip(rows["id"], rows["text"], strict=True):
                    if id in relevant:
                        yield split, "document", text
        else:
            for name in _text_columns(task):
                yield from ((split, "sentence", text) for text in _flat(data[name]))


def documents(task: AbsTask) -> Iterator[pa.Table]:
    """Yield the texts of all documents that a loaded task of search looks through (`DOCUMENTS`), in parts."""
    for _, data in _splits(task, task.eval_splits):
        names = [name for name in ("text", "title") if name in data["corpus"].column_names]
        for part in data["corpus"].select_columns(names).with_format("arrow").iter(_PART):
            there = part.filter(pc.is_valid(part["text"]))
            text = there["text"].cast(pa.string())
            none = pa.scalar(None, pa.string())
            if "title" not in names:
                yield pa.table([text, pa.repeat(none, len(text))], schema=DOCUMENTS)
                continue
            title = there["title"].cast(pa.string())
            titled = pc.binary_join_element_wise(title, text, " ")
            yield pa.table([text, pc.if_else(pc.equal(title, ""), none, titled)], schema=DOCUMENTS)


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    """Yield the values of a column; some sets of pairs hold all of a split in one row of lists."""
    for value in values:
        yield from value if isinstance(value, list) else [value]


def first_line(error: Exception) -> str:
    """What went wrong in a library, in a line."""
    # `datasets` wraps what went wrong in a sentence that does not say it.
    cause = error.__cause__ or error
    # A KeyError shows what it was told as Python writes it, in quotes.
    said = str(cause.args[0]) if isinstance(cause, KeyError) and cause.args else str(cause)
    return (said.splitlines() or [type(cause).__name__])[0]
