# ruff: noqa: F811 (the fixture has one name everywhere)
"""Every text that a task is scored on is listed once, and what cannot be scored is named with its place."""

from __future__ import annotations

import json
import shutil
from itertools import repeat
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from datasets import Dataset
from rosberta.evaluation import tasks, test_texts
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake
from rosberta.stages import benchmark, hub
from support.laying_out import LABELLED, SPLITS, cache, experiment, laid_out, mirror, own, project, published  # noqa: F401 (a fixture)
from support.scoring import Entry

PAIRS = {"sentence1": ["а", "б"], "sentence2": ["в", "г"]}


def test_texts_of_search_are_queries_and_relevant_documents(laid_out: Path):
    """Of a corpus only documents judged relevant must stay unseen; every query must."""
    texts = pq.read_table(laid_out / "data/benchmark/RuBQRetrieval/texts.parquet").to_pylist()
    task = tasks.load_task(
        "RuBQRetrieval", published("RuBQRetrieval")["RuBQRetrieval"], laid_out / "data/benchmark/RuBQRetrieval"
    )
    task.load_data()
    data = task.dataset["default"]["test"]
    relevant = {id for judged in data["relevant_docs"].values() for id, score in judged.items() if score}
    documents = {row["text"] for row in data["corpus"] if row["id"] in relevant}
    assert {row["text"] for row in texts if row["role"] == "query"} == set(data["queries"]["text"])
    assert {row["text"] for row in texts if row["role"] == "document"} == documents
    assert len(documents) < len(data["corpus"])
    assert {row["split"] for row in texts} == {"test"}


def test_all_that_is_searched_is_listed(laid_out: Path):
    """Of tasks of search the whole corpus, whatever is relevant, and of no other task."""
    rumteb = tasks.rumteb()
    found = {path.stem: path for path in (laid_out / "data/documents").iterdir()}
    assert found.keys() == {name for name, task in rumteb.items() if task.metadata.type in ("Retrieval", "Reranking")}
    for name, path in found.items():
        task = tasks.load_task(name, published(name)[name], laid_out / "data/benchmark" / name)
        task.load_data()
        searched = [
            (text, None if title is None else f"{title} {text}")
            for data in (task.dataset.get(subset, task.dataset) for subset in task.hf_subsets)
            for split in task.eval_splits
            for corpus in [data[split]["corpus"]]
            for text, title in zip(
                corpus["text"],
                (title or None for title in corpus["title"]) if "title" in corpus.column_names else repeat(None),
                strict=False,
            )
        ]
        assert pq.read_table(path).schema.equals(test_texts.DOCUMENTS)
        assert [(row["text"], row["titled"]) for row in pq.read_table(path).to_pylist()] == searched


def test_a_title_stands_before_its_text() -> None:
    """As a model reads it, where there is one; a document without a text is none."""
    corpus = Dataset.from_dict({
        "id": list("abcd"), "title": ["Мост", "", None, "Дом"], "text": ["Через реку.", "Лес", "Сад", None]
    })  # fmt: skip
    found = []
    for each in (corpus, corpus.remove_columns("title")):
        data = {"test": {"corpus": each}}
        task = SimpleNamespace(hf_subsets=["default"], eval_splits=["test"], dataset=data)
        found += [part.to_pylist() for part in test_texts.documents(task)]  # type: ignore[arg-type]
    texts = ("Через реку.", "Лес", "Сад")
    assert found == [
        [{"text": text, "titled": titled} for text, titled in zip(texts, each, strict=True)]
        for each in (("Мост Через реку.", None, None), (None, None, None))
    ]


def test_texts_are_of_evaluated_splits_and_distinct(laid_out: Path):
    """Test texts are listed once a split, with the split they are of; training splits are not listed."""
    for folder in (laid_out / "data/benchmark").iterdir():
        table = pq.read_table(folder / "texts.parquet")
        assert table.schema.equals(test_texts.TEXTS)
        rows = [tuple(row.values()) for row in table.to_pylist()]
        assert len(rows) == len(set(rows)) > 0
        assert set(table["split"].to_pylist()) == set(tasks.rumteb()[folder.name].eval_splits)


def test_all_of_a_test_split_is_listed(laid_out: Path, mirror: Path):
    """Texts come from the whole split, not only from what mteb samples of it."""
    lines = (mirror / "datasets/ai-forever/headline-classification/test.jsonl").read_text(encoding="utf-8").splitlines()
    texts = pq.read_table(laid_out / "data/benchmark/HeadlineClassification/texts.parquet")["text"].to_pylist()
    assert set(texts) == {json.loads(line)["text"] for line in lines}


