"""Stage `benchmark`, tasks, and the miniature's data sets: what mteb reads offline, and what must stay unseen."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from miniature import benchmark as made
from miniature.sets.planted import planted
from miniature.world.world import World
from rosberta.evaluation import tasks, test_texts
from rosberta.experiment.hub import Hub, Pin
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake
from rosberta.outside import pins as outside_pins
from rosberta.stages import benchmark, hub

SEED, ROWS = 7, 60

SPLITS = {"train": "train.parquet", "test": "test.parquet"}
SEARCH = {"corpus": "corpus/*.parquet", "queries": "queries/*.parquet", "qrels": "data/*.parquet"}


class Entry(SimpleNamespace):
    """An entry of ``benchmark.tasks``."""

    def __init__(self, dataset: str, **given: object) -> None:
        defaults = {"category": None, "files": {}, "columns": {}, "prefix": None, "language": "rus-Cyrl"}
        super().__init__(dataset=dataset, **({**defaults, "candidates": None} | given))


def published(*names: str) -> dict[str, Entry]:
    """Entries of ruMTEB's tasks: those of these names, or all of both versions."""
    rumteb = tasks.rumteb()
    return {name: Entry(rumteb[name].metadata.dataset["path"]) for name in names or rumteb}


def experiment(entries: dict[str, Entry], pins: dict[str, str]) -> SimpleNamespace:
    datasets = {id: Pin(revision=revision) for id, revision in pins.items()}
    return SimpleNamespace(
        hub=Hub(origin="hub", datasets=datasets, models={}), benchmark=SimpleNamespace(tasks=entries)
    )


def pins(*ids: str) -> dict[str, str]:
    revisions = {task.metadata.dataset["path"]: task.metadata.dataset["revision"] for task in tasks.rumteb().values()}
    return {id: revisions[id] for id in ids or revisions}


@pytest.fixture(scope="session")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The miniature's data sets, laid out as a mirror."""
    root = tmp_path_factory.mktemp("mirror")
    for id in made.IDS:
        made.write_dataset(id, root / "datasets" / id, SEED, ROWS)
    return root


@pytest.fixture(scope="session")
def laid_out(tmp_path_factory: pytest.TempPathFactory, mirror: Path) -> Iterator[Path]:
    """A project after the stages `hub` and `benchmark` on all tasks; no network, no cache that outlives the tests."""
    import datasets
    import torch

    torch.set_num_threads(1)
    root, before = tmp_path_factory.mktemp("project"), Path.cwd()
    patch = pytest.MonkeyPatch()
    patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    patch.setenv("ROSBERTA_MIRROR", str(mirror))
    os.chdir(root)
    try:
        whole = experiment(published(), pins())
        hub.run(whole)
        benchmark.run(whole)
    finally:
        os.chdir(before)
    yield root
    patch.undo()


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache for each test."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


