"""Stage `benchmark`: lay out every task so that mteb reads it without a network, and list its test texts.

``data/benchmark/<Task>/`` holds copies of the pinned files that the task reads, byte for byte, a ``README.md`` that
names them as mteb expects, and ``texts.parquet``: what must not be trained on (`TEXTS`).
"""

from __future__ import annotations

import itertools
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from rosberta import hub
from rosberta.artifacts import BENCHMARK, whole
from rosberta.mistakes import Mistake, nearest
from rosberta.tasks import CATEGORIES, SEARCH, SEARCH_COLUMNS, SPLIT, column, faults, fresh_cache, load_task, rumteb

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from rosberta.params import Experiment, Pin, Task

log = logging.getLogger(__name__)

TEXTS = pa.schema([("split", pa.string()), ("role", pa.string()), ("text", pa.string())])
"""The distinct texts that a task is evaluated on. Role: "query" or "document" in search (of documents only those that
are relevant to a query), else "sentence"."""


class Config(NamedTuple):
    """One configuration of a task's folder, as `datasets.load_dataset` knows it."""

    name: str
    files: dict[str, list[tuple[Path, str]]]
    """Files of each split: where it lies, and its path in the task's folder."""
    features: list[Any] | None = None
    """Types of the columns, where the publisher declares more than the files themselves say."""


def run(experiment: Experiment, key: None = None) -> None:  # noqa: ARG001 (every stage has a key)
    """Lay out all tasks of the experiment.

    Raises:
        Mistake: a file or column that a task needs is missing, or its pin is not the revision that mteb evaluates.
    """
    tasks = experiment.benchmark.tasks
    wrong = [sentence for name, entry in tasks.items() for sentence in faults(name, entry)]
    if wrong:
        raise Mistake("\n".join(wrong))
    from datasets import disable_progress_bars

    disable_progress_bars()
    counted = 0
    with whole(BENCHMARK) as part, fresh_cache():
        part.mkdir()
        for name, entry in tqdm(tasks.items(), desc="lay out tasks", unit="task"):
            if entry.category is None:
                held_to_mteb(name, entry, experiment.hub.datasets)
            counted += lay_out(name, entry, part / name)
    log.info("laid out %d tasks with %d distinct test texts", len(tasks), counted)


def held_to_mteb(name: str, entry: Task, pins: Mapping[str, Pin]) -> None:
    """Hold the pin of a ruMTEB task to the data set and revision that mteb evaluates.

    Raises:
        Mistake: ruMTEB has no such task, or the pin is another.
    """
    if name not in rumteb():
        known = nearest(name, rumteb())
        raise Mistake(f"benchmark.tasks.{name}: ruMTEB has no such task (your own needs a category){known}")
    dataset = rumteb()[name].metadata.dataset
    if entry.dataset != dataset["path"]:
        raise Mistake(f"benchmark.tasks.{name}.dataset: {entry.dataset!r}, but mteb evaluates {dataset['path']!r}")
    revision = pins[entry.dataset].revision
    if revision != dataset["revision"]:
        raise Mistake(
            f"hub.datasets.{entry.dataset}.revision: {revision}, but mteb evaluates {name} on {dataset['revision']}; "
            "write that one"
        )


