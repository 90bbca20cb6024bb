"""Stage `mine`: every row has its negatives, none is a positive of its anchor, and draws depend on nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.frame.artifacts import CLEANED, MINED
from rosberta.frame.files import sha256
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_counts, read_rows, write_rows
from rosberta.mining import teacher as mining_teacher
from rosberta.mining.candidates import mine, shuffled
from rosberta.mining.teacher import teacher_ranks
from rosberta.stages.mine import run
from rosberta.texts.normalisation import normal
from support.encoders import ENGLISH, RUSSIAN, write_roberta

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")


def row(anchor: str, positive: str, *negatives: str, id: str, group: str = "basic_russian") -> dict[str, Any]:
    place = {"task": "retrieval", "prefix": "search", "language": "ru", "source": "s", "group": group}
    return {"anchor": anchor, "positive": positive, "negatives": list(negatives), "positives": [], **place, "id": id}


def by_index(anchors: Sequence[str], documents: Sequence[str], excluded: Sequence[Sequence[int]]) -> list[list[int]]:
    """A teacher that likes documents in the order of the corpus, and gives all it may."""
    return [[index for index in range(len(documents)) if index not in removed] for removed in excluded]


letters = st.sampled_from(["мост", "Мост", "мост!", "ель", "Ёль", "ёль", "дом", "кот", "лес", "сад", "гора", "река"])
few_rows = st.lists(st.tuples(letters, letters, st.lists(letters, max_size=4)), min_size=1, max_size=12)


@given(few_rows, st.integers(1, 4), st.booleans(), st.integers(0, 3))
def test_never_a_positive(texts: list[tuple[str, str, list[str]]], negatives: int, by_rank: bool, seed: int) -> None:
    """No negative equals its anchor or a positive of it in any row, but for case, ё or punctuation; none repeats."""
    rows = [row(anchor, positive, *others, id=f"s:{n}") for n, (anchor, positive, others) in enumerate(texts)]
    kept, counts = mine(rows, negatives, seed, by_index if by_rank else None)
    positives: dict[str, set[str]] = {}
    for each in rows:
        positives.setdefault(normal(each["anchor"]), set()).add(normal(each["positive"]))
    for each in kept:
        forms = [normal(negative) for negative in each["negatives"]]
        assert len(forms) == len(set(forms)) == negatives
        assert not set(forms) & (positives[normal(each["anchor"])] | {normal(each["anchor"])})
    assert counts["read"] == counts["kept"] + sum(counts["dropped"].values())
    assert counts["kept"] * negatives == counts["provided"] + counts["mined"] + counts["random"]


@given(few_rows, st.booleans(), st.randoms(use_true_random=False))
def test_order_of_rows_is_nothing(
    texts: list[tuple[str, str, list[str]]], by_rank: bool, chance: random.Random
) -> None:
    """Shuffled rows get the same negatives, row by row."""
    rows = [row(anchor, positive, *others, id=f"s:{n}") for n, (anchor, positive, others) in enumerate(texts)]
    moved = list(rows)
    chance.shuffle(moved)
    found = [mine(each, 2, 0, by_index if by_rank else None)[0] for each in (rows, moved)]
    assert sorted(found[0], key=lambda each: each["id"]) == sorted(found[1], key=lambda each: each["id"])


@given(st.integers(0, 40), st.integers(0, 5))
def test_shuffled_is_a_permutation(length: int, seed: int) -> None:
    """Every place once, however far it is read."""
    assert sorted(shuffled(length, seed, "a")) == list(range(length))


def test_shuffled_is_uniform() -> None:
    """Of three things every order comes up as often as any other (within five standard deviations)."""
    orders = [tuple(shuffled(3, 0, str(word))) for word in range(6000)]
    counts = [orders.count(order) for order in set(orders)]
    assert len(counts) == 6
    assert max(abs(count - 1000) for count in counts) < 5 * np.sqrt(6000 * (1 / 6) * (5 / 6))


def test_provided_come_first_and_the_rest_is_drawn() -> None:
    """A row keeps what it brings, in order, and is filled up; a row with more than enough keeps a sample in order."""
    documents = [f"документ номер {number}" for number in range(30)]
    rows = [row(f"вопрос {n}", document, id=f"s:{n}") for n, document in enumerate(documents)]
    rows.append(row("вопрос о трёх", "ответ", "нет первый", "нет второй", "нет третий", id="s:x"))
    many = [f"лишний {number}" for number in range(9)]
    rows.append(row("вопрос о девяти", "другой ответ", *many, id="s:y"))
    kept, counts = mine(rows, 7, 0, None)
    three, nine = kept[-2]["negatives"], kept[-1]["negatives"]
    assert three[:3] == ["нет первый", "нет второй", "нет третий"]
    assert len(three) == 7
    assert nine == [text for text in many if text in nine]
    assert counts == {
        "read": 32, "kept": 32, "dropped": {}, "corpus": 44, "provided": 10, "mined": 0, "random": 30 * 7 + 4,
    }  # fmt: skip
    assert kept != mine(rows, 7, 1, None)[0], "the seed decides"


def test_too_few_candidates_drop_the_row() -> None:
    """Where seven other documents are not to be had the row goes, and is counted."""
    rows = [row("а", "б", id="s:0"), row("а", "в", id="s:1"), row("г", "д", "е", "ж", id="s:2")]
    kept, counts = mine(rows, 3, 0, None)
    assert [set(each["negatives"]) for each in kept[:2]] == [{"д", "е", "ж"}] * 2
    assert kept[2]["negatives"][:2] == ["е", "ж"]
    kept, counts = mine(rows, 4, 0, None)
    assert [each["id"] for each in kept] == ["s:2"]
    assert counts["dropped"] == {"too_few_candidates": 2}
    assert (counts["provided"], counts["random"]) == (2, 2)


def test_questions_of_one_document_are_no_negatives() -> None:
    """Two anchors with one positive are never each other's negatives, nor is what an anchor is the positive of."""
    pairs = [("кошка спит", "кот дремлет"), ("котик уснул", "кот дремлет"), ("животное", "кошка спит")]
    others = [(f"а{n}", f"б{n}") for n in range(5)]
    rows = [row(anchor, positive, id=f"s:{n}") for n, (anchor, positive) in enumerate([*pairs, *others])]
    rows.append(row("прочее", "другое", "котик уснул", "животное", id="s:9"))
    kept, _ = mine(rows, 6, 0, None)
    assert not {"кот дремлет", "котик уснул", "животное", "кошка спит"} & set(kept[0]["negatives"])