@pytest.fixture
def project(tmp_path: Path, laid_out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of its own in which all pins are resolved and nothing is laid out."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(laid_out / "data/hub", tmp_path / "data/hub")
    return tmp_path


def own(mirror: Path, id: str, **files: pa.Table) -> None:
    """Add a data set of one's own to the mirror and pin it."""
    folder = mirror / "datasets" / id
    shutil.rmtree(folder, ignore_errors=True)
    for name, table in files.items():
        path = folder / f"{name.replace('__', '/')}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
    hub.run(experiment({}, {id: digest(folder)}))


def test_every_task_is_there(laid_out: Path):
    """All 25 tasks of both versions of ruMTEB are laid out, each with its test texts."""
    folders = sorted(path.name for path in (laid_out / "data/benchmark").iterdir())
    assert folders == sorted(tasks.rumteb())
    assert all((laid_out / "data/benchmark" / name / "texts.parquet").is_file() for name in folders)


def test_files_are_copies(laid_out: Path, mirror: Path):
    """What lies in a task's folder is, byte for byte, what is pinned; only README and texts are ours."""
    for name, task in tasks.rumteb().items():
        folder = laid_out / "data/benchmark" / name
        copies = [
            file for file in folder.rglob("*") if file.is_file() and file.name not in {"README.md", "texts.parquet"}
        ]
        assert copies, name
        for file in copies:
            origin = mirror / "datasets" / task.metadata.dataset["path"] / file.relative_to(folder)
            assert file.read_bytes() == origin.read_bytes(), file


def test_only_what_is_evaluated(laid_out: Path):
    """Of a multilingual set only Russian is there, and no split that is neither trained nor scored on."""
    paths = [
        file.relative_to(laid_out).as_posix() for file in (laid_out / "data/benchmark").rglob("*") if file.is_file()
    ]
    assert not [path for path in paths if "/en" in path]
    assert not [path for path in paths if path.startswith("data/benchmark/RuSTSBenchmarkSTS/train")]
    assert not [path for path in paths if path.startswith("data/benchmark/RuSciBenchGRNTIClusteringP2P/train")]
    massive = sorted(
        path.split("/")[3] for path in paths if "/MassiveIntentClassification/" in path and "ru.json" in path
    )
    assert massive == ["test", "train", "validation"]


@pytest.mark.parametrize(
    "name", ["MassiveIntentClassification", "STS22", "MIRACLRetrieval", "RuSTSBenchmarkSTS", "TERRa"]
)
def test_subsets_and_splits_are_the_leaderboards(laid_out: Path, name: str):
    """A task keeps mteb's class and revision, and is restricted to the leaderboard's subset and splits."""
    task = tasks.load_task(name, published(name)[name], laid_out / "data/benchmark" / name, seed=3)
    theirs = tasks.rumteb()[name]
    assert type(task) is type(theirs)
    assert (task.hf_subsets, list(task.eval_splits)) == (theirs.hf_subsets, list(theirs.eval_splits))
    assert task.metadata.revision == theirs.metadata.revision
    assert theirs.metadata.dataset["path"] != str(laid_out / "data/benchmark" / name), "mteb's own class was changed"
    assert task.seed == 3
    task.load_data()
    assert list(task.dataset) == task.hf_subsets if task.metadata.is_multilingual else True


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


def test_planted_texts_are_in_the_benchmark(laid_out: Path):
    """Every text that the training sources repeat on purpose is a test text, or a document of RuBQ's corpus."""
    found = [
        text
        for path in sorted((laid_out / "data/benchmark").glob("*/texts.parquet"))
        for text in pq.read_table(path)["text"].to_pylist()
    ]
    task = tasks.load_task(
        "RuBQRetrieval", published("RuBQRetrieval")["RuBQRetrieval"], laid_out / "data/benchmark/RuBQRetrieval"
    )
    task.load_data()
    everything = "\n".join([*found, *task.dataset["default"]["test"]["corpus"]["text"]])
    assert [text for text in planted(World(SEED)) if text not in everything] == []


def test_training_and_evaluation_name_different_things(laid_out: Path):
    """In the miniature no review, comment, abstract or message that is scored on is also trained on."""
    for name in ("GeoreviewClassification", "CEDRClassification", "RuSciBenchGRNTIClassification"):
        task = tasks.load_task(name, published(name)[name], laid_out / "data/benchmark" / name)
        task.load_data()
        assert not set(task.dataset["train"]["text"]) & set(task.dataset["test"]["text"]), name


def test_equal_bytes_twice(project: Path):
    """Laying out twice gives the same bytes, and so does making the miniature."""
    whole = experiment(published("TERRa", "RuBQRetrieval", "STS22"), pins())
    benchmark.run(whole)
    first = digest(project / "data/benchmark")
    shutil.rmtree(project / "data/benchmark")
    benchmark.run(whole)
    assert digest(project / "data/benchmark") == first
    for id in ("ai-forever/rubq-retrieval", "mteb/amazon_massive_intent", "mteb/MIRACLReranking"):
        made.write_dataset(id, project / "one" / id, SEED, ROWS)
        made.write_dataset(id, project / "two" / id, SEED, ROWS)
    assert digest(project / "one") == digest(project / "two")


@pytest.mark.usefixtures("project")
def test_other_revision_is_refused():
    """A pin that is not the revision that mteb evaluates is refused, with both named."""
    theirs = pins("mteb/TERRa")["mteb/TERRa"]
    with pytest.raises(Mistake, match=rf"hub\.datasets\.mteb/TERRa\.revision: {'0' * 40}.*{theirs}"):
        benchmark.run(experiment(published("TERRa"), {"mteb/TERRa": "0" * 40}))
    assert not Path("data/benchmark").exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"TERA": Entry("mteb/TERRa")}, 'benchmark.tasks.TERA.*did you mean "TERRa"'),
        ({"TERRa": Entry("mteb/CEDRClassification")}, "benchmark.tasks.TERRa.dataset.*mteb/TERRa"),
        ({"TERRa": Entry("mteb/TERRa", columns={"text": "x"})}, "benchmark.tasks.TERRa.columns.*category"),
        ({"Mine": Entry("x", category="Classification", files={"test": "t"})}, "Mine.files.*'train'"),
        ({"Mine": Entry("x", category="STS", files={"test": "t"}, columns={"scor": "s"})}, 'Mine.columns.*"score"'),
        ({"Mine": Entry("x", category="STS", files={"test": "t"}, prefix="search")}, "Mine.prefix.*two sides"),
        ({"Mine": Entry("x", category="STS", files={"test": "t"}, candidates="y")}, "Mine.candidates"),
    ],
)
def test_a_wrong_entry_is_refused(entries: dict[str, Entry], message: str):
    """What is wrong with an entry is said by task and field, before any file is read."""
    with pytest.raises(Mistake, match=message):
        benchmark.run(experiment(entries, pins()))


