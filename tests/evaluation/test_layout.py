# ruff: noqa: F811 (the fixture has one name everywhere)
"""A task's folder is copies of what mteb reads of it and nothing else; what is missing or damaged is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta.evaluation import layout, tasks
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake
from rosberta.outside import pins as outside_pins
from rosberta.stages import benchmark, hub
from support.laying_out import LABELLED, SPLITS, cache, experiment, laid_out, mirror, own, pins, project, published  # noqa: F401 (a fixture)
from support.scoring import Entry

SEARCH = {"corpus": "corpus/*.parquet", "queries": "queries/*.parquet", "qrels": "data/*.parquet"}


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
    files = [{"path": path.relative_to(declared).as_posix()} for path in declared.rglob("*")]
    monkeypatch.setattr(outside_pins, "fetch", lambda *_: declared)
    monkeypatch.setattr(outside_pins, "manifest", lambda *_: {"files": files})
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


def test_of_a_published_set_only_pinned_files_are_read(mirror: Path):
    """Whatever else the publisher's patterns find."""
    task = tasks.rumteb()["RUParaPhraserSTS"]
    folder = mirror / "datasets/merionum/ru_paraphraser"
    (config,) = layout._published(task, folder, {"test.jsonl", "README.md"})
    assert [path for _, path in config.files["test"]] == ["test.jsonl"]
    with pytest.raises(FileNotFoundError, match=r"split 'test' is pinned"):
        list(layout._published(task, folder, {"README.md"}))
