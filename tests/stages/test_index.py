"""Stage `index`: one artifact by which every source finds what it would find among the test texts themselves."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.corpus import alike, indexing
from rosberta.corpus.indexing import build
from rosberta.corpus.overlap import Benchmark
from rosberta.corpus.sorting import Column, Sorter, distinct, mapped
from rosberta.experiment.corpus import Clean, Overlap
from rosberta.frame.artifacts import BENCHMARK, DOCUMENTS, INDEX
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake
from rosberta.stages import index

settings.load_profile("ci")

WORDS = ["мост", "река", "дом", "кот", "лес", "сад", "лето", "зима", "дорога", "город", "вода", "небо", "рыба"]


def texts(number: int, seed: int) -> list[tuple[str, str]]:
    """Test texts of three tasks, some of them of two, with phrases that many share."""
    chance = random.Random(seed)
    made = [" ".join(chance.choices(WORDS, k=chance.choice([1, 3, 5, 8, 12, 30]))) for _ in range(number)]
    return [(f"Task{chance.randrange(3)}", each) for each in [*made, *made[: number // 4]]]


def test_little_memory_and_another_order_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever waits on disk, and in whatever order texts come: the index is of the texts."""
    known = texts(120, 0)
    sums = set()
    for name, limits in (("large", {}), ("small", {"hashes": 200, "characters": 300})):
        (tmp_path / name).mkdir()
        random.Random(name).shuffle(known)
        if name == "small":
            monkeypatch.setattr(alike, "READ", 7)
            monkeypatch.setattr(indexing, "BATCH", 11)
        number = build(known, Overlap(), tmp_path / name, **limits)
        assert number == len({form for _, form in known if form.count(" ") > 1})
        sums.add(digest(tmp_path / name))
    assert len(sums) == 1
    assert not [path for path in (tmp_path / "small").iterdir() if path.is_dir()]


def test_what_is_found_is_what_is_told_of_a_text(tmp_path: Path) -> None:
    """Of a copy the text itself and all the tasks that hold it, as the pairs say that were indexed."""
    known = texts(300, 1)
    build(known, Overlap(), tmp_path)
    forms = sorted({form for _, form in known if form.count(" ") > 1})
    found = Benchmark(tmp_path, Overlap()).find(forms)
    assert found.keys() == set(range(len(forms)))
    for place, leak in found.items():
        tasks = tuple(sorted({task for task, form in known if form == forms[place]}))
        assert leak == ("exact", tasks, forms[place])


def test_the_index_is_read_in_place(tmp_path: Path) -> None:
    """Every array is a view of its file."""
    build(texts(100, 2), Overlap(), tmp_path)
    arrays = [mapped(path) for path in sorted(tmp_path.glob("*.npy"))]
    assert len(arrays) > 50
    assert all(isinstance(each.base, np.memmap) for each in arrays)


keys = st.lists(st.tuples(st.integers(0, 2**64 - 1) | st.integers(0, 3), st.integers(0, 99)), max_size=40)


@given(keys, st.integers(1, 50))
def test_hashes_are_sorted_as_in_memory(tmp_path_factory: pytest.TempPathFactory, pairs: list, most: int) -> None:
    """By hash, owners of one as they came; what has equal hashes comes in one piece."""
    sorter = Sorter(tmp_path_factory.getbasetemp() / "sorter", most)
    for start in range(0, len(pairs), 7):
        part = pairs[start : start + 7]
        sorter.add(np.array([h for h, _ in part], np.uint64), np.array([owner for _, owner in part], np.int64))
    pieces = list(sorter.pieces())
    found = [pair for piece in pieces for pair in zip(*(each.tolist() for each in piece), strict=True)]
    assert found == sorted(pairs, key=lambda pair: pair[0])
    assert sum(len(set(hashes.tolist())) for hashes, _ in pieces) == len({h for h, _ in pairs})


@given(st.lists(st.tuples(st.text("аб я1", max_size=5), st.sampled_from("ABC")), max_size=30), st.integers(1, 40))
def test_texts_are_sorted_as_in_memory(tmp_path_factory: pytest.TempPathFactory, pairs: list, most: int) -> None:
    """Each once, with its labels."""
    labels: dict[str, set[str]] = {}
    for text, label in pairs:
        labels.setdefault(text, set()).add(label)
    scratch = tmp_path_factory.getbasetemp()
    assert list(distinct(pairs, scratch, most)) == [(text, tuple(sorted(labels[text]))) for text in sorted(labels)]


def test_a_column_is_an_array_of_numpys(tmp_path: Path) -> None:
    """Of any length, also none."""
    for length in (0, 1, 12_345):
        with Column(tmp_path / "column.npy", "<i4") as column:
            for start in range(0, length, 1000):
                column.add(np.arange(start, min(start + 1000, length)))
        assert np.load(tmp_path / "column.npy").tolist() == list(range(length))
        assert mapped(tmp_path / "column.npy").tolist() == list(range(length))


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Two tasks that are laid out."""
    monkeypatch.chdir(tmp_path)
    DOCUMENTS.mkdir(parents=True)
    for task, text in (("A", "Кто построил мост?"), ("B", "кто построил МОСТ")):
        (BENCHMARK / task).mkdir(parents=True)
        pq.write_table(pa.table({"text": [text, "Да", ""]}), BENCHMARK / task / "texts.parquet")
    return SimpleNamespace(clean=Clean(), held_out=lambda: ["A", "B"])


def test_the_stage_indexes_normal_forms(experiment: SimpleNamespace) -> None:
    """Of all tasks, twice the same bytes; and none, where nothing is trained on."""
    index.run(experiment)
    first = digest(INDEX)
    index.run(experiment)
    assert digest(INDEX) == first
    found = Benchmark(INDEX, Overlap()).find(["кто построил мост"])
    assert found == {0: ("exact", ("A", "B"), "кто построил мост")}
    experiment.held_out = list
    index.run(experiment)
    assert Benchmark(INDEX, Overlap()).find(["кто построил мост"]) == {}


def test_missing_documents_are_a_mistake(experiment: SimpleNamespace) -> None:
    """They are never taken for tasks that search nothing; of a damaged file the name is told."""
    path = DOCUMENTS / "A.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(Mistake, match=r"data/documents/A\.parquet: damaged"):
        index.run(experiment)
    path.unlink()
    DOCUMENTS.rmdir()
    with pytest.raises(Mistake, match=r"data/documents: missing; run `dvc repro benchmark`"):
        index.run(experiment)


def test_a_damaged_index_is_a_mistake(experiment: SimpleNamespace) -> None:
    """One that is missing or cut off is named, and never taken for one without texts."""
    with pytest.raises(Mistake, match=r"data/index/tasks\.json: missing"):
        Benchmark(INDEX, Overlap())
    index.run(experiment)
    path = INDEX / "grams-8-hashes.npy"
    for content in (b"", b"\x93NUMPY", (INDEX / "forms.npy").read_bytes()[:-1]):
        (INDEX / "forms.npy").write_bytes(content)
        with pytest.raises(
            Mistake, match=r"data/index/forms\.npy: damaged \(.*\); remove it and run the stage `index`"
        ):
            Benchmark(INDEX, Overlap())
    index.run(experiment)
    path.unlink()
    with pytest.raises(Mistake, match=r"grams-8-hashes\.npy: missing; run `dvc repro index`"):
        Benchmark(INDEX, Overlap())
