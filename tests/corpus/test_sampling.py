"""From raw rows to those that are kept: whatever surplus and order, they are the plain sample of what is fit."""

from __future__ import annotations

import math
import random
from itertools import pairwise, permutations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.corpus.adapters import Example
from rosberta.corpus.rules import Rules, clean
from rosberta.corpus.sampling import merged, merged_packed, negatives_of, number_of, packed, unpacked, unusable_of
from rosberta.experiment.corpus import Deduplicate, Source
from rosberta.frame.artifacts import CLEANED, COLLECTED, DEDUPLICATED, REMOVED
from rosberta.frame.rows import read_counts, read_rows, write_rows
from rosberta.stages import collect, deduplicate
from rosberta.texts.draws import Sample
from rosberta.texts.normalisation import normal
from support.raw_files import write

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

LIMIT = 4
"""Words from which a text is too long."""


def source(name: str, prefix: str, cap: int) -> Source:
    return Source(
        adapter="pairs", dataset="some/pairs", files=f"{name}.jsonl", group="basic_russian", prefix=prefix,
        language="ru", task="retrieval", cap=cap, options={"negative": "negatives"},
    )  # fmt: skip


def through(
    raw: dict[str, list[dict[str, Any]]], folder: Path, *, prefix: str, cap: int, surplus: float
) -> dict[str, list[dict[str, Any]]]:
    """Raw rows of sources through `collect`, `clean` and `deduplicate`, without near duplicates."""
    sources = {name: source(name, prefix, cap) for name in raw}
    rules = Rules(3, lambda texts: {text for text in texts if len(text.split()) > LIMIT}, lambda _: {})
    for name, each in raw.items():
        write(folder / f"{name}.jsonl", each)
        rows, counts = collect.collect(name, sources[name], folder, cap=cap, seed=0, surplus=surplus)
        write_rows(COLLECTED / f"{name}.parquet", rows, counts)
        for place in (CLEANED, REMOVED):
            place.mkdir(parents=True, exist_ok=True)
        clean(*(place / f"{name}.parquet" for place in (COLLECTED, CLEANED, REMOVED)), rules)
    deduplicate.run(
        SimpleNamespace(
            deduplicate=Deduplicate(similarity=None),
            collect=SimpleNamespace(cap=cap, seed=0, sources=sources),
            mixtures={"full": None},
            sources_of=lambda _: list(raw),
            drawn_from=lambda _: {},
        )  # type: ignore[arg-type]
    )
    return {name: read_rows(DEDUPLICATED / f"{name}.parquet").to_pylist() for name in raw}


def said(row: dict[str, Any], turns: bool) -> tuple[str, ...]:
    """What a row says."""
    forms = (normal(row["anchor"]), normal(row["positive"]))
    return tuple(sorted(forms)) if turns else forms


def plainly(
    raw: dict[str, list[dict[str, Any]]], turns: bool, cap: int, window: int
) -> dict[str, list[tuple[str, ...]]]:
    """Of each source, in order of name, the first by their draws of what is fit and not kept before.

    Args:
        raw: rows by source.
        turns: whether a pair turned round is the same.
        cap: of each.
        window: of what may be looked at, by draws: as many distinct pairs as are collected.
    """
    kept: dict[str, list[tuple[str, ...]]] = {}
    for name in sorted(raw):
        distinct = sorted({said(row, turns) for row in raw[name]}, key=lambda pair: number_of(0, *pair, turns=turns))
        others = {pair for each in kept.values() for pair in each}
        fit = [
            pair
            for pair in distinct[:window]
            if pair not in others and pair[0] != pair[1] and all(len(side.split()) <= LIMIT for side in pair)
        ]
        kept[name] = fit[:cap]
    return kept


texts = st.lists(st.sampled_from(["мост", "река", "дом", "лес"]), min_size=1, max_size=LIMIT + 1).map(" ".join)
dresses = st.sampled_from([str, str.upper, lambda text: text.replace(" ", "\n"), lambda text: f" {text}!"])
pairs = st.lists(st.tuples(texts, texts, dresses, st.integers(1, 3)), max_size=20)


