"""Stage `clean`: no test text of the benchmark passes, none is missed in silence, and equal inputs give equal bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta.corpus.rules import OVERLAP
from rosberta.experiment import corpus
from rosberta.frame.artifacts import BENCHMARK, CLEANED, COLLECTED, DOCUMENTS, REMOVED, SEEN
from rosberta.frame.files import sha256, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_counts, read_rows, write_rows
from rosberta.stages import clean, index
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal
from support.byte_level import tokenizer_files
from support.texts import row

MODEL = "someone/encoder"


def run(experiment: Any, key: str) -> None:
    """Index the test texts, then clean."""
    index.run(experiment)
    clean.run(experiment, key)


def benchmark(task: str, *rows: tuple[str, str, str]) -> None:
    """Write the texts of a task: (split, role, text)."""
    path = BENCHMARK / task / "texts.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = zip(*rows, strict=True)
    pq.write_table(pa.table(dict(zip(("split", "role", "text"), map(list, columns), strict=True))), path)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A project with a collected source, a pinned tokenizer, and two tasks; return the experiment that cleans it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROSBERTA_MIRROR", str(tmp_path / "mirror"))
    folder = tmp_path / "mirror" / "models" / MODEL
    folder.mkdir(parents=True)
    path = tokenizer_files(folder)
    listed = [{"path": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}]
    manifest = {"kind": "model", "id": MODEL, "revision": "0" * 40, "origin": "hub", "url": None, "files": listed}
    write_json(Path("data/hub/models") / f"{MODEL}.json", manifest)
    DOCUMENTS.mkdir(parents=True)
    benchmark(
        "RuBQRetrieval",
        ("test", "query", "Кто построил первый мост через реку?"),
        ("test", "document", "Первый мост построил инженер Иванов."),
    )
    benchmark(
        "RuSTSBenchmarkSTS",
        ("test", "sentence", "Кто построил первый мост через реку?"),
        ("test", "sentence", "Да"),
    )

    def collected(*rows: dict[str, Any], **settings: Any) -> Any:
        write_rows(COLLECTED / "s.parquet", rows, {})
        usual = {"tokenizer": MODEL, "max_tokens": 500, "min_characters": 2}
        tasks = {"RuBQRetrieval": None, "RuSTSBenchmarkSTS": None}
        source = SimpleNamespace(language="ru", min_cosine=None)
        return SimpleNamespace(
            clean=corpus.Clean.model_validate(usual | settings),
            benchmark=SimpleNamespace(tasks=tasks),
            held_out=lambda: sorted(tasks),
            collect=SimpleNamespace(sources={"s": source}),
        )

    return collected


def test_planted_overlaps_are_found_and_nothing_else(project: Callable[..., Any]) -> None:
    """Copies of test texts in any dress drop their rows, counted by task; neighbours and short texts do not."""
    rows = [
        row("кто построил ПЕРВЫЙ мост — через реку", "Иванов и другие.", id="s:0"),
        row("Вопрос о мосте", "«Кто построил первый мост через реку?»", id="s:1"),
        row("Согласны ли вы с этим?", "Да", id="s:2"),
        row("Это предложение стоит в обучающей части.", "Второй мост построил другой инженер.", id="s:3"),
        row("Кем построен мост?", "Первый мост построил инженер Иванов.", id="s:4"),
        row("Кто построил второй мост через реку?", "Петров.", "Кто построил первый мост через реку", id="s:5"),
    ]
    run(project(*rows), "s")
    kept = read_rows(CLEANED / "s.parquet").to_pylist()
    counts = read_counts(CLEANED / "s.parquet")
    assert [one["id"] for one in kept] == ["s:2", "s:3", "s:5"]
    assert kept[-1]["negatives"] == []
    assert counts["dropped"] == {OVERLAP: 3}
    assert counts["overlap"] == {
        "RuBQRetrieval": {"exact": {"rows": 3, "negatives": 1, "ids": ["s:0", "s:1", "s:4", "s:5"]}},
        "RuSTSBenchmarkSTS": {"exact": {"rows": 2, "negatives": 1, "ids": ["s:0", "s:1", "s:5"]}},
    }
    listed = read_rows(REMOVED / "s.parquet").to_pylist()
    assert [(one["id"], one["rule"]) for one in listed] == [("s:0", "exact"), ("s:1", "exact"), ("s:4", "exact")]
    assert listed[2]["test_text"] == normal("Первый мост построил инженер Иванов.")


def test_a_row_counts_for_the_tasks_of_both_sides(project: Callable[..., Any]) -> None:
    """Anchor and positive may be texts of different tasks: each is told, once; the first decides what is listed."""
    experiment = project(row("Первый мост построил инженер Иванов", "Сколько лет старому дубу?"))
    benchmark("RuSTSBenchmarkSTS", ("test", "sentence", "Сколько лет старому дубу?"))
    with pytest.raises(Mistake, match="none is left"):
        run(experiment, "s")
    run(project(row("Первый мост построил инженер Иванов", "Сколько лет старому дубу?"), row("вопрос", "ответ")), "s")
    one = {"exact": {"rows": 1, "negatives": 0, "ids": ["s:0"]}}
    assert read_counts(CLEANED / "s.parquet")["overlap"] == {"RuBQRetrieval": one, "RuSTSBenchmarkSTS": one}
    assert read_rows(REMOVED / "s.parquet").to_pylist()[0]["tasks"] == ["RuBQRetrieval"]


def test_documents_that_no_query_judges_are_told_not_dropped(project: Callable[..., Any]) -> None:
    """Of rows that are kept, in any dress, with their task; and test texts like all others where that is asked for."""
    documents = {"text": ["Третий мост снесли.", "Да", "!"], "titled": ["Мосты Третий мост снесли.", None, "Знак !"]}
    pq.write_table(pa.table(documents), DOCUMENTS / "RuBQRetrieval.parquet")
    rows = [
        row("вопрос", "третий мост снесли!", id="s:0"),
        row("другой", "ответ", "«ТРЕТИЙ мост» снесли", "Мосты: третий мост снесли", "да", id="s:1"),
        row("Первый мост построил инженер Иванов", "Да", id="s:2"),
        row("без слов", "ничего", "!", id="s:3"),
    ]
    run(project(*rows), "s")
    listed = pq.read_table(SEEN / "s.parquet")
    hashes = [hash_text(form) for form in ("третий мост снесли", "третий мост снесли", "да")]
    assert list(zip(*(listed[name].to_pylist() for name in listed.column_names), strict=True)) == [
        (id, "RuBQRetrieval", hash) for id, hash in zip(("s:0", "s:1", "s:1"), hashes, strict=True)
    ]
    assert read_counts(CLEANED / "s.parquet")["kept"] == 3
    run(project(*rows, overlap={"distractors": True}), "s")
    assert read_counts(CLEANED / "s.parquet")["overlap"]["RuBQRetrieval"]["exact"]["ids"] == ["s:0", "s:1", "s:2"]
    assert {one["id"] for one in read_rows(CLEANED / "s.parquet").to_pylist()} == {"s:1", "s:3"}
    assert pq.read_table(SEEN / "s.parquet")["document"].to_pylist() == [hash_text("да")]


def test_another_language_is_asked_for_by_a_parameter(project: Callable[..., Any]) -> None:
    """`clean.check_language` decides whether a row that is surely not in its source's language goes."""
    rows = [row("Who was it?", "The bridge was built by an engineer who lived in the town."), row("вопрос", "ответ")]
    for check, number in ((True, 1), (False, 2)):
        run(project(*rows, check_language=check), "s")
        assert read_counts(CLEANED / "s.parquet")["kept"] == number