@pytest.mark.parametrize(
    ("name", "id"), [("STS22", "mteb/sts22-crosslingual-sts"), ("MIRACLReranking", "mteb/MIRACLReranking")]
)
def test_other_languages_may_be_absent(
    project: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch, name: str, id: str
):
    """A README that names files of languages that are not pinned does no harm."""
    part = project / "part"
    shutil.copytree(mirror / "datasets" / id, part)
    for file in part.rglob("*"):
        if file.is_file() and "en" in (file.name.split(".")[0], file.parent.name.split("-")[0]):
            file.unlink()
    monkeypatch.setattr(outside_pins, "fetch", lambda *_: part)
    benchmark.run(experiment(published(name), pins()))
    assert pq.read_table(f"data/benchmark/{name}/texts.parquet").num_rows


def test_declared_types_are_kept(project: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch):
    """Names of classes that a README declares reach mteb, whose samples depend on the order of classes."""
    from datasets import ClassLabel

    declared = project / "declared"
    shutil.copytree(mirror / "datasets/ai-forever/inappropriateness-classification", declared)
    names = {"class_label": {"names": {"0": "decent", "1": "rude"}}}
    info = {"features": [{"name": "text", "dtype": "string"}, {"name": "label", "dtype": names}]}
    (declared / "README.md").write_text(f"---\ndataset_info: {json.dumps(info)}\n---\n", encoding="utf-8")
    monkeypatch.setattr(outside_pins, "fetch", lambda *_: declared)
    name = "InappropriatenessClassification"
    benchmark.run(experiment(published(name), pins()))
    task = tasks.load_task(name, published(name)[name], Path("data/benchmark") / name)
    task.load_data()
    assert task.dataset["test"].features["label"] == ClassLabel(names=["decent", "rude"])


def test_a_missing_file_is_named(project: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch):
    """A split that is gone is named with its task, and what stood before stays."""
    benchmark.run(experiment(published("RUParaPhraserSTS"), pins()))
    before = digest(Path("data/benchmark"))
    broken = project / "broken"
    shutil.copytree(mirror / "datasets/merionum/ru_paraphraser", broken)
    (broken / "test.jsonl").unlink()
    monkeypatch.setattr(outside_pins, "fetch", lambda *_: broken)
    with pytest.raises(Mistake, match=r"benchmark\.tasks\.RUParaPhraserSTS: merionum/ru_paraphraser: .*'test'"):
        benchmark.run(experiment(published("RUParaPhraserSTS"), pins()))
    assert digest(Path("data/benchmark")) == before


def test_changed_files_are_read_anew(project: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch):
    """Files that change under an unchanged name are read as they are now, not as an earlier run cached them."""
    changed = project / "changed"
    shutil.copytree(mirror / "datasets/merionum/ru_paraphraser", changed)
    monkeypatch.setattr(outside_pins, "fetch", lambda *_: changed)
    for word in ("первый", "второй"):
        row = {"text_1": word, "text_2": word, "class": "1"}
        (changed / "test.jsonl").write_text(f"{json.dumps(row, ensure_ascii=False)}\n", encoding="utf-8")
        benchmark.run(experiment(published("RUParaPhraserSTS"), pins()))
        assert pq.read_table("data/benchmark/RUParaPhraserSTS/texts.parquet")["text"].to_pylist() == [word]


def test_a_damaged_file_is_named(project: Path, mirror: Path, monkeypatch: pytest.MonkeyPatch):
    """A file that is cut off is reported with its task and set, not with a trace."""
    broken = project / "broken"
    shutil.copytree(mirror / "datasets/mteb/TERRa", broken)
    file = broken / "data/dev-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    monkeypatch.setattr(outside_pins, "fetch", lambda *_: broken)
    with pytest.raises(Mistake, match=r"benchmark\.tasks\.TERRa: mteb cannot read mteb/TERRa: .*Parquet"):
        benchmark.run(experiment(published("TERRa"), pins()))