@pytest.mark.usefixtures("project")
def test_a_missing_column_is_named(mirror: Path):
    """A column that one's own task names and the file lacks is named with task, split and what there is."""
    table = pa.table({"text": ["а", "б"], "label": [0, 1]})
    own(mirror, "own/columns", train=table, test=table)
    entry = Entry("own/columns", category="Classification", files=SPLITS, columns={"text": "review"})
    with pytest.raises(Mistake, match=r"benchmark\.tasks\.Mine: .*own/columns has no column 'review'; it has .*label"):
        benchmark.run(experiment({"Mine": entry}, {}))


@pytest.mark.parametrize(
    ("category", "train", "test", "message"),
    [
        ("Classification", {"text": ["а", None], "label": [0, 1]}, LABELLED, r"'train' .*'text': row 1 is None"),
        ("Classification", LABELLED, {"text": ["а", "б"], "label": [0, None]}, r"'test' .*'label': row 1 is empty"),
        ("Classification", {"text": ["а", "б"], "label": [1, 1]}, LABELLED, r"'train' .*one value only \(1\)"),
        (
            "MultilabelClassification",
            {"text": ["а", "б"], "label": [["в"], ["в"]]},
            {"text": ["а"], "label": [["в"]]},
            r"'train' .*one value only \(\['в'\]\)",
        ),
        ("Clustering", None, {"text": [None, "б"], "label": [0, 1]}, r"'test' .*'text': row 0 is None"),
        ("PairClassification", None, PAIRS | {"label": [0, 0]}, r"'test' .*'label' holds one value only \(0\)"),
        ("STS", None, PAIRS | {"score": [2.0, 2.0]}, r"'test' .*'score' holds one value only \(2.0\)"),
        (
            "Classification",
            {"text": ["а", "б"], "label": [0.0, 1.0]},
            {"text": ["а", "б"], "label": [0.0, float("nan")]},
            r"'test' .*'label': row 1 is empty",
        ),
        ("STS", None, PAIRS | {"score": [float("nan"), 2.0]}, r"'test' .*'score': row 0 is empty"),
        ("Clustering", None, {"text": ["а", "б"], "label": [1, 1]}, r"'test' .*'label' holds one value only \(1\)"),
        ("BitextMining", None, PAIRS | {"sentence2": ["в", None]}, r"'test' .*'sentence2': row 1 is None"),
    ],
)
@pytest.mark.usefixtures("project")
def test_values_that_cannot_be_evaluated_are_named(
    mirror: Path, category: str, train: dict[str, list] | None, test: dict[str, list], message: str
):
    """With task, split, column and row, before anything is embedded."""
    files = {name: pa.table(rows) for name, rows in (("train", train), ("test", test)) if rows}
    own(mirror, "own/values", **files)
    entry = Entry("own/values", category=category, files={name: f"{name}.parquet" for name in files})
    with pytest.raises(Mistake, match=rf"benchmark\.tasks\.Mine: split {message}"):
        benchmark.run(experiment({"Mine": entry}, {}))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"corpus": {"id": ["d0", "d1"], "text": ["а", None]}}, r"the corpus: row d1 is None"),
        ({"queries": {"id": ["q0"], "text": [None]}}, r"the queries: row q0 is None"),
        (
            {"qrels": {"query-id": ["q0"], "corpus-id": ["other"], "score": [1]}},
            r"the qrels name no query and document",
        ),
        ({"top_ranked": {"query-id": ["q0"], "corpus-ids": [["d0", "zzz"]]}}, r"top_ranked names 'zzz' for query 'q0'"),
        ({"corpus": {"id": ["d0", "d1", "d0"], "text": ["а", "б", "в"]}}, r"the corpus: the id 'd0' stands twice"),
        ({"queries": {"id": ["q0", "q0"], "text": ["что", "где"]}}, r"the queries: the id 'q0' stands twice"),
        (
            {"top_ranked": {"query-id": ["q0"], "corpus-ids": [["d0", "d1", "d0"]]}},
            r"top_ranked of query 'q0': the id 'd0' stands twice",
        ),
    ],
    ids=lambda changed: next(iter(changed)) if isinstance(changed, dict) else "",
)
@pytest.mark.usefixtures("project")
def test_search_that_cannot_be_evaluated_is_named(mirror: Path, changed: dict[str, dict[str, list]], message: str):
    """Texts that are none, and ids that name nothing."""
    parts = {
        "corpus": {"id": ["d0", "d1"], "text": ["а", "б"]},
        "queries": {"id": ["q0"], "text": ["что"]},
        "qrels": {"query-id": ["q0"], "corpus-id": ["d0"], "score": [1]},
        "top_ranked": {"query-id": ["q0"], "corpus-ids": [["d0", "d1"]]},
    }
    own(mirror, "own/search", **{name: pa.table(rows) for name, rows in (parts | changed).items()})
    entry = Entry("own/search", category="Reranking", files={name: f"{name}.parquet" for name in parts})
    with pytest.raises(Mistake, match=rf"benchmark\.tasks\.Mine: own/search: {message}"):
        benchmark.run(experiment({"Mine": entry}, {}))


