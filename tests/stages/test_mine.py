"""Stage `mine`: every row has its negatives, none is a positive of its anchor, and draws depend on nothing else."""

from __future__ import annotations

import os
import random
import shutil
import signal
import tracemalloc
from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.embedding.ranks import ROUNDING
from rosberta.experiment.blocks import TEXTS, Group
from rosberta.experiment.corpus import METHODS, Mine
from rosberta.frame import rows as frame_rows
from rosberta.frame.artifacts import DEDUPLICATED, MINED, SCRATCH, mined, mining_report
from rosberta.frame.files import read_json, sha256
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_counts, read_rows, write_rows
from rosberta.mining import teacher as mining_teacher
from rosberta.mining.pool import Pool
from rosberta.stages.mine import run
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal
from support.encoders import RUSSIAN
from support.mining import (  # noqa: F401 (fixtures)
    MadeUp,
    documents,
    experiment_of,
    made_up,
    mine_of,
    opinion,
    small_teacher,
    source,
    stage,
    vector,
)
from support.mining import mining_row as row

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

# The reference: what the stage is to do, in the plainest words, one anchor and one document at a time.


def drawn(seed: int, anchor: str, document: str) -> int:
    """The hash of (seed, source, anchor, document)."""
    words = len(b"s").to_bytes(8, "big") + b"s" + hash_text(anchor).to_bytes(8, "big")
    numbers = blake2b(words, key=str(seed).encode(), digest_size=16).digest()
    a, b = (int.from_bytes(part, "big") for part in (numbers[:8], numbers[8:]))
    return ((a | 1) * hash_text(document) + b) % 2**64


def brute_force(rows: Sequence[dict], mine: Mine, others: Sequence[dict] = ()) -> dict[str, list[str] | None]:
    """The normal forms of each row's negatives, by its id; `others` are rows of other sources of its pool."""
    paired = [*rows, *(each for each in others if each["positive"] is not None)]
    pairs = {
        (normal(each["anchor"]), normal(text)) for each in paired for text in (each["positive"], *each["positives"])
    }
    both = pairs | {(right, left) for left, right in pairs}
    documents = {
        normal(text) for each in paired for text in (each["positive"], *each["positives"], *each["negatives"])
    } | {normal(each["anchor"]) for each in others if each["positive"] is None}
    documents -= {""}
    anchors = {normal(each["anchor"]) for each in rows}
    found = {}
    for anchor in anchors:
        partners = {right for left, right in both if left == anchor}
        found[anchor] = {anchor} | partners | {right for left, right in both if left in partners}
    answers = {anchor: {right for left, right in pairs if left == anchor} & documents for anchor in anchors}
    by_ranks = mine.methods["basic_russian"] == "ranks"
    chosen: dict[str, list[str] | None] = {}
    for each in rows:
        anchor = normal(each["anchor"])
        others = found[anchor]
        own = list(dict.fromkeys(form for text in each["negatives"] if (form := normal(text)) and form not in others))
        if len(own) > mine.negatives:
            kept = sorted(own, key=lambda form: drawn(mine.seed, anchor, form))[: mine.negatives]
            own = [form for form in own if form in kept]
        allowed = documents - others
        if by_ranks:
            scores = {form: np.float32(vector(anchor) @ vector(form)) for form in documents}
            limit = mine.max_score if mine.max_score is not None else np.inf
            lowest = min((scores[form] for form in answers[anchor]), default=np.inf)
            if mine.absolute_margin is not None:
                limit = min(limit, lowest - mine.absolute_margin)
            if mine.relative_margin is not None:
                limit = min(limit, lowest - abs(lowest) * mine.relative_margin)
            fit = {form for form in allowed if scores[form] <= limit + ROUNDING}
            ranked = sorted(documents, key=lambda form: (-scores[form], hash_text(form)))
            if mine.ranks == "after_removal":
                ranked = [form for form in ranked if form in fit]
            allowed = set(ranked[mine.first_rank : mine.last_rank]) & fit
            if judge := mine.cross_encoder:
                highest = np.float32(judge.max_score if judge.max_score is not None else np.inf)
                least = min((np.float32(opinion(anchor, form)) for form in answers[anchor]), default=np.inf)
                if judge.absolute_margin is not None:
                    highest = min(highest, least - np.float32(judge.absolute_margin))
                if judge.relative_margin is not None:
                    highest = min(highest, least - abs(least) * np.float32(judge.relative_margin))
                allowed = {form for form in allowed if np.float32(opinion(anchor, form)) <= highest}
        order = sorted(allowed - set(own), key=lambda form: drawn(mine.seed, anchor, form))
        taken = (own + order)[: mine.negatives]
        if len(taken) < mine.negatives and mine.too_few == "fill":
            rest = documents - others - set(taken)
            taken = (taken + sorted(rest, key=lambda form: drawn(mine.seed, anchor, form)))[: mine.negatives]
        chosen[each["id"]] = taken if len(taken) == mine.negatives or mine.too_few == "short" else None
    return chosen