@pytest.mark.parametrize("by_rank", [False, True])
def test_a_further_positive_is_no_negative(by_rank: bool) -> None:
    """Whatever is known to be relevant is neither mined nor drawn nor kept of what a row brings."""
    rows = [row(f"а{n}", f"б{n}", id=f"s:{n}") for n in range(9)]
    rows[0] |= {"positives": ["Б3!", "б4"], "negatives": ["б4", "б5"]}
    for seed in range(5):
        kept, _ = mine(rows, 6, seed, by_index if by_rank else None)
        assert len(kept) == 9
        assert sorted(kept[0]["negatives"]) == ["б1", "б2", "б5", "б6", "б7", "б8"]


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roberta(tmp_path_factory.mktemp("teacher"), [*RUSSIAN, *ENGLISH])


def settings_of(**changes: Any) -> SimpleNamespace:
    values = {
        "teacher": "t", "query_prompt": "query: ", "document_prompt": "passage: ", "first_rank": 20, "last_rank": 100,
        "negatives": 7, "seed": 0, "max_length": 32, "precision": "fp32", "batch_tokens": 512,
        "methods": {"basic_russian": "ranks", "synthetic": "random"},
    }  # fmt: skip
    return SimpleNamespace(**values | changes)


def source(number: int) -> list[dict[str, Any]]:
    """Pairs of different texts; the first three anchors have two positives each."""
    chance = random.Random(0)
    words = [word.strip(".,").lower() for text in (*RUSSIAN, *ENGLISH) for word in text.split()]
    rows = []
    for n in range(number):
        anchor, positive = (" ".join([*chance.sample(words, chance.randint(3, 9)), str(n), side]) for side in "аб")
        rows.append(row(anchor, positive, id=f"s:{n}"))
    for n in range(3):
        rows.append(row(rows[n]["anchor"], f"ещё один ответ {n}", id=f"s:{number + n}"))
    return rows