def test_the_number_of_words_decides_what_is_no_leak(project: Callable[..., Any]) -> None:
    """With `min_words` of 1 even "Да" is one."""
    experiment = project(row("Согласны ли вы с этим?", "Да"), row("вопрос", "ответ"), overlap={"min_words": 1})
    run(experiment, "s")
    assert list(read_counts(CLEANED / "s.parquet")["overlap"]) == ["RuSTSBenchmarkSTS"]


def test_a_task_without_texts_is_a_mistake(project: Callable[..., Any]) -> None:
    """A missing or damaged file of the benchmark never counts as "no overlap"."""
    experiment = project(row("вопрос", "ответ"))
    path = BENCHMARK / "RuBQRetrieval" / "texts.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(Mistake, match=r"RuBQRetrieval/texts\.parquet: damaged"):
        run(experiment, "s")
    path.unlink()
    with pytest.raises(Mistake, match=r"RuBQRetrieval/texts\.parquet: missing"):
        run(experiment, "s")
    assert not (CLEANED / "s.parquet").exists()


def test_a_source_with_nothing_left_is_a_mistake(project: Callable[..., Any]) -> None:
    """The reasons are in the message."""
    with pytest.raises(Mistake, match=r"of 1 rows of s none is left \(1 too long\)"):
        run(project(row("вопрос", "ответ"), max_tokens=5), "s")


def test_equal_inputs_give_equal_bytes(project: Callable[..., Any]) -> None:
    """Two runs write the same file, byte for byte."""
    experiment = project(*(row(f"вопрос {n}", f"ответ {n}", "нет", "иначе", id=f"s:{n}") for n in range(50)))
    sums = set()
    for _ in range(2):
        run(experiment, "s")
        sums.add(sha256(CLEANED / "s.parquet"))
    assert len(sums) == 1
