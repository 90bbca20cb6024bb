"""A task's folder: the files that it reads, and the README by which mteb's reader finds them."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from rosberta.evaluation import own_files
from rosberta.evaluation.categories import CATEGORIES, SEARCH, SEARCH_COLUMNS
from rosberta.evaluation.tasks import SPLIT, column, load_task, rumteb
from rosberta.evaluation.test_texts import DOCUMENTS, TEXTS, check_columns, check_values, documents, first_line, texts
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.outside import pins as seam

if TYPE_CHECKING:
    from mteb.abstasks import AbsTask

    from rosberta.experiment.benchmark import Task
    from rosberta.experiment.hub import Pin


class Config(NamedTuple):
    """One configuration of a task's folder, as `datasets.load_dataset` knows it."""

    name: str
    files: dict[str, list[tuple[Path, str]]]
    """Files of each split: where it lies, and its path in the task's folder."""
    features: list[Any] | None = None
    """Types of the columns, where the publisher declares more than the files themselves say."""
    types: Mapping[str, pa.DataType] = MappingProxyType({})
    """Types of the columns of a table of text that are no texts."""


def check_pin(name: str, entry: Task, pins: Mapping[str, Pin]) -> None:
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


def lay_out(name: str, entry: Task, target: Path, corpora: Path) -> int:
    """Copy what a task reads to `target`, check that mteb reads it, and list its test texts; count these.

    One's own tables of text are written as parquet, which says the types of columns.
    What it searches, if it does, is listed in a file of its name in `corpora`.

    Raises:
        Mistake: a file or column is missing, or a file is damaged.
    """
    from datasets.exceptions import DatasetGenerationError, DatasetsError

    where = f"benchmark.tasks.{name}"
    try:
        configs = list(_own(where, entry) if entry.category else _published(rumteb()[name], *_fetched(entry.dataset)))
    except FileNotFoundError as error:
        raise Mistake(f"{where}: {entry.dataset}: {first_line(error)}") from None
    for config in configs:
        for origin, path in (file for split in config.files.values() for file in split):
            copy = target / path
            if not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                if entry.category and own_files.form(origin) in own_files.FORMS:
                    own_files.write(where, origin, copy, config.types)
                else:
                    shutil.copyfile(origin, copy)
    try:
        try:
            task = _loaded(name, entry, target, configs)
        except DatasetGenerationError:
            # A column may be empty in one file and full in another: its type is known once all are read.
            task = _loaded(name, entry, target, [_typed(config, target) for config in configs])
        check_columns(where, entry, task)
        if entry.category:
            check_values(where, entry, task)
        rows = list(dict.fromkeys(texts(task)))
        if task.metadata.type in SEARCH:
            with pq.ParquetWriter(corpora / f"{name}.parquet", DOCUMENTS, compression="zstd") as file:
                for part in documents(task):
                    file.write_table(part)
    except (DatasetsError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise Mistake(f"{where}: mteb cannot read {entry.dataset}: {first_line(error)}") from None
    table = pa.Table.from_pylist([dict(zip(TEXTS.names, row, strict=True)) for row in rows], schema=TEXTS)
    pq.write_table(table, target / "texts.parquet", compression="zstd")
    return len(rows)


def _loaded(name: str, entry: Task, target: Path, configs: Iterable[Config]) -> AbsTask:
    (target / "README.md").write_text(_readme(configs), encoding="utf-8")
    task = load_task(name, entry, target)
    # All of a test split is kept unseen, not only what mteb samples of it.
    task.stratified_subsampling = lambda dataset, **_: dataset  # type: ignore[method-assign]
    task.load_data()
    return task


def _typed(config: Config, target: Path) -> Config:
    """A configuration that says the types of its columns, each as in a file that has values of it."""
    from datasets import Features, load_dataset

    if config.features:
        return config
    types: dict[str, Any] = {}
    empty: set[str] = set()
    for file in (file for files in config.files.values() for file in files):
        (target / "README.md").write_text(_readme([Config(config.name, {SPLIT: [file]})]), encoding="utf-8")
        data: Any = load_dataset(str(target), config.name, split=SPLIT)
        for name, kind in data.features.items():
            nothing = data.data.column(name).null_count == len(data)
            if name not in types or (name in empty and not nothing):
                types[name] = kind
                empty = empty | {name} if nothing else empty - {name}
    return config._replace(features=Features(types)._to_yaml_list())


def _own(where: str, entry: Task) -> Iterator[Config]:
    """The configurations of one's own task, from the roles of its files."""
    assert entry.category is not None
    origins: dict[str, list[Path]] = {}
    files: dict[str, list[tuple[Path, str]]] = {}
    for role in CATEGORIES[entry.category].files:
        id = (entry.candidates if role == "top_ranked" else None) or entry.dataset
        folder, pinned = _fetched(id)
        named = folder / entry.files[role]
        there = [named] if named.is_file() else sorted(p for p in folder.glob(entry.files[role]) if p.is_file())
        found = [path for path in there if path.relative_to(folder).as_posix() in pinned]
        if there and not found:
            raise Mistake(
                f"{where}.files.{role}: none of the files of {id} that match {entry.files[role]!r} is pinned; name "
                "them in `files` of its pin"
            )
        if not found:
            raise Mistake(
                f"{where}.files.{role}: {id} has no {entry.files[role]!r}{nearest(entry.files[role], pinned)}"
            )
        for path in found:
            # `datasets` fails on a table without rows, and does not say so.
            if path.stat().st_size == 0 or (path.suffix == ".parquet" and _rows(path) == 0):
                raise Mistake(f"{where}.files.{role}: {path.name} of {id} is empty; there is nothing to evaluate on")
            if own_files.form(path) in (".json", ".jsonl"):
                own_files.check_lines(f"{where}.files.{role}", path, _texts(entry, role))
        origins[role] = found
        files[role] = [(path, f"{role}/{path.relative_to(folder).as_posix()}") for path in found]
        files[role] = [(p, f"{to}.parquet" if own_files.form(p) in own_files.FORMS else to) for p, to in files[role]]
    own_files.one_form(where, (path for found in origins.values() for path in found))
    numbers = ("qrels",) if entry.category in SEARCH else tuple(origins)
    names = ["score"] if entry.category in SEARCH else [column(entry, role) for role in ("label", "score")]
    tables = [path for role in numbers for path in origins[role] if own_files.form(path) in own_files.FORMS]
    types = {
        name: own_files.typed(value for path in tables for value in own_files.column(where, path, name))
        for name in names
        if name not in _texts(entry, "test")
    }
    if entry.category in SEARCH:
        for role, name in (
            ("corpus", "corpus"),
            ("queries", "queries"),
            ("qrels", "default"),
            ("top_ranked", "top_ranked"),
        ):
            if role in files:
                yield Config(name, {SPLIT: files[role]}, types=types if role == "qrels" else {})
    else:
        yield Config("default", files, types=types)


def _texts(entry: Task, role: str) -> list[str]:
    """Names of the columns of a file of one's own task that hold texts and ids."""
    assert entry.category is not None
    if entry.category in SEARCH:
        return (
            ["_id", *SEARCH_COLUMNS["corpus"], "title"] if role in ("corpus", "queries") else ["query-id", "corpus-id"]
        )
    return [column(entry, name) for name in CATEGORIES[entry.category].columns if name not in ("label", "score")]


def _fetched(id: str) -> tuple[Path, set[str]]:
    """The folder of a data set, and the paths in it that are pinned: more may lie there."""
    return seam.fetch("dataset", id), {file["path"] for file in seam.manifest("dataset", id)["files"]}


def _rows(path: Path) -> int | None:
    """Rows of a parquet file; None if it is damaged, which whoever reads it will say."""
    try:
        rows: int = pq.read_metadata(path).num_rows
    except pa.ArrowInvalid:
        return None
    return rows


def _published(task: AbsTask, folder: Path, pinned: Collection[str]) -> Iterator[Config]:
    """The configurations of a ruMTEB task that mteb reads, with those splits only that it needs, of its pinned files.

    Raises:
        FileNotFoundError: the folder has no such configuration, split or file.
    """
    from datasets.data_files import DataFilesDict, get_data_patterns, sanitize_patterns
    from datasets.info import DatasetInfosDict
    from datasets.utils.metadata import MetadataConfigs
    from huggingface_hub import DatasetCard, DatasetCardData

    # Read here, since `datasets` wants the files of the first configuration, and of 50 languages one is pinned.
    readme, base = folder / "README.md", folder.resolve()
    card = DatasetCard.load(readme).data if readme.is_file() and readme.name in pinned else DatasetCardData()
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
        patterns = sanitize_patterns(patterns) if patterns else get_data_patterns(glob.escape(str(base)))
        # Search sets often have one split of a name of its own (corpus, queries); mteb takes it as well.
        wanted = list(patterns) if task.metadata.type in SEARCH and len(patterns) == 1 else splits
        missing = [split for split in wanted if split not in patterns]
        if missing:
            there = ", ".join(str(split) for split in patterns)
            raise FileNotFoundError(f"configuration {choice} has no split {missing[0]!r}, but {there}")
        # The patterns are the publisher's, the folder's name is none.
        place = glob.escape(str(base))
        found = DataFilesDict.from_patterns({split: patterns[split] for split in wanted}, base_path=place)
        listed = {
            split: [(Path(path), Path(path).relative_to(base).as_posix()) for path in found[split]] for split in wanted
        }
        files = {split: [file for file in each if file[1] in pinned] for split, each in listed.items()}
        if empty := next((split for split, each in files.items() if not each), None):
            raise FileNotFoundError(f"no file of configuration {choice}, split {str(empty)!r} is pinned")
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
        data_files = [
            {"split": split, "path": [glob.escape(path) for _, path in files]} for split, files in config.files.items()
        ]
        entry: dict[str, Any] = {"config_name": config.name, "data_files": data_files}
        if any(path.endswith((".csv", ".tsv")) for files in config.files.values() for _, path in files):
            # The text NA is a text, as in sources; an empty field is missing.
            entry |= {"keep_default_na": False, "na_values": [""]}
        head["configs"].append(entry)
        if config.features:
            head["dataset_info"].append({"config_name": config.name, "features": config.features})
    head = {field: value for field, value in head.items() if value}
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---\n"
