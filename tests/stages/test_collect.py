"""Stage `collect`: the sample is uniform and reproducible, and counts add up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.experiment.corpus import Source
from rosberta.frame.artifacts import COLLECTED
from rosberta.frame.files import sha256, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import ROW, read_counts, read_rows
from rosberta.outside.pins import fetch
from rosberta.stages import collect
from rosberta.texts.draws import Sample, draw
from support.raw_files import write

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

ID = "someone/pairs"
ROWS = [{"anchor": f"вопрос {n}", "positive": f"ответ {n}"} for n in range(300)]


def source(**fields: Any) -> Source:
    usual = {
        "adapter": "pairs",
        "dataset": ID,
        "files": "train*",
        "group": "basic_russian",
        "prefix": "search",
        "language": "ru",
        "task": "retrieval",
    }
    return Source(**(usual | fields))


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Pin files of a set that lies in a mirror, and return the experiment that collects it."""
    mirror = tmp_path / "mirror"
    monkeypatch.setenv("ROSBERTA_MIRROR", str(mirror))
    monkeypatch.chdir(tmp_path)

    def pin(
        files: dict[str, list[dict[str, Any]]], cap: int = 1000, seed: int = 0, surplus: float = 1.0, **fields: Any
    ) -> Any:
        paths = {name: write(mirror / "datasets" / ID / name, rows) for name, rows in files.items()}
        listed = [{"path": name, "bytes": path.stat().st_size, "sha256": sha256(path)} for name, path in paths.items()]
        manifest = {"kind": "dataset", "id": ID, "revision": "0" * 40, "origin": "hub", "url": None, "files": listed}
        write_json(Path("data/hub/datasets") / f"{ID}.json", manifest)
        block = SimpleNamespace(seed=seed, cap=cap, surplus=surplus, sources={"mine": source(**fields)})
        return SimpleNamespace(collect=block)

    return pin


def collected() -> list[dict[str, Any]]:
    return read_rows(COLLECTED / "mine.parquet").to_pylist()


def added_up(counts: dict[str, Any]) -> bool:
    return counts["read"] + counts["split"] == counts["kept"] + sum(counts["dropped"].values())


@given(
    numbers=st.lists(st.integers(0, 50), max_size=40),
    size=st.integers(1, 10),
    brought=st.sampled_from([len, lambda _: 0]),
    random=st.randoms(),
)
def test_a_sample_is_the_smallest_numbers_in_any_order(
    numbers: list[int], size: int, brought: Callable[[frozenset[int]], int], random: Any
) -> None:
    """The sample is a function of the set of numbers, whatever their order; items of one number are one item, whenever
    they are merged."""
    entries = list(enumerate(numbers))
    random.shuffle(entries)
    sample: Sample[frozenset[int]] = Sample(size, frozenset.union, brought)
    lost = sum(not sample.add(number, frozenset([place])) for place, number in entries)
    smallest = sorted(set(numbers))[:size]
    assert list(sample) == [{place for place, each in entries if each == number} for number in smallest]
    assert lost + sample.copies + len(sample) == len(numbers)


def test_draws_are_uniform_and_keyed() -> None:
    """Half of the draws are odd; another seed, word or division into words is another draw; a draw never changes."""
    odd = sum(draw(0, str(n)) % 2 for n in range(10_000))
    assert 4_800 < odd < 5_200
    assert len({draw(0, "ab", "c"), draw(0, "a", "bc"), draw(1, "ab", "c"), draw(0, "abc")}) == 4
    assert draw(7, "мост") == 0xF69ABD32C570271F


def test_rows_have_the_schema_and_the_source_s_place(pinned: Callable[..., Any]) -> None:
    """Every row carries task, prefix, language, group and source; ids are the source and the raw row's position."""
    collect.run(pinned({"train.parquet": ROWS[:3]}, prefix="clustering", task="clustering"), "mine")
    assert read_rows(COLLECTED / "mine.parquet").schema.equals(ROW)
    assert collected()[2] == {
        "anchor": "вопрос 2",
        "positive": "ответ 2",
        "negatives": [],
        "positives": [],
        "task": "clustering",
        "prefix": "clustering",
        "language": "ru",
        "source": "mine",
        "group": "basic_russian",
        "id": "mine:2",
    }