letters = st.sampled_from(["мост", "Мост", "мост!", "ель", "Ёль", "ёль", "дом", "кот", "лес", "сад", "гора", "река"])
few_rows = st.lists(
    st.tuples(letters, letters, st.lists(letters, max_size=4), st.lists(letters, max_size=2)), min_size=1, max_size=12
)
blocks = st.builds(
    mine_of,
    negatives=st.integers(1, 4),
    first_rank=st.integers(0, 3),
    last_rank=st.integers(7, 12),
    ranks=st.sampled_from(["after_removal", "before_removal"]),
    too_few=st.sampled_from(["drop", "fill", "short"]),
    methods=st.sampled_from(["ranks", "random"]).map(
        lambda method: dict.fromkeys(["basic_english", "basic_russian", "synthetic", "retrieval", "extra"], method)
    ),
    max_score=st.sampled_from([None, 0.9, 0.4]),
    absolute_margin=st.sampled_from([None, 0.1]),
    relative_margin=st.sampled_from([None, 0.15]),
    cross_encoder=st.sampled_from(
        [None, {}, {"max_score": 0.6}, {"absolute_margin": 0.1}, {"max_score": 0.9, "relative_margin": 0.2}]
    ).map(lambda judge: None if judge is None else {"model": "j", **judge}),
    seed=st.integers(0, 2),
    sample=st.just(3),
)


def rows_of(texts: Sequence[tuple]) -> list[dict]:
    return [row(a, p, *others, id=f"s:{n}", also=also) for n, (a, p, others, also) in enumerate(texts)]


@pytest.mark.usefixtures("made_up")
@given(few_rows, blocks, st.lists(few_rows, max_size=2))
@settings(max_examples=60)
def test_negatives_are_those_of_brute_force(texts: list[tuple], mine: Mine, pool: list[list[tuple]]) -> None:
    """Windows of either kind, filters, ties, the draw, and what becomes of rows with too few: all as the reference.

    So it is over the union of a pool: with what other sources hold relevant, and with texts that are single.
    """
    rows = rows_of(texts)
    others = {f"other{place}": rows_of(each) for place, each in enumerate(pool)}
    for each in others.get("other1", []):
        each["positive"] = None
    expected = brute_force(rows, mine, [each for name in others for each in others[name]])
    kept, counts = stage(rows, others=others, **mine.model_dump())
    assert {each["id"]: [normal(text) for text in each["negatives"]] for each in kept} == {
        id: forms for id, forms in expected.items() if forms is not None
    }
    if counts:
        assert counts["read"] == counts["kept"] + sum(counts["dropped"].values())
        given_away = counts["provided"] + counts["mined"] + counts["random"]
        assert given_away == sum(len(each["negatives"]) for each in kept)


@pytest.mark.usefixtures("made_up")
@given(few_rows, blocks)
@settings(max_examples=30)
def test_never_a_positive(texts: list[tuple], mine: Mine) -> None:
    """No negative equals another, its anchor or what is relevant to that in any row, but for case, ё or punctuation."""
    rows = rows_of(texts)
    positives: dict[str, set[str]] = {}
    for each in rows:
        positives.setdefault(normal(each["anchor"]), set()).update(map(normal, (each["positive"], *each["positives"])))
    for each in stage(rows, **mine.model_dump())[0]:
        forms = [normal(negative) for negative in each["negatives"]]
        assert len(forms) == len(set(forms)) <= mine.negatives
        assert not set(forms) & (positives[normal(each["anchor"])] | {normal(each["anchor"])})


@pytest.mark.usefixtures("made_up")
@given(few_rows, blocks, st.randoms(use_true_random=False))
@settings(max_examples=20)
def test_order_of_rows_is_nothing(texts: list[tuple], mine: Mine, chance: random.Random) -> None:
    """Shuffled rows get the same negatives, row by row."""
    rows = rows_of(texts)
    moved = list(rows)
    chance.shuffle(moved)
    found = [stage(each, **mine.model_dump())[0] for each in (rows, moved)]
    assert sorted(found[0], key=lambda each: each["id"]) == sorted(found[1], key=lambda each: each["id"])


