# ruff: noqa: F811 (the fixture has one name everywhere)
"""A task of one's own is read for what its files hold: pinned files alone, ids and texts as they stand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta.evaluation import layout, own_files, tasks
from rosberta.evaluation.libraries import fresh_cache
from rosberta.experiment.hub import Hub
from rosberta.frame.mistakes import Mistake
from rosberta.outside import pins
from rosberta.stages import benchmark, hub
from support.laying_out import cache, experiment, laid_out, mirror, project  # noqa: F401 (a fixture)
from support.scoring import Entry

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ODD = ["000", "007", "1e5", "True", "2020-01-01", "NA", " 7"]
SPLITS = {"train": "train*", "test": "test*"}
SEARCH = {"corpus": "corpus*", "queries": "queries*", "qrels": "qrels*"}


def lay_out(mirror: Path, files: dict[str, str], category: str, roles: dict[str, str], pinned: list[str]) -> Any:
    """The task of a set with these files, as mteb reads it, after the stages `hub` and `benchmark`."""
    folder = mirror / "datasets/own" / str(len(list(mirror.glob("datasets/own/*"))))
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    id = f"own/{folder.name}"
    entry = Entry(id, category=category, files=roles)
    whole = experiment({"Mine": entry}, {})
    whole.hub = Hub.model_validate(
        {"origin": "hub", "datasets": {id: {"revision": COMMIT, "files": pinned}}, "models": {}}
    )
    hub.run(whole)
    benchmark.run(whole)
    task = tasks.load_task("Mine", entry, Path("data/benchmark/Mine"))
    task.load_data()
    return task


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_ids_of_a_table_of_text_are_texts_in_every_file(mirror: Path, ending: str, caplog: pytest.LogCaptureFixture):
    between = "\t" if ending == "tsv" else ","

    def table(*rows: tuple[str, ...]) -> str:
        return "".join(f"{between.join(row)}\n" for row in rows)

    head, ids = ("_id", "title", "text"), [f"a{id}" for id in range(3)] + ODD
    files = {
        f"corpus1.{ending}": table(head, *((id, "", f"текст {id}") for id in ids[:3])),
        f"corpus2.{ending}": table(head, *((id, "", id) for id in ids[3:])),
        f"queries.{ending}": table(("_id", "text"), *((f"{place:02}", id) for place, id in enumerate(ids))),
        f"qrels.{ending}": table(
            ("query-id", "corpus-id", "score"),
            *((f"{place:02}", id, "1") for place, id in enumerate(ids)),
            ("00", "nowhere", "1"),
        ),
    }
    data = lay_out(mirror, files, "Retrieval", SEARCH, ["*"]).dataset["default"]["test"]
    assert list(data["corpus"]["id"]) == ids
    assert list(data["corpus"]["text"])[3:] == ODD
    assert list(data["queries"]["text"]) == ids
    judged = {query: [id for id in found if id != "nowhere"] for query, found in data["relevant_docs"].items()}
    assert judged == {f"{place:02}": [id] for place, id in enumerate(ids)}
    assert "1 documents of the qrels are not in the corpus, such as 'nowhere'" in caplog.text


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("first", "second", "labels"),
    [(["0", "1"], ["1", "0"], [1, 0]), (["a", "b"], ["0", "01"], ["0", "01"]), (["0", "1"], ["00", "1"], ["00", "1"])],
)
def test_texts_stay_and_labels_are_of_one_type(mirror: Path, first: list[str], second: list[str], labels: list[Any]):
    """However they are spread over files and splits."""
    files = {
        "train.csv": f"text,label\nмост,{first[0]}\nлес,{first[1]}\n",
        "test1.csv": f"text,label\nмост,{second[0]}\nлес,{second[1]}\n",
        "test2.csv": "text,label\n" + "".join(f"{text},{first[0]}\n" for text in ODD),
    }
    data = lay_out(mirror, files, "Classification", SPLITS, ["*"]).dataset
    assert list(data["test"]["text"]) == ["мост", "лес", *ODD]
    assert list(data["test"]["label"])[:2] == labels
    assert data["train"].features["label"] == data["test"].features["label"]


@pytest.mark.usefixtures("project")
def test_lines_of_dates_are_refused_by_name(mirror: Path):
    lines = "".join(f'{{"text": "2020-01-0{day}", "label": {day % 2}}}\n' for day in range(1, 9))
    with pytest.raises(Mistake, match=r"Mine\.files\.test: test\.jsonl: column 'text' holds dates alone"):
        lay_out(
            mirror, {"train.jsonl": lines.replace("2020", "в"), "test.jsonl": lines}, "Classification", SPLITS, ["*"]
        )


@pytest.mark.usefixtures("project")
def test_files_of_two_forms_are_named(mirror: Path):
    """As the qrels of BEIR beside its lines of JSON."""
    files = {
        "corpus.jsonl": '{"_id": "a", "text": "мост"}\n',
        "queries.jsonl": '{"_id": "q", "text": "мост"}\n',
        "qrels.tsv": "query-id\tcorpus-id\tscore\nq\ta\t1\n",
    }
    with pytest.raises(Mistake, match=r"Mine\.files: corpus\.jsonl and qrels\.tsv are of two forms"):
        lay_out(mirror, files, "Retrieval", SEARCH, ["*"])


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("text,label\n", "is empty"),
        ("text,label\nа,0\nб,1,2\n", "cannot be read"),
        ("text,label,label\nа,0,1\n", "has two"),
    ],
)
def test_a_table_of_text_that_is_empty_or_broken_is_named(mirror: Path, text: str, words: str):
    with pytest.raises(Mistake, match=rf"^benchmark\.tasks\.Mine.*: test\.csv {words}.*$"):
        lay_out(mirror, {"train.csv": "text,label\nа,0\nб,1\n", "test.csv": text}, "Classification", SPLITS, ["*"])


@pytest.mark.usefixtures("project")
def test_only_pinned_files_are_read(mirror: Path):
    """Whatever else of the same names lies in the mirror; and where none of them is pinned, that is said."""
    files = {f"{name}.csv": f"text,label\n{name},0\nб,1\n" for name in ("train", "test", "test-extra")}
    data = lay_out(mirror, files, "Classification", SPLITS, ["train.csv", "test.csv"]).dataset
    assert list(data["test"]["text"]) == ["test", "б"]
    with pytest.raises(Mistake, match=r"files\.test: none of the files of own/\d+ that match 'test\*' is pinned"):
        lay_out(mirror, files, "Classification", SPLITS, ["train.csv"])


@pytest.mark.parametrize("names", [("a/x", "b/x"), ("Faq", "faq"), ("OurFaq", "our_faq")])
def test_tasks_of_like_names_are_read_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: tuple[str, str]):
    """Test texts and what is scored: the library's cache knows a folder by the last part of its name, in snake case."""
    entry = Entry("own", category="STS", files={"test": "test.csv"})
    monkeypatch.setattr(pins, "manifest", lambda *_: {"files": [{"path": "test.csv"}]})
    (tmp_path / "documents").mkdir()

    def each(read: Callable[[str], list[str]]) -> list[list[str]]:
        with fresh_cache() as another:
            return [read(name) for name in names if not another()]

    def laid(name: str) -> list[str]:
        folder = tmp_path / f"source{names.index(name)}"
        folder.mkdir()
        (folder / "test.csv").write_text(f"sentence1,sentence2,score\n{name},и,1\nи,{name},2\n", encoding="utf-8")
        monkeypatch.setattr(pins, "fetch", lambda *_: folder)
        layout.lay_out(name, entry, tmp_path / "tasks" / name, tmp_path / "documents")
        return pq.read_table(tmp_path / "tasks" / name / "texts.parquet")["text"].to_pylist()

    def scored(name: str) -> list[str]:
        task = tasks.load_task(name, entry, tmp_path / "tasks" / name)
        task.load_data()
        return list(task.dataset["test"]["sentence1"])

    assert [set(texts) for texts in each(laid)] == [{name, "и"} for name in names]
    assert each(scored) == [[name, "и"] for name in names]