@pytest.mark.parametrize(("name", "values"), [("corpus", [0, 1]), ("queries", [0]), ("queries", [0.5])])
@pytest.mark.usefixtures("project")
def test_ids_that_are_numbers_are_named_and_work_as_beirs(mirror: Path, name: str, values: list):
    """Not called an empty set of queries; in a column ``_id``, as BEIR has it, mteb reads numbers."""
    parts = {
        "corpus": {"id": ["0", "1"], "text": ["а", "б"]},
        "queries": {"id": ["0"], "text": ["что"]},
        "qrels": {"query-id": [0], "corpus-id": [0], "score": [1]},
    }
    texts = parts[name]["text"]
    entry = Entry("own/ids", category="Retrieval", files={name: f"{name}.parquet" for name in parts})
    numbers = parts | {name: {"id": values, "text": texts}}
    own(mirror, "own/ids", **{name: pa.table(rows) for name, rows in numbers.items()})
    with pytest.raises(Mistake, match=rf"the {name} of own/ids: column 'id' holds \w+, and qrels name texts; write"):
        benchmark.run(experiment({"Mine": entry}, {}))
    if isinstance(values[0], int):
        beirs = parts | {name: {"_id": values, "text": texts}}
        own(mirror, "own/ids", **{name: pa.table(rows) for name, rows in beirs.items()})
        benchmark.run(experiment({"Mine": entry}, {}))


@pytest.mark.usefixtures("project")
def test_the_text_na_of_a_csv_is_a_text(mirror: Path):
    """As in a source; an empty field is missing."""
    folder = mirror / "datasets/own/na"
    folder.mkdir(parents=True, exist_ok=True)
    entry = Entry("own/na", category="Classification", files={name: f"{name}[1].csv" for name in ("train", "test")})
    for text, broken in (("NA", False), ("null", False), ("", True)):
        for name in ("train", "test"):
            (folder / f"{name}[1].csv").write_text(f"text,label\n{text},0\nдом,1\n")
        hub.run(experiment({}, {"own/na": digest(folder)}))
        if broken:
            with pytest.raises(Mistake, match="'text': row 0 is None"):
                benchmark.run(experiment({"Mine": entry}, {}))
        else:
            benchmark.run(experiment({"Mine": entry}, {}))
            listed = pq.read_table("data/benchmark/Mine/texts.parquet")["text"].to_pylist()
            assert listed == [text, "дом"]


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
@pytest.mark.parametrize("empty", ["train", "test"])
def test_a_field_that_is_empty_in_one_file_has_the_type_of_the_other(mirror: Path, ending: str, empty: str):
    """Whichever of the two is read first; the labels and texts are those of the files."""
    folder = mirror / "datasets/own/empty"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in ("train", "test"):
        note = pa.nulls(2) if name == empty else pa.array(["слово", "2"])
        table = pa.table({"text": [f"{name} а", f"{name} б"], "note": note, "label": [0, 1]})
        path = folder / f"{name}.{ending}"
        if ending == "parquet":
            pq.write_table(table, path)
        elif ending == "csv":
            pyarrow.csv.write_csv(table, path)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    files = {name: f"{name}.{ending}" for name in ("train", "test")}
    entry = Entry("own/empty", category="Classification", files=files)
    hub.run(experiment({}, {"own/empty": digest(folder)}))
    benchmark.run(experiment({"Mine": entry}, {}))
    assert pq.read_table("data/benchmark/Mine/texts.parquet")["text"].to_pylist() == ["test а", "test б"]
    task = tasks.load_task("Mine", entry, Path("data/benchmark/Mine"))
    task.load_data()
    assert [str(row) for row in task.dataset["train"]["note"]] == (
        ["None", "None"] if empty == "train" else ["слово", "2"]
    )
