"""Stage `mix`: the plan names what is trained on, by content, and nothing else decides it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rosberta.frame.artifacts import DEDUPLICATED, MINED, MIXTURES, mined
from rosberta.frame.files import read_json, sha256
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import write_rows
from rosberta.stages.mix import run
from rosberta.texts.prefixes import PREFIXES
from rosberta.training.contrastive import source_of
from rosberta.training.schedule import schedule, texts_of
from rosberta.training.token_store import identity_of, tokenizer_of
from support.encoders import RUSSIAN, write_roberta

SOURCES = {
    "news": SimpleNamespace(group="basic_russian", prefix="clustering"),
    "questions": SimpleNamespace(group="retrieval", prefix="search"),
    "apart": SimpleNamespace(group="synthetic", prefix="classification"),
    "books": SimpleNamespace(group="texts", prefix="clustering"),
}
MIXES = {"both": ["news", "questions"], "one": ["questions"], "wide": ["questions"], "read": ["news", "books"]}
EXPERIMENT: Any = SimpleNamespace(
    collect=SimpleNamespace(sources=SOURCES),
    sources_of=MIXES.__getitem__,
    mixtures={mixture: SimpleNamespace(mining=None) for mixture in MIXES} | {"wide": SimpleNamespace(mining="wide")},
    plans_of=lambda mixture: {"wide": ["mine", "wide"], "one": ["mine", "wide"]}.get(mixture, ["mine"]),
    pairs_of=lambda mixture: [name for name in MIXES[mixture] if SOURCES[name].group != "texts"],
)


def rows(number: int) -> list[dict[str, Any]]:
    place = {"task": "retrieval", "prefix": "search", "language": "ru", "source": "s", "group": "retrieval"}
    return [{"anchor": f"а{n}", "positive": f"б{n}", "negatives": [], **place, "id": f"s:{n}"} for n in range(number)]


@pytest.fixture(autouse=True)
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, cleaned, left in (("news", 9, 6), ("questions", 4, 3), ("apart", 5, 5), ("books", 7, 7)):
        write_rows(DEDUPLICATED / f"{name}.parquet", rows(cleaned), {})
        write_rows(MINED / f"{name}.parquet", rows(left), {})


def test_the_plan_is_what_the_files_hold() -> None:
    """Rows, checksums, shares, groups and prefixes are those of the mined files; texts are those of the cleaned."""
    run(EXPERIMENT, "both")
    assert read_json(MIXTURES / "both.json") == {
        "mixture": "both",
        "rows": 9,
        "sources": {
            "news": {
                "sha256": sha256(MINED / "news.parquet"), "rows": 6, "share": 0.666667, "group": "basic_russian",
                "prefix": "clustering",
            },
            "questions": {
                "sha256": sha256(MINED / "questions.parquet"), "rows": 3, "share": 0.333333, "group": "retrieval",
                "prefix": "search",
            },
        },
    }  # fmt: skip
    assert read_json(MIXTURES / "both.texts.json") == {
        "sources": {
            "news": {"sha256": sha256(DEDUPLICATED / "news.parquet"), "rows": 9},
            "questions": {"sha256": sha256(DEDUPLICATED / "questions.parquet"), "rows": 4},
        }
    }


def test_a_plan_names_its_mining() -> None:
    """A mixture of another mining names its files, and changes with these alone."""
    write_rows(mined("questions", "wide"), rows(2), {})
    run(EXPERIMENT, "wide")
    plan = read_json(MIXTURES / "wide.json")
    assert plan["rows"] == 2
    assert plan["sources"]["questions"]["mining"] == "wide"
    assert plan["sources"]["questions"]["sha256"] == sha256(mined("questions", "wide"))
    before = sha256(MIXTURES / "wide.json")
    write_rows(MINED / "questions.parquet", rows(1), {})
    run(EXPERIMENT, "wide")
    assert sha256(MIXTURES / "wide.json") == before


def test_a_run_chooses_among_the_minings() -> None:
    """Beside the plan of the mixture stands one by each mining that is chosen; its own is the same file."""
    write_rows(mined("questions", "wide"), rows(2), {})
    for mixture, own in (("one", "mine"), ("wide", "wide")):
        run(EXPERIMENT, mixture)
        plans = {name: read_json(MIXTURES / mixture / f"{name}.json") for name in ("mine", "wide")}
        assert plans[own] == read_json(MIXTURES / f"{mixture}.json")
        assert [plan["sources"]["questions"].get("mining") for plan in plans.values()] == [None, "wide"]
        assert [plan["rows"] for plan in plans.values()] == [3, 2]
    before = sha256(MIXTURES / "one/mine.json")
    write_rows(mined("questions", "wide"), rows(1), {})
    run(EXPERIMENT, "one")
    assert sha256(MIXTURES / "one/mine.json") == before
    assert read_json(MIXTURES / "one/wide.json")["rows"] == 1


def test_the_negatives_of_a_chosen_mining_arrive_in_the_schedule(tmp_path: Path) -> None:
    """Through the plan by it: each row that is trained on has its own of that mining, prefixed."""
    start = write_roberta(tmp_path / "encoder", RUSSIAN)
    tokenizer, identity = tokenizer_of(start, 64), identity_of(start, 64)
    chosen = [{**row, "negatives": [f"иное {n} {m}" for m in range(3)]} for n, row in enumerate(rows(30))]
    write_rows(mined("questions", "wide"), chosen, {})
    run(EXPERIMENT, "one")
    plan = read_json(MIXTURES / "one/wide.json")["sources"]["questions"]
    source = source_of("questions", plan, "one/wide", 3, tokenizer, identity)
    drawn = schedule({"questions": texts_of(source.forms)}, batch_size=8, devices=2, seed=0)
    assert sorted(drawn.rows.tolist()) == list(range(30))
    for number in drawn.rows.tolist():
        ids = [source.documents[place].tolist() for place in source.rows[number][2:]]
        texts = [PREFIXES["search"].document + text for text in chosen[number]["negatives"]]
        assert ids == [tokenizer.encode(text).ids for text in texts]


def test_a_plan_changes_with_its_sources_alone() -> None:
    """Another source's new content leaves the plan's bytes as they were; an own source's changes them."""
    run(EXPERIMENT, "both")
    before = sha256(MIXTURES / "both.json"), sha256(MIXTURES / "both.texts.json")
    write_rows(MINED / "apart.parquet", rows(1), {})
    write_rows(DEDUPLICATED / "apart.parquet", rows(1), {})
    run(EXPERIMENT, "both")
    assert (sha256(MIXTURES / "both.json"), sha256(MIXTURES / "both.texts.json")) == before
    write_rows(MINED / "news.parquet", rows(5), {})
    run(EXPERIMENT, "both")
    assert sha256(MIXTURES / "both.json") != before[0]
    assert sha256(MIXTURES / "both.texts.json") == before[1]


def test_a_missing_source_is_named() -> None:
    """The mistake names the file and the stage that writes it."""
    (MINED / "questions.parquet").unlink()
    with pytest.raises(Mistake, match=r"data/mined/questions\.parquet: missing; run `dvc repro mine@questions`"):
        run(EXPERIMENT, "one")
    assert not MIXTURES.exists()


def test_single_texts_are_read_and_not_contrasted() -> None:
    """A source of single texts is in the list that an encoder is pretrained on, and not in the plan of pairs."""
    run(EXPERIMENT, "read")
    assert list(read_json(MIXTURES / "read.json")["sources"]) == ["news"]
    assert list(read_json(MIXTURES / "read.texts.json")["sources"]) == ["books", "news"]