@pytest.mark.usefixtures("project")
def test_scores_of_other_files_than_qrels_are_words(mirror: Path):
    files = {
        "corpus.csv": "_id,text,score\n1,текст,high\n",
        "queries.csv": "_id,text\n1,вопрос\n",
        "qrels.csv": "query-id,corpus-id,score\n1,1,1\n",
    }
    assert lay_out(mirror, files, "Retrieval", SEARCH, ["*"]).dataset["default"]["test"]["relevant_docs"] == {
        "1": {"1": 1}
    }


@pytest.mark.usefixtures("project")
def test_the_stage_reads_tasks_of_like_names_apart(mirror: Path):
    sets = {"Faq": "own/like1", "faq": "own/like2"}
    for id in sets.values():
        (mirror / "datasets" / id).mkdir(parents=True)
        table = f"sentence1,sentence2,score\nпервый {id},второй {id},1\nтретий {id},первый {id},2\n"
        (mirror / "datasets" / id / "test.csv").write_text(table, encoding="utf-8")
    entries = {name: Entry(id, category="STS", files={"test": "test.csv"}) for name, id in sets.items()}
    whole = experiment(entries, {})
    pinned = {id: {"revision": COMMIT, "files": ["*"]} for id in sets.values()}
    whole.hub = Hub.model_validate({"origin": "hub", "datasets": pinned, "models": {}})
    hub.run(whole)
    benchmark.run(whole)
    for name, id in sets.items():
        texts = pq.read_table(f"data/benchmark/{name}/texts.parquet")["text"].to_pylist()
        assert set(texts) == {f"{place} {id}" for place in ("первый", "второй", "третий")}


def test_types_of_labels():
    for values, kind in (
        (["0", "12", None], pa.int64()),
        (["0", "1.5"], pa.float64()),
        (["1", "01"], pa.string()),
        (["True", "False"], pa.bool_()),
        (["True", "0"], pa.string()),
        (["12345678901234567890", "1"], pa.string()),
    ):
        assert own_files.typed(values) == kind, values


@pytest.mark.parametrize("packing", ["", ".gz"])
def test_a_table_of_text_is_written_as_it_stands(tmp_path: Path, packing: str):
    with pa.output_stream(tmp_path / f"a.csv{packing}") as file:
        file.write('\ufefftext,label\n"две\nстроки, ""так""",1\nNA,2\n,3\n'.encode())
    own_files.write("x", tmp_path / f"a.csv{packing}", tmp_path / "a.parquet", {"label": pa.int64()})
    assert pq.read_table(tmp_path / "a.parquet").to_pydict() == {
        "text": ['две\nстроки, "так"', "NA", None],
        "label": [1, 2, 3],
    }