def test_what_lies_beside_the_pinned_files_is_not_read(pinned: Callable[..., Any], tmp_path: Path) -> None:
    """A mirror may hold a file of another revision that the glob would take; one without rows is passed over."""
    experiment = pinned({"train-0.jsonl": ROWS[:10], "train-1.jsonl": []})
    write(tmp_path / "mirror/datasets" / ID / "train-9.jsonl", ROWS[10:20])
    collect.run(experiment, "mine")
    assert [row["anchor"] for row in collected()] == [row["anchor"] for row in ROWS[:10]]
    stray = pinned({"other.jsonl": ROWS[:10]})
    with pytest.raises(Mistake, match=r"none of the files that match 'train\*' is pinned"):
        collect.run(stray, "mine")


def test_only_the_files_of_the_glob_are_read(pinned: Callable[..., Any]) -> None:
    """Other splits beside the train files stay unread; several files are one stream in order of their paths."""
    files = {"train-1.parquet": ROWS[10:20], "train-0.jsonl": ROWS[:10], "test-0.parquet": ROWS[20:30]}
    collect.run(pinned(files), "mine")
    assert [row["anchor"] for row in collected()] == [row["anchor"] for row in ROWS[:20]]
    assert [row["id"] for row in collected()] == [f"mine:{n}" for n in range(20)]


def test_the_cap_draws_the_same_rows_in_any_order(pinned: Callable[..., Any]) -> None:
    """Shuffled files give the same sample; another seed gives another; the rows keep their original order."""
    collect.run(pinned({"train.parquet": ROWS}, cap=50), "mine")
    first, counts = collected(), read_counts(COLLECTED / "mine.parquet")
    assert counts["kept"] == 50
    assert counts["dropped"] == {"over the cap": 250}
    positions = [int(row["id"].partition(":")[2]) for row in first]
    assert positions == sorted(positions)
    assert max(positions) > 200
    collect.run(pinned({"train.parquet": ROWS[::-1]}, cap=50), "mine")
    assert {row["anchor"] for row in collected()} == {row["anchor"] for row in first}
    collect.run(pinned({"train.parquet": ROWS}, cap=50, seed=1), "mine")
    assert {row["anchor"] for row in collected()} != {row["anchor"] for row in first}


def test_the_surplus_holds_the_cap_s_sample(pinned: Callable[..., Any]) -> None:
    """More is collected than the cap, rounded up, and among it is just what the cap alone would take."""
    collect.run(pinned({"train.parquet": ROWS}, cap=33), "mine")
    alone = {row["id"] for row in collected()}
    collect.run(pinned({"train.parquet": ROWS}, cap=33, surplus=1.5), "mine")
    assert len(collected()) == 50
    assert alone < {row["id"] for row in collected()}


def test_a_limit_reads_no_more_rows(pinned: Callable[..., Any]) -> None:
    """So many raw rows are read, of the files in an order that the seed draws; the rest is not looked at."""
    files = {f"train-{n}.jsonl": ROWS[20 * n : 20 * n + 20] for n in range(6)}
    first = set()
    for seed in range(6):
        collect.run(pinned(files, seed=seed, rows=30), "mine")
        assert read_counts(COLLECTED / "mine.parquet")["read"] == 30
        first.add(collected()[0]["anchor"])
    assert len(first) > 1


def test_a_source_s_own_cap_goes_before_the_general_one(pinned: Callable[..., Any]) -> None:
    """`collect.sources.<source>.cap` wins over `collect.cap`, in both directions."""
    experiment = pinned({"train.parquet": ROWS}, cap=50)
    for own in (20, 70):
        experiment.collect.sources["mine"] = source(cap=own)
        collect.run(experiment, "mine")
        assert len(collected()) == own


@pytest.mark.parametrize(("cap", "surplus", "kept"), [(50, 1.0, 50), (50, 1.5, 75), (51, 1.01, 52), (50, 9.0, 300)])
def test_a_surplus_is_kept_for_cleaning(pinned: Callable[..., Any], cap: int, surplus: float, kept: int) -> None:
    """The cap times the surplus, rounded up; a smaller sample is part of a larger one."""
    experiment = pinned({"train.parquet": ROWS}, cap=cap)
    collect.run(experiment, "mine")
    least = {row["anchor"] for row in collected()}
    experiment.collect.surplus = surplus
    collect.run(experiment, "mine")
    assert len(collected()) == kept
    assert least <= {row["anchor"] for row in collected()}