@pytest.mark.usefixtures("project")
def test_a_missing_column_is_named(mirror: Path):
    """A column that one's own task names and the file lacks is named with task, split and what there is."""
    table = pa.table({"text": ["а", "б"], "label": [0, 1]})
    own(mirror, "own/columns", train=table, test=table)
    entry = Entry("own/columns", category="Classification", files=SPLITS, columns={"text": "review"})
    with pytest.raises(Mistake, match=r"benchmark\.tasks\.Mine: .*own/columns has no column 'review'; it has .*label"):
        benchmark.run(experiment({"Mine": entry}, {}))


@pytest.mark.usefixtures("project")
def test_equal_names_in_different_folders_are_different_files(mirror: Path):
    """Both are read, each once."""
    parts = {name: pa.table({"text": [f"{name} один", f"{name} два"], "label": [0, 1]}) for name in ("a", "b")}
    own(mirror, "own/folders", a__test=parts["a"], b__test=parts["b"], train=parts["a"])
    entry = Entry("own/folders", category="Classification", files=SPLITS | {"test": "*/test.parquet"})
    benchmark.run(experiment({"Mine": entry}, {}))
    there = pq.read_table("data/benchmark/Mine/texts.parquet")["text"].to_pylist()
    assert sorted(there) == sorted(text for part in parts.values() for text in part["text"].to_pylist())
    task = tasks.load_task("Mine", entry, Path("data/benchmark/Mine"))
    task.load_data()
    assert len(task.dataset["test"]) == 4


LABELLED = {"text": ["а", "б"], "label": [0, 1]}
PAIRS = {"sentence1": ["а", "б"], "sentence2": ["в", "г"]}


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


@pytest.mark.usefixtures("project")
def test_an_empty_file_of_lines_is_named(mirror: Path):
    table = pa.table(LABELLED)
    own(mirror, "own/lines", train=table, test=table)
    folder = mirror / "datasets/own/lines"
    (folder / "test.jsonl").write_text("")
    hub.run(experiment({}, {"own/lines": digest(folder)}))
    entry = Entry("own/lines", category="Classification", files=SPLITS | {"test": "test.jsonl"})
    with pytest.raises(Mistake, match=r"benchmark\.tasks\.Mine\.files\.test: test\.jsonl of own/lines is empty"):
        benchmark.run(experiment({"Mine": entry}, {}))


@pytest.mark.usefixtures("project")
def test_a_missing_own_file_is_named(mirror: Path):
    """A file that one's own task names and the set lacks is named, with the nearest that is there."""
    table = pa.table({"text": ["а", "б"], "label": [0, 1]})
    own(mirror, "own/files", train=table, test=table)
    entry = Entry("own/files", category="Classification", files=SPLITS | {"test": "tests.parquet"})
    with pytest.raises(
        Mistake, match=r"benchmark\.tasks\.Mine\.files\.test: own/files .*did you mean \"test.parquet\""
    ):
        benchmark.run(experiment({"Mine": entry}, {}))


@pytest.mark.usefixtures("project")
def test_own_task_cannot_take_a_published_name(mirror: Path):
    """A task of one's own under the name of a ruMTEB task would pass for it, and is refused."""
    table = pa.table({"text": ["а", "б"], "label": [0, 1]})
    own(mirror, "own/name", train=table, test=table)
    with pytest.raises(Mistake, match=r"TERRa.*another"):
        benchmark.run(experiment({"TERRa": Entry("own/name", category="Classification", files=SPLITS)}, {}))


@pytest.mark.usefixtures("project")
def test_reranking_takes_candidates_from_another_set(mirror: Path):
    """The lists to rerank may lie in another set than the texts; both are laid out in one folder."""
    origin = mirror / "datasets/mteb/RuBQReranking"
    parts = {
        path: pq.read_table(next((origin / path).glob("*.parquet")))
        for path in ("corpus", "queries", "data", "top_ranked")
    }
    own(
        mirror,
        "own/texts",
        corpus__test=parts["corpus"],
        queries__test=parts["queries"],
        data__test=parts["data"],
    )
    first = digest(mirror / "datasets/own/texts")
    own(mirror, "own/lists", top_ranked__test=parts["top_ranked"])
    hub.run(experiment({}, {"own/texts": first, "own/lists": digest(mirror / "datasets/own/lists")}))
    files = SEARCH | {"top_ranked": "top_ranked/test.parquet"}
    entry = Entry("own/texts", category="Reranking", files=files, candidates="own/lists")
    benchmark.run(experiment({"Faq": entry}, {}))
    task = tasks.load_task("Faq", entry, Path("data/benchmark/Faq"))
    task.load_data()
    lists = task.dataset["default"]["test"]["top_ranked"]
    assert lists == {row["query-id"]: row["corpus-ids"] for row in parts["top_ranked"].to_pylist()}