def overlap(before: Sequence[dict], after: Sequence[dict]) -> float:
    """Share of the negatives of rows in both that stayed."""
    taken = {each["id"]: set(each["negatives"]) for each in after}
    common = [(set(each["negatives"]), taken[each["id"]]) for each in before if each["id"] in taken]
    return sum(len(one & other) for one, other in common) / sum(len(one) for one, _ in common)


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize("group", ["synthetic", "basic_russian"])
def test_a_row_more_leaves_the_picks_of_others(group: str) -> None:
    """Only where the new document is drawn does it take the place of one."""
    rows = documents(300, group=group)
    before, _ = stage(rows)
    after, _ = stage([row("новый вопрос", "новый документ", id="s:x", group=group), *rows])
    assert overlap(before, after) > 0.97


def test_picks_are_uniform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over many anchors each document of a window is drawn as often as any other (within five deviations)."""
    monkeypatch.chdir(tmp_path)
    rows = documents(120, group="synthetic")
    counts = dict.fromkeys((each["positive"] for each in rows), 0)
    total = 0
    for seed in range(8):
        for each in stage(rows, seed=seed)[0]:
            total += 7
            for text in each["negatives"]:
                counts[text] += 1
    mean = total / len(counts)
    assert max(abs(count - mean) for count in counts.values()) < 5 * np.sqrt(mean)


@pytest.mark.usefixtures("made_up")
def test_provided_come_first_and_the_rest_is_drawn() -> None:
    """A row keeps what it brings, in order, and is filled up; a row with more than enough keeps a sample in order."""
    rows = documents(30, group="synthetic")
    rows.append(row("вопрос о трёх", "ответ", "нет первый", "нет второй", "нет третий", id="s:x", group="synthetic"))
    many = [f"лишний {number}" for number in range(9)]
    rows.append(row("вопрос о девяти", "другой ответ", *many, id="s:y", group="synthetic"))
    kept, counts = stage(rows)
    three, nine = kept[-2]["negatives"], kept[-1]["negatives"]
    assert three[:3] == ["нет первый", "нет второй", "нет третий"]
    assert len(three) == 7
    assert nine == [text for text in many if text in nine]
    assert counts == {
        "read": 32, "kept": 32, "dropped": {}, "corpus": 44, "provided": 10, "mined": 0, "random": 30 * 7 + 4,
        "filled": 0, "short": 0,
    }  # fmt: skip
    assert kept != stage(rows, seed=1)[0], "the seed decides"


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("rule", "kept", "filled", "short"), [("drop", 0, 0, 0), ("fill", 40, 40, 0), ("short", 40, 0, 40)]
)
def test_too_few_candidates(rule: str, kept: int, filled: int, short: int) -> None:
    """Where the window ends behind the corpus a rule decides, and the counts say what became of each row."""
    rows, counts = stage(documents(40), first_rank=35, last_rank=60, too_few=rule)
    assert len(rows) == kept
    assert all(len(set(each["negatives"])) == (4 if rule == "short" else 7) for each in rows)
    assert (counts.get("filled", 0), counts.get("short", 0)) == (filled, short)
    if rule == "fill":
        assert (counts["mined"], counts["random"]) == (40 * 4, 40 * 3)


@pytest.mark.usefixtures("made_up")
def test_questions_of_one_document_are_no_negatives() -> None:
    """Two anchors with one positive are never each other's negatives, nor is what an anchor is the positive of."""
    pairs = [("кошка спит", "кот дремлет"), ("котик уснул", "кот дремлет"), ("животное", "кошка спит")]
    others = [(f"а{n}", f"б{n}") for n in range(5)]
    rows = [
        row(anchor, positive, id=f"s:{n}", group="synthetic") for n, (anchor, positive) in enumerate([*pairs, *others])
    ]
    rows.append(row("прочее", "другое", "котик уснул", "животное", id="s:9", group="synthetic"))
    kept, _ = stage(rows, negatives=6)
    assert not {"кот дремлет", "котик уснул", "животное", "кошка спит"} & set(kept[0]["negatives"])


@pytest.mark.usefixtures("made_up")
def test_anchors_that_share_a_positive_cost_integers() -> None:
    """Thousands of questions on one passage: what belongs together is not kept row by row."""
    rows = [row(f"вопрос {n}", "один отрывок", id=f"s:{n}", group="synthetic") for n in range(2000)]
    rows += [row(f"иной {n}", f"отрывок {n}", id=f"s:x{n}", group="synthetic") for n in range(10)]
    write_rows(DEDUPLICATED / "s.parquet", rows, {})
    experiment = experiment_of(mine_of())
    tracemalloc.start()
    run(experiment, "s")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6
    assert read_counts(MINED / "s.parquet")["kept"] == 2010