def lay_out(name: str, entry: Task, target: Path) -> int:
    """Copy what a task reads to `target`, check that mteb reads it, and list its test texts; count these.

    Raises:
        Mistake: a file or column is missing, or a file is damaged.
    """
    from datasets.exceptions import DatasetsError

    where = f"benchmark.tasks.{name}"
    try:
        configs = list(
            _own(where, entry) if entry.category else _published(rumteb()[name], hub.fetch("dataset", entry.dataset))
        )
    except FileNotFoundError as error:
        raise Mistake(f"{where}: {entry.dataset}: {_first_line(error)}") from None
    for config in configs:
        for origin, path in (file for split in config.files.values() for file in split):
            copy = target / path
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(origin, copy)
    (target / "README.md").write_text(_readme(configs), encoding="utf-8")
    task = load_task(name, entry, target)
    try:
        # All of a test split is kept unseen, not only what mteb samples of it.
        task.stratified_subsampling = lambda dataset, **_: dataset  # type: ignore[method-assign]
        task.load_data()
        _check_columns(where, entry, task)
        if entry.category:
            _check_values(where, entry, task)
        rows = list(dict.fromkeys(texts(task)))
    except (DatasetsError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise Mistake(f"{where}: mteb cannot read {entry.dataset}: {_first_line(error)}") from None
    table = pa.Table.from_pylist([dict(zip(TEXTS.names, row, strict=True)) for row in rows], schema=TEXTS)
    pq.write_table(table, target / "texts.parquet", compression="zstd")
    return len(rows)


def _own(where: str, entry: Task) -> Iterator[Config]:
    """The configurations of one's own task, from the roles of its files."""
    assert entry.category is not None
    files = {}
    for role in CATEGORIES[entry.category].files:
        id = (entry.candidates if role == "top_ranked" else None) or entry.dataset
        folder = hub.fetch("dataset", id)
        found = sorted(path for path in folder.glob(entry.files[role]) if path.is_file())
        if not found:
            there = nearest(entry.files[role], (p.relative_to(folder).as_posix() for p in folder.rglob("*.*")))
            raise Mistake(f"{where}.files.{role}: {id} has no {entry.files[role]!r}{there}")
        for path in found:
            # `datasets` fails on a table without rows, and does not say so.
            if path.stat().st_size == 0 or (path.suffix == ".parquet" and _rows(path) == 0):
                raise Mistake(f"{where}.files.{role}: {path.name} of {id} is empty; there is nothing to evaluate on")
        files[role] = [(path, f"{role}/{path.relative_to(folder).as_posix()}") for path in found]
    if entry.category in SEARCH:
        for role, name in (
            ("corpus", "corpus"),
            ("queries", "queries"),
            ("qrels", "default"),
            ("top_ranked", "top_ranked"),
        ):
            if role in files:
                yield Config(name, {SPLIT: files[role]})
    else:
        yield Config("default", files)


def _rows(path: Path) -> int | None:
    """Rows of a parquet file; None if it is damaged, which whoever reads it will say."""
    try:
        rows: int = pq.read_metadata(path).num_rows
    except pa.ArrowInvalid:
        return None
    return rows


def _published(task: AbsTask, folder: Path) -> Iterator[Config]:
    """The configurations of a ruMTEB task that mteb reads, with those splits only that it needs.

    Raises:
        FileNotFoundError: the folder has no such configuration, split or file.
    """
    from datasets.data_files import DataFilesDict, get_data_patterns, sanitize_patterns
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCard, DatasetCardData

    # Read here, since `datasets` wants the files of the first configuration, and of 50 languages one is pinned.
    readme, base = folder / "README.md", folder.resolve()
    card = DatasetCard.load(readme).data if readme.is_file() else DatasetCardData()
    known = MetadataConfigs.from_dataset_card_data(card) or {"default": {}}
    declared = DatasetInfosDict.from_dataset_card_data(card)
    splits = list(task.eval_splits)
    if hasattr(task, "train_split"):
        splits.insert(0, task.train_split)
    for name, choices in _configs(task):
        choice = next((choice for choice in choices if choice in known), None)
        if choice is None:
            raise FileNotFoundError(f"no configuration {' or '.join(choices)} among {', '.join(sorted(known))}")
        patterns = known[choice].get("data_files")
        patterns = sanitize_patterns(patterns) if patterns else get_data_patterns(str(base))
        # Search sets often have one split of a name of its own (corpus, queries); mteb takes it as well.
        wanted = list(patterns) if task.metadata.type in SEARCH and len(patterns) == 1 else splits
        missing = [split for split in wanted if split not in patterns]
        if missing:
            there = ", ".join(str(split) for split in patterns)
            raise FileNotFoundError(f"configuration {choice} has no split {missing[0]!r}, but {there}")
        found = DataFilesDict.from_patterns({split: patterns[split] for split in wanted}, base_path=str(base))
        files = {
            split: [(Path(path), Path(path).relative_to(base).as_posix()) for path in found[split]] for split in wanted
        }
        features = declared[choice].features if choice in declared else None
        yield Config(name, files, features._to_yaml_list() if features else None)


def _configs(task: AbsTask) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Names of the configurations that mteb asks for, each with what they may be called at their origin."""
    subset = task.hf_subsets[0]
    if task.metadata.type in SEARCH:
        dash = "" if subset == "default" else f"{subset}-"
        yield f"{dash}corpus", (f"{dash}corpus",)
        yield f"{dash}queries", (f"{dash}queries", "query")
        yield (f"{dash}qrels", (f"{dash}qrels",)) if dash else ("default", ("default", "qrels"))
        if task.metadata.type == "Reranking":
            yield f"{dash}top_ranked", (f"{dash}top_ranked",)
    elif task.fast_loading:
        # mteb reads all languages at once and picks by a column; here all there is is Russian.
        yield "default", (subset, "default")
    else:
        yield "default", ("default",)


def _readme(configs: Iterable[Config]) -> str:
    """The front matter by which `datasets` finds the files of each configuration."""
    import yaml

    head: dict[str, Any] = {"configs": [], "dataset_info": []}
    for config in configs:
        data_files = [{"split": split, "path": [path for _, path in files]} for split, files in config.files.items()]
        head["configs"].append({"config_name": config.name, "data_files": data_files})
        if config.features:
            head["dataset_info"].append({"config_name": config.name, "features": config.features})
    head = {field: value for field, value in head.items() if value}
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n"


def _check_columns(where: str, entry: Task, task: AbsTask) -> None:
    """Hold the columns of a loaded task against what mteb will ask for."""
    wanted: Iterable[str]
    for split, data in _splits(
        task, [*task.eval_splits, *([task.train_split] if hasattr(task, "train_split") else [])]
    ):
        if task.metadata.type in SEARCH:
            for role in ("corpus", "queries"):
                _has(f"{where}: the {role} of {entry.dataset}", data[role].column_names, SEARCH_COLUMNS[role])
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


def _check_values(where: str, entry: Task, task: Any) -> None:
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
        if None in values:
            raise Mistake(f"{what}: column {name!r}: row {values.index(None)} is empty; fill it, or leave it out")
        # Labels of several levels, and several labels of a text, are lists.
        kinds = {str(value) for value in values} - {"[]"}
        if len(kinds) < 2 and (split == "train" or task.metadata.type in ("PairClassification", "STS")):
            raise Mistake(f"{what}: column {name!r} holds one value only ({', '.join(kinds)}); two are needed")


def _check_search(what: str, data: Any) -> None:
    for role in ("corpus", "queries"):
        for rows in data[role].select_columns(["id", "text"]).iter(1000):
            _are_texts(f"{what}: the {role}", rows["text"], rows["id"])
    queries, corpus = set(data["queries"]["id"]), set(data["corpus"]["id"])
    judged = data["relevant_docs"]
    if not any(score > 0 and id in corpus for query in queries for id, score in judged.get(query, {}).items()):
        raise Mistake(f"{what}: the qrels name no query and document that are there; nothing could be found")
    for query, candidates in (data["top_ranked"] or {}).items():
        absent = next((id for id in candidates if id not in corpus), None)
        if absent is not None:
            raise Mistake(f"{what}: top_ranked names {absent!r} for query {query!r}; the corpus has no such document")


def _are_texts(what: str, values: Iterable[Any], ids: Iterable[Any] | None = None) -> None:
    for id, value in zip(ids or itertools.count(), values, strict=False):
        if not isinstance(value, str):
            raise Mistake(f"{what}: row {id} is {value!r}, which is no text; fill it, or leave it out")


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


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    """Yield the values of a column; some sets of pairs hold all of a split in one row of lists."""
    for value in values:
        yield from value if isinstance(value, list) else [value]


def _first_line(error: Exception) -> str:
    # `datasets` wraps what went wrong in a sentence that does not say it.
    cause = error.__cause__ or error
    # A KeyError shows what it was told as Python writes it, in quotes.
    told = str(cause.args[0]) if isinstance(cause, KeyError) and cause.args else str(cause)
    return (told.splitlines() or [type(cause).__name__])[0]