def test_candidates_are_those_of_sentence_transformers(teacher: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What rows can be given are the documents of `mine_hard_negatives` with range 20 to 100, anchor by anchor."""
    from datasets import Dataset
    from sentence_transformers.util import mine_hard_negatives

    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: teacher)
    rows = source(120)
    candidates: dict[str, list[str]] = {}

    def spying(anchors: Sequence[str], documents: Sequence[str], excluded: Sequence[Sequence[int]]) -> Any:
        found = teacher_ranks(settings_of(), anchors, documents, excluded)
        candidates.update(
            {a: [documents[index] for index in indices] for a, indices in zip(anchors, found, strict=True)}
        )
        return found

    kept, _ = mine(rows, 7, 0, spying)
    theirs = mine_hard_negatives(
        Dataset.from_dict({name: [each[name] for each in rows] for name in ("anchor", "positive")}),
        load_sentence_transformer(teacher, "mean", 32),
        corpus=[each["positive"] for each in rows],
        range_min=20, range_max=100, num_negatives=80, sampling_strategy="top", output_format="n-tuple",
        query_prompt="query: ", corpus_prompt="passage: ", batch_size=16, verbose=False,
    )  # fmt: skip
    assert len(theirs) == len(rows) == len(kept)
    for their in theirs:
        negatives = [their[f"negative_{n}"] for n in range(1, 81)]
        assert len(candidates[their["anchor"]]) == 80
        # Their batches are other ones, so scores differ in the last bit, which may swap neighbours at the borders.
        assert len(set(candidates[their["anchor"]]) ^ set(negatives)) <= 2
    exact = sum({*candidates[their["anchor"]]} == {their[f"negative_{n}"] for n in range(1, 81)} for their in theirs)
    assert exact >= 0.97 * len(rows)
    for each in kept:
        assert set(each["negatives"]) <= set(candidates[each["anchor"]])


def test_the_stage(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From cleaned rows to a file of mined ones: columns, counts, equal bytes twice; a teacher only if needed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: teacher)
    experiment: Any = SimpleNamespace(mine=settings_of())
    rows = source(60)
    write_rows(CLEANED / "s.parquet", rows, {})
    run(experiment, "s")
    mined = read_rows(MINED / "s.parquet")
    assert mined.column_names == read_rows(CLEANED / "s.parquet").column_names
    assert {len(negatives) for negatives in mined["negatives"].to_pylist()} == {7}
    assert mined.drop_columns(["negatives"]).to_pylist() == [
        {name: value for name, value in each.items() if name != "negatives"} for each in rows
    ]
    assert read_counts(MINED / "s.parquet") == {
        "read": 63, "kept": 63, "dropped": {}, "corpus": 63, "provided": 0, "mined": 63 * 7, "random": 0,
    }  # fmt: skip
    before = sha256(MINED / "s.parquet")
    run(experiment, "s")
    assert sha256(MINED / "s.parquet") == before

    write_rows(CLEANED / "r.parquet", [{**each, "group": "synthetic"} for each in rows], {})
    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: pytest.fail("no teacher is needed"))
    run(experiment, "r")
    assert read_counts(MINED / "r.parquet")["random"] == 63 * 7


def test_a_source_too_small_is_a_mistake(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-odd documents leave nothing from rank 20 on: one line says so, and no file appears."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: teacher)
    write_rows(CLEANED / "s.parquet", source(20), {})
    experiment: Any = SimpleNamespace(mine=settings_of())
    with pytest.raises(Mistake, match=r"mine: of 23 rows of s none has 7 negatives among its 23 documents"):
        run(experiment, "s")
    assert not (MINED / "s.parquet").exists()


def test_single_texts_pass_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source of single texts is mined to itself: it has no positives, and takes no negatives."""
    monkeypatch.chdir(tmp_path)
    texts = [{**row(text, "", id=f"s:{n}", group="texts"), "positive": None} for n, text in enumerate(RUSSIAN)]
    write_rows(CLEANED / "books.parquet", texts, {})
    run(SimpleNamespace(mine=None), "books")
    assert read_rows(MINED / "books.parquet").to_pylist() == texts