@settings(max_examples=60)
@given(
    given_pairs=st.lists(pairs, min_size=2, max_size=2),
    turns=st.booleans(),
    cap=st.integers(1, 12),
    surplus=st.sampled_from([1.0, 1.5, 100.0]),
    chance=st.randoms(use_true_random=False),
)
def test_kept_is_the_plain_sample_of_what_is_fit_and_distinct(
    tmp_path_factory: pytest.TempPathFactory,
    given_pairs: list[list[Any]],
    turns: bool,
    cap: int,
    surplus: float,
    chance: random.Random,
) -> None:
    """For any surplus, copies, dress, order of sources and rows; a small surplus looks at fewer pairs, no others."""
    # A pair of its own keeps every source from being empty.
    raw = {
        name: [
            {"anchor": dress(anchor), "positive": positive, "negatives": []}
            for anchor, positive, dress, copies in [*each, (f"только {name * 3}", "ответ", str, 1)]
            for _ in range(copies)
        ]
        for name, each in zip("ab", given_pairs, strict=True)
    }
    expected = plainly(raw, turns, cap, math.ceil(cap * surplus))
    for each in raw.values():
        chance.shuffle(each)
    names = list(raw)
    chance.shuffle(names)
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("rows")
        patch.chdir(folder)
        if not all(expected.values()):
            with pytest.raises(Exception, match="none is left"):
                through({name: raw[name] for name in names}, folder, prefix=PREFIX[turns], cap=cap, surplus=surplus)
            return
        kept = through({name: raw[name] for name in names}, folder, prefix=PREFIX[turns], cap=cap, surplus=surplus)
    for name in raw:
        assert sorted(said(row, turns) for row in kept[name]) == sorted(expected[name])