def limited(experiment: Any, limit: int | None, seed: int = 0) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Collect under a limit of raw rows."""
    folder = fetch("dataset", ID)
    rows, counts = collect.collect("mine", experiment.collect.sources["mine"], folder, cap=1000, seed=seed, limit=limit)
    return list(rows), counts


def test_a_limit_reads_files_in_an_order_of_the_seed(pinned: Callable[..., Any]) -> None:
    """As many rows as the limit, from whole files in a drawn order but the last; what is left unread is counted."""
    files = {f"train-{n}.parquet": ROWS[30 * n : 30 * n + 30] for n in range(10)}
    experiment = pinned(files)
    orders = set()
    for seed in range(6):
        rows, counts = limited(experiment, 75, seed)
        assert counts["read"] == len(rows) == 75
        assert counts["unread_files"] == 8
        assert added_up(counts)
        read = [int(row["anchor"].split()[1]) // 30 for row in rows]
        assert [read.count(file) for file in dict.fromkeys(read)] == [30, 30, 15]
        orders.add(tuple(dict.fromkeys(read)))
    assert len(orders) > 3
    assert limited(experiment, 75) == limited(experiment, 75)


@pytest.mark.parametrize("limit", [None, 300, 301, 10_000])
def test_a_limit_that_is_not_reached_leaves_nothing_unread(pinned: Callable[..., Any], limit: int | None) -> None:
    """All rows are read, and without a limit in the order of their paths."""
    files = {f"train-{n}.jsonl": ROWS[100 * n : 100 * n + 100] for n in range(3)}
    rows, counts = limited(pinned(files), limit)
    assert (counts["read"], counts["unread_files"]) == (300, 0)
    assert {row["anchor"] for row in rows} == {row["anchor"] for row in ROWS}
    assert limit is not None or [row["anchor"] for row in rows] == [row["anchor"] for row in ROWS]


def test_a_limit_stops_before_damage(tmp_path: Path) -> None:
    """Nothing behind the limit is turned into rows, whatever stands there."""
    path = write(tmp_path / "train.jsonl", [{"anchor": f"a{n}", "positive": "p"} for n in range(1100)])
    path.write_bytes(path.read_bytes() + b"no JSON")
    rows, counts = collect.collect("mine", source(), tmp_path, cap=1000, seed=0, limit=300)
    assert (len(list(rows)), counts["unread_files"]) == (300, 1)
    with pytest.raises(Mistake, match="line 1101 is not JSON"):
        collect.collect("mine", source(), tmp_path, cap=1000, seed=0)


def test_texts_are_rows_without_a_positive(pinned: Callable[..., Any]) -> None:
    """A null in the file; passages beyond the first are counted, and have ids of their own."""
    rows = [{"text": "один\nдва"}, {"text": ""}, {"text": "три"}, {"text": "пять\nшесть"}]
    fields = {"adapter": "texts", "options": {"passage_characters": 3}}
    collect.run(pinned({"train.jsonl": rows}, **fields), "mine")
    assert [(row["id"], row["anchor"], row["positive"]) for row in collected()] == [
        ("mine:0", "один", None),
        ("mine:0.1", "два", None),
        ("mine:2", "три", None),
        ("mine:3", "пять", None),
        ("mine:3.1", "шесть", None),
    ]
    counts = read_counts(COLLECTED / "mine.parquet")
    assert (counts["read"], counts["split"]) == (4, 2)
    assert added_up(counts)
    collect.run(pinned({"train.jsonl": rows}, cap=2, **fields), "mine")
    assert len(collected()) == 2
    assert added_up(read_counts(COLLECTED / "mine.parquet"))


def test_equal_inputs_give_equal_bytes(pinned: Callable[..., Any]) -> None:
    """Two runs write the same file, byte for byte."""
    experiment = pinned({"train.jsonl.zst": ROWS}, cap=50)
    sums = set()
    for _ in range(2):
        collect.run(experiment, "mine")
        sums.add(sha256(COLLECTED / "mine.parquet"))
    assert len(sums) == 1


def test_counts_add_up_and_say_why(pinned: Callable[..., Any]) -> None:
    """read = kept + dropped, with malformed rows and rows over the cap each under their reason."""
    bad = [{"anchor": None, "positive": "x"}, {"anchor": "x", "positive": " "}, {"anchor": 5, "positive": "x"}]
    flawed = [{"anchor": "a", "positive": "b", "negative": ["c", None, "", "d"]}]
    rows = ROWS[:20] + bad + flawed
    collect.run(pinned({"train.jsonl": rows}, cap=15, options={"negative": "negative"}), "mine")
    counts = read_counts(COLLECTED / "mine.parquet")
    assert added_up(counts)
    assert counts["read"] == 24
    assert counts["dropped"] == {"missing text": 1, "empty text": 1, "not a text": 1, "over the cap": 6}
    collect.run(pinned({"train.jsonl": rows}, options={"negative": "negative"}), "mine")
    assert read_counts(COLLECTED / "mine.parquet")["negatives"] == {"given": 2, "unusable": 2}


@pytest.mark.parametrize("ending", [".parquet", ".jsonl", ".csv"])
def test_a_missing_column_names_itself(ending: str, pinned: Callable[..., Any]) -> None:
    """The mistake names source, set, file, the missing column, those that are there, and the nearest name."""
    rows = [{"anchr": "a", "positive": "b"}]
    with pytest.raises(Mistake) as caught:
        collect.run(pinned({f"train{ending}": rows}), "mine")
    expected = (
        f"collect.sources.mine: {ID}: train{ending} has no column 'anchor'; it has: anchr, positive; "
        'did you mean "anchr"?'
    )
    assert str(caught.value) == expected
    assert not (COLLECTED / "mine.parquet").exists()


def test_a_source_without_a_usable_row_is_a_mistake(pinned: Callable[..., Any]) -> None:
    """An empty artifact would only fail later; the reasons are in the message."""
    with pytest.raises(Mistake, match=r"none of 2 rows can be used \(2 missing text\)"):
        collect.run(pinned({"train.jsonl": [{"anchor": None, "positive": "b"}] * 2}), "mine")


def test_a_changed_file_is_refused(pinned: Callable[..., Any], tmp_path: Path) -> None:
    """What is not what was pinned is never collected."""
    experiment = pinned({"train.parquet": ROWS})
    write(tmp_path / "mirror" / "datasets" / ID / "train.parquet", ROWS[:-1])
    with pytest.raises(Mistake, match="pinned"):
        collect.run(experiment, "mine")


def test_collect_and_clean_start_light() -> None:
    """Neither stage imports a library of models or data frames: forty jobs of them start on a small machine."""
    heavy = "{'torch', 'transformers', 'datasets', 'sentence_transformers', 'mteb', 'pandas', 'bs4'}"
    code = (
        "import rosberta.stages.collect, rosberta.stages.clean, sys; "
        f"sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_wrong_names_of_one_set_are_named_at_once(pinned: Callable[..., Any]) -> None:
    """One pass over the set tells of every source that reads it; a source that is right, or reads another, is none."""
    rows = [{"query": ["q"], "pos": ["p"], "neg": ["n"], "task_name": task} for task in ("NQ", "fever_multikilt")]
    experiment = pinned({"train.jsonl": rows}, adapter="medi", options={"task_name": "nqq"})
    others = {"right": {"task_name": "nq"}, "fever": {"task_name": "fever"}}
    for name, options in others.items():
        experiment.collect.sources[name] = source(adapter="medi", options=options)
    experiment.collect.sources["elsewhere"] = source(adapter="medi", dataset="other/set", options={"task_name": "xx"})
    with pytest.raises(Mistake) as caught:
        collect.run(experiment, "mine")
    mine, fever = str(caught.value).splitlines()
    assert mine.startswith("collect.sources.mine: someone/pairs: options.task_name: no row of task 'nqq'")
    assert fever.startswith("collect.sources.fever: someone/pairs: options.task_name: no row of task 'fever'")