@pytest.mark.usefixtures("made_up")
def test_row_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many and long the negatives, no row group outgrows what a reader takes."""
    monkeypatch.setattr(frame_rows, "GROUP_CHARACTERS", 10_000)
    stage(documents(300, group="synthetic"))
    metadata = pq.read_metadata(MINED / "s.parquet")
    sizes = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    assert len(sizes) > 3
    assert sum(sizes) == 300
    text = sum(len(text) for each in read_rows(MINED / "s.parquet").to_pylist() for text in each["negatives"])
    assert text / len(sizes) < 10_000


def test_the_stage(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From cleaned rows to a file of mined ones: columns, counts, equal bytes twice; a teacher only if needed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: teacher)
    rows = source(60)
    minings = {"wide": mine_of(first_rank=5, last_rank=40, negatives=15)}
    _, counts = stage(rows, minings)
    table = read_rows(MINED / "s.parquet")
    assert table.column_names == read_rows(DEDUPLICATED / "s.parquet").column_names
    assert {len(negatives) for negatives in table["negatives"].to_pylist()} == {7}
    assert table.drop_columns(["negatives"]).to_pylist() == [
        {name: value for name, value in each.items() if name != "negatives"} for each in rows
    ]
    assert counts == {
        "read": 63, "kept": 63, "dropped": {}, "corpus": 63, "provided": 0, "mined": 63 * 7, "random": 0,
        "filled": 0, "short": 0,
    }  # fmt: skip
    beside = read_rows(mined("s", "wide"))
    assert {len(negatives) for negatives in beside["negatives"].to_pylist()} == {15}
    before = [sha256(path) for path in sorted(MINED.rglob("*.*"))]
    assert len(before) == 4
    stage(rows, minings)
    assert [sha256(path) for path in sorted(MINED.rglob("*.*"))] == before
    stage(rows)
    assert sha256(MINED / "s.parquet") == before[-1], "a mining beside it leaves the rows as they were"
    assert read_json(mining_report("s"))["rows"] == 63

    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: pytest.fail("no teacher is needed"))
    _, counts = stage([{**each, "group": "synthetic"} for each in rows])
    assert counts["random"] == 63 * 7


def test_a_source_too_small_is_a_mistake(teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty-odd documents leave nothing from rank 20 on: one line says so, and no file appears."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mining_teacher, "fetch", lambda kind, id: teacher)
    write_rows(DEDUPLICATED / "s.parquet", source(20), {})
    experiment = experiment_of(mine_of())
    with pytest.raises(Mistake, match=r"mine: of 23 rows of s none has 7 negatives among its 23 documents"):
        run(experiment, "s")
    assert not list(MINED.glob("*"))


@pytest.mark.usefixtures("made_up")
def test_a_killed_stage_leaves_nothing_and_ends_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in earnest at some moments, whichever: the next start clears what was left, and writes the same bytes."""
    rows, minings = documents(60), {"wide": mine_of(first_rank=5, last_rank=40)}
    stage(rows, minings)
    expected = {path: sha256(path) for path in MINED.rglob("*.*")}
    places = [(frame_rows.Writer, "write"), (MadeUp, "embed"), (Pool, "related"), (frame_rows.Writer, "close")]
    chance = random.Random(0)
    for _ in range(5):
        # In `write` somewhere, in the others at one of their first calls.
        place = chance.randrange(len(places))
        left = chance.randrange(1, 100 if not place else 3)
        shutil.rmtree(MINED)
        child = os.fork()
        if not child:
            holder, name = places[place]
            stock = getattr(holder, name)

            def killed(*given: Any, stock: Any = stock, **more: Any) -> Any:
                nonlocal left
                left -= 1
                return stock(*given, **more) if left else os.kill(os.getpid(), signal.SIGKILL)

            setattr(holder, name, killed)
            with suppress(BaseException):
                stage(rows, minings)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        assert not (MINED / "s.parquet").exists()
        stage(rows, minings)
        assert {path: sha256(path) for path in expected} == expected
        assert not list(SCRATCH.glob("mine*"))


def test_single_texts_pass_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source of single texts is mined to itself: it has no positives, and takes no negatives."""
    monkeypatch.chdir(tmp_path)
    texts = [{**row(text, "", id=f"s:{n}", group="texts"), "positive": None} for n, text in enumerate(RUSSIAN)]
    write_rows(DEDUPLICATED / "books.parquet", texts, {})
    run(SimpleNamespace(mine=None), "books")  # type: ignore[arg-type]
    assert read_rows(MINED / "books.parquet").to_pylist() == texts
    assert read_json(mining_report("books")) == {}


def test_every_group_has_a_method() -> None:
    """A group that is left out has its default, so that no source of it ends in a stack trace."""
    assert mine_of(methods={"synthetic": "ranks"}).methods == {**METHODS, "synthetic": "ranks"}
    assert set(METHODS) == set(get_args(Group)) - {TEXTS}