PREFIX = {False: "search", True: "clustering"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("surplus", [1.0, 1.5, 3.0])
def test_rows_of_several_lines_are_drawn_as_others_are(folder: Path, surplus: float) -> None:
    """What tidying changes has the chance of what it leaves alone: a third of 900 rows, and of the 300 of the cap."""
    raw = [
        {"anchor": f"вопрос {n}", "positive": f"ответ\n{n}" if n % 3 == 0 else f"ответ {n}", "negatives": []}
        for n in range(900)
    ]
    (kept,) = through({"a": raw}, folder, prefix="search", cap=300, surplus=surplus).values()
    numbers = [int(row["anchor"].split()[1]) for row in kept]
    assert len(numbers) == 300
    assert 70 < sum(number % 3 == 0 for number in numbers) < 130
    draws = sorted(range(900), key=lambda n: number_of(0, f"вопрос {n}", f"ответ {n}", turns=False))
    assert sorted(numbers) == sorted(draws[:300])


def test_copies_fill_no_cap(folder: Path) -> None:
    """Four copies of each pair: as many distinct pairs are collected as of single ones; the copies are counted."""
    raw = [
        {"anchor": f"вопрос {n % 200}", "positive": f"ответ {n % 200}", "negatives": [f"нет {n}"]} for n in range(800)
    ]
    (kept,) = through({"a": raw}, folder, prefix="search", cap=100, surplus=1.0).values()
    assert len({row["anchor"] for row in kept}) == len(kept) == 100
    assert all(len(row["negatives"]) == 4 for row in kept), "each copy brings its negative"
    counts = read_counts(COLLECTED / "a.parquet")
    assert counts["dropped"]["duplicate"] >= 300
    assert counts["read"] == counts["kept"] + sum(counts["dropped"].values())


def test_a_draw_is_of_the_whole_pair() -> None:
    """Anchor, positive and seed each count; turned round it is the same where a pair may be turned."""
    numbers = [
        number_of(seed, anchor, positive, turns=False)
        for seed in (0, 1) for anchor in ("а", "б") for positive in ("а", "б", "")
    ]  # fmt: skip
    assert len(set(numbers)) == len(numbers)
    assert number_of(0, "а", "б", turns=True) == number_of(0, "б", "а", turns=True)


examples = st.builds(
    Example,
    st.integers(0, 5),
    st.sampled_from(["а", "А", "б", "а!"]),
    st.sampled_from(["а", "б", "Б"]),
    st.lists(st.sampled_from("вгд"), unique=True).map(tuple),
    st.integers(0, 2),
    positives=st.lists(st.sampled_from("еж"), unique=True).map(tuple),
)


@settings(max_examples=50)
@given(st.lists(examples, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_one_of_several_does_not_depend_on_their_order(several: list[Example], chance: random.Random) -> None:
    """Of copies in whatever dress and direction the same one stays, with what those of its direction bring."""

    def whole(each: list[Example]) -> Example:
        one = each[0]
        for other in each[1:]:
            one = merged(one, other)
        return one

    expected = whole(several)
    assert merged(*several) == merged(expected), "at once as one by one"
    mine = [each for each in several if normal(each.anchor) == normal(expected.anchor)]
    assert set(expected.negatives) == {text for each in mine for text in each.negatives}
    assert set(expected.positives) == {text for each in mine for text in each.positives}
    shuffled = list(several)
    chance.shuffle(shuffled)
    found = whole(shuffled)
    assert (found.anchor, found.positive, set(found.negatives), set(found.positives)) == (
        expected.anchor, expected.positive, set(expected.negatives), set(expected.positives),
    )  # fmt: skip


def test_of_copies_the_shorter_stands_for_both() -> None:
    """In either order: the other may be too long to be fit, and would take the fit one with it."""
    long = Example(0, "- " * 600 + "Как сварить борщ", "Долго.", ("Никак.",))
    short = Example(1, "Как сварить борщ?", "Долго.", ("Сам.",))
    assert normal(long.anchor) == normal(short.anchor)
    for one, other in ((long, short), (short, long)):
        found = merged(one, other)
        assert (found.anchor, found.negatives) == (short.anchor, ("Никак.", "Сам."))


def test_of_copies_the_one_in_its_own_alphabet_stands_for_both() -> None:
    """However much shorter the other is; Latin letters would come before Russian ones."""
    plain = Example(0, "Кто построил мост?", "Мост построил «Иванов»!", unusable=2)
    mixed = Example(1, "Kтo пocтpoил мocт?", "Mocт пocтpoил Ивaнoв", unusable=3)
    side = Example(2, "Кто построил мост?", "Мост поcтроил Иванов", unusable=4)
    for several in permutations((plain, mixed, side)):
        found = merged(*several)
        assert (found.anchor, found.positive, found.unusable) == (plain.anchor, plain.positive, 9)


@settings(max_examples=25)
@given(st.lists(st.builds(
    Example, st.integers(0, 2**40), st.text(min_size=1), st.none() | st.text(), st.lists(st.text()).map(tuple),
    st.integers(0, 3), st.integers(0, 99), st.lists(st.text()).map(tuple),
)))  # fmt: skip
def test_packing_an_example_loses_nothing(several: list[Example]) -> None:
    """Packed ones are in order of rows, then parts, and merge as they would unpacked."""
    contents = [packed(each) for each in several]
    assert [unpacked(content) for content in contents] == several
    assert [negatives_of(content) for content in contents] == [len(each.negatives) for each in several]
    assert [unusable_of(content) for content in contents] == [each.unusable for each in several]
    places = [(each.position, each.part) for each in map(unpacked, sorted(contents))]
    assert places == sorted(places)
    for one, other in pairwise(several):
        assert unpacked(merged_packed(packed(one), packed(other))) == merged(one, other)


def test_copies_of_a_pair_are_merged_in_linear_time() -> None:
    """However many copies bring a negative each, all are taken over, and none is looked at more than a few times."""
    looked: list[int] = []

    def merged_and_counted(*several: bytes) -> bytes:
        looked.append(sum(negatives_of(each) for each in several))
        return merged_packed(*several)

    for copies in (50, 400):
        looked.clear()
        sample = Sample(1, merged_and_counted, negatives_of)
        for number in range(copies):
            sample.add(7, packed(Example(number, "вопрос", "ответ", (f"нет {number}",))))
        assert sample.copies == copies - 1
        (whole,) = map(unpacked, sample)
        assert len(whole.negatives) == copies
        assert sum(looked) <= 4 * copies
