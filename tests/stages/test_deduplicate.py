"""Stage `deduplicate`: what a kept row says goes, by plain comparison of all pairs; nothing goes for what is gone."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.corpus.duplicates import CROWD, Source, in_order
from rosberta.corpus.sampling import number_of
from rosberta.experiment import corpus
from rosberta.frame.artifacts import DEDUPLICATED, DUPLICATES
from rosberta.frame.files import digest, read_json, sha256
from rosberta.frame.mistakes import Mistake
from rosberta.stages.deduplicate import run
from rosberta.texts.near_duplicates import similarity
from rosberta.texts.normalisation import normal
from support.deduplicating import ALL, GROUPS, deduplicated, listed, rows

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

TABLE_2 = {
    "basic_english": ["a"],
    "basic_russian": ["b"],
    "basic": ["a", "b"],
    "synthetic": ["a", "b", "c"],
    "full": ["a", "b", "c", "d"],
}
"""The mixtures of the paper's Table 2."""
LONG = "Первый мост через реку построил инженер Иванов в тысяча девятьсот одиннадцатом году по заказу города"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def said(found: dict[str, tuple[str, str]]) -> list[str]:
    return [reason for reason, _ in found.values()]


def test_the_first_in_precedence_stays() -> None:
    """Across sources of as many mixtures the group decides; case, ё and punctuation hide nothing."""
    found = listed(
        {
            "a": rows("a", ("Ещё вопрос?", "Ответ"), ("иное", "другое")),
            "b": rows("b", ("еще вопрос", "ответ!")),
            "c": rows("c", ("ещё вопрос", "ответ"), ("ещё вопрос", "другой ответ")),
        }
    )
    assert found == {"a": {"a:0": ("duplicate", "b:0")}, "b": {}, "c": {"c:0": ("duplicate", "b:0")}}


@pytest.mark.parametrize("near", [None, 0.85])
def test_a_symmetric_pair_is_a_duplicate_either_way_round(near: float | None) -> None:
    """A question and its answer are no pair turned round, two paraphrases are; both rows' prefixes decide."""
    pairs = (("один текст", "другой текст"), ("другой текст", "один текст"))
    found = listed({"a": rows("a", *pairs, prefix="classification")}, similarity=near)["a"]
    assert said(found) == ["swapped duplicate"]
    assert listed({"a": rows("a", *pairs)}, similarity=near)["a"] == {}
    one, other = rows("a", pairs[0], ("иное", "да")), rows("b", pairs[1], prefix="classification")
    assert listed({"a": one, "b": other}, similarity=near) == {"a": {}, "b": {}}
    other = rows("b", pairs[0], prefix="classification")
    assert listed({"a": one, "b": other}, similarity=near) == {"a": {"a:0": ("duplicate", "b:0")}, "b": {}}


def test_both_sides_have_to_be_near() -> None:
    """Questions on one long passage are no duplicates of each other, nor is a question with two answers."""
    questions = [("Кто построил первый мост?", LONG), ("По чьему заказу построили?", LONG)]
    assert listed({"a": rows("a", *questions)})["a"] == {}
    assert listed({"a": rows("a", (LONG, "да"), (LONG, "нет, другой"))})["a"] == {}
    near = [(LONG, LONG + " весной"), (LONG + ".", LONG + " осенью"), (LONG + " зимой", LONG)]
    assert said(listed({"a": rows("a", *near)})["a"]) == ["near duplicate"] * 2
    assert listed({"a": rows("a", *near)}, similarity=None)["a"] == {}


def test_texts_whose_numbers_differ_are_never_near() -> None:
    """A year, a price or a number of a law makes another text; equal numbers do not hinder."""
    for one, other, near in (("1911", "1912", False), ("в 5 и 10", "в 10 и 5", False), ("7", "7", True)):
        pairs = [(f"{LONG} {one}", f"{LONG} весной"), (f"{LONG} {other}", f"{LONG} осенью")]
        assert similarity(*(normal(anchor) for anchor, _ in pairs)) >= 0.85
        assert len(listed({"a": rows("a", *pairs)})["a"]) == near


def test_texts_whose_negations_differ_are_never_near() -> None:
    """One particle more, on either side, in Russian or English, and a pair says the opposite; equal ones hinder not."""
    cases = {
        ("Не", ""): 0, ("", "не"): 0, ("ни", "не"): 0, ("нет", ""): 0, ("не", "не"): 1, ("небо", ""): 1,
        ("not", ""): 0, ("don't", "do"): 0, ("no", "not"): 0, ("don't", "Don’t"): 1, ("won t", "t won"): 0,
        ("a t", "a"): 1,
    }  # fmt: skip
    for (one, other), near in cases.items():
        texts = [f"{LONG} {word}, как сообщили нам вчера вечером по телефону" for word in (one, other)]
        assert similarity(*map(normal, texts)) >= 0.85
        pairs = [(text, "ответ") for text in texts]
        for each in (pairs, [pair[::-1] for pair in pairs]):
            assert len(listed({"a": rows("a", *each)})["a"]) == near


def test_near_twins_are_found_in_either_direction() -> None:
    """Of near twins of translations, each in a direction of its own, hardly any is missed; of search pairs none is."""
    chance = random.Random(0)
    words = [[f"{first}{second}" for second in ("ток", "лес", "мора", "кипа")] for first in "абвгдежзиклмнопрст"]
    vocabulary = [word for each in words for word in each]
    pairs = []
    for _ in range(200):
        sides = [" ".join(chance.choices(vocabulary, k=40)) for _ in range(2)]
        twin = [side + " ещё" for side in sides]
        pairs += [tuple(sides), tuple(twin if chance.random() < 0.5 else twin[::-1])]
    turned = sum(pairs[n][0].split()[0] != pairs[n + 1][0].split()[0] for n in range(0, 400, 2))
    assert turned > 80
    assert len(listed({"a": rows("a", *pairs, prefix="classification")})["a"]) >= 199
    assert len(listed({"a": rows("a", *pairs)})["a"]) in (200 - turned, 199 - turned)


def test_single_texts_are_compared_as_texts() -> None:
    """A row without a positive is a duplicate of an equal or near text."""
    found = listed({"a": rows("a", (LONG, None), (LONG.upper(), None), (LONG + " весной", None), ("иное", None))})
    assert sorted(said(found["a"])) in (["duplicate", "near duplicate"], ["near duplicate", "near duplicate"])
    assert "a:3" not in found["a"]


words = st.sampled_from(["мост", "река", "дом", "Мост", "лес"])
texts = st.lists(words, min_size=1, max_size=4).map(" ".join)
some_pairs = st.lists(st.tuples(texts, texts), max_size=12)


def plainly(
    sources: dict[str, list[dict[str, Any]]], mixtures: dict[str, list[str]], cap: int, turns: bool
) -> dict[str, set[tuple[str, str]]]:
    """The pairs that are kept, straight from the definition, where equal pairs alone are duplicates."""
    of_source = {name: {mixture for mixture in mixtures if name in mixtures[mixture]} for name in sources}
    precedence = corpus.Deduplicate().precedence
    kept: dict[str, set[tuple[str, str]]] = {}

    def forms(row: dict[str, Any]) -> tuple[str, str]:
        pair = (normal(row["anchor"]), normal(row["positive"]))
        return tuple(sorted(pair)) if turns else pair  # type: ignore[return-value]

    for name in sorted(sources, key=lambda name: (-len(of_source[name]), precedence.index(GROUPS[name]), name)):
        others = [kept[other] for other in kept if of_source[name] <= of_source[other]]
        distinct = {forms(row) for row in sources[name]}.difference(*others)
        kept[name] = set(sorted(distinct, key=lambda pair: number_of(0, *pair, turns=turns))[:cap])
    return kept


@settings(max_examples=40)
@given(
    pairs=st.lists(some_pairs.filter(bool), min_size=4, max_size=4),
    turns=st.booleans(),
    cap=st.integers(1, 9),
    mixtures=st.sampled_from([TABLE_2, ALL, {"one": ["a", "c"], "other": ["b", "c", "d"]}]),
)
def test_kept_is_what_the_definition_keeps(
    pairs: list[list[tuple[str, str]]], turns: bool, cap: int, mixtures: dict[str, list[str]]
) -> None:
    """Of each source the plain sample of its distinct rows is kept, whatever the order of sources and rows."""
    prefix = "classification" if turns else "search"
    sources = {name: rows(name, *each, prefix=prefix) for name, each in zip(GROUPS, pairs, strict=True)}
    expected = plainly(sources, mixtures, cap, turns)
    for each in (sources, {name: sources[name][::-1] for name in reversed(sources)}):
        try:
            found = deduplicated(each, mixtures, cap, similarity=None)
        except Mistake as mistake:
            assert "none is left" in str(mistake)
            assert not all(expected.values())
            continue
        for name in sources:
            forms = [(normal(row["anchor"]), normal(row["positive"])) for row in found[name]]
            assert sorted(tuple(sorted(form)) if turns else form for form in forms) == sorted(expected[name])


@settings(max_examples=20)
@given(st.lists(some_pairs.filter(bool), min_size=4, max_size=4), st.integers(1, 9), st.sampled_from([None, 0.85]))
def test_each_mixture_is_as_one_cleaned_by_itself(
    pairs: list[list[tuple[str, str]]], cap: int, near: float | None
) -> None:
    """The rows of each mixture of the paper's Table 2 are those that its sources give without all others."""
    # A row that no other source has keeps every source from being empty.
    sources = {name: rows(name, (f"только {name}", name), *each) for name, each in zip(GROUPS, pairs, strict=True)}
    try:
        together = deduplicated(sources, TABLE_2, cap, similarity=near)
        for names in TABLE_2.values():
            alone = deduplicated({name: sources[name] for name in names}, TABLE_2, cap, similarity=near)
            assert alone == {name: together[name] for name in names}
    except Mistake as mistake:
        assert "none is left" in str(mistake)


def test_nested_mixtures_hold_each_pair_once() -> None:
    """What a smaller mixture has is not said again in a larger one; each smaller one has it."""
    pair = (LONG, "ответ")
    sources = {name: rows(name, pair, (f"вопрос {name}", "да")) for name in GROUPS}
    kept = deduplicated(sources, TABLE_2)
    holding = [name for name in GROUPS if LONG in [row["anchor"] for row in kept[name]]]
    # The two basic groups are each a mixture alone.
    assert holding == ["a", "b"]
    assert sum(LONG in [row["anchor"] for row in each] for each in deduplicated(sources, ALL).values()) == 1


def test_a_pair_that_two_sources_share_is_never_in_neither() -> None:
    """A twin that the cap leaves out does not take the other one with it."""
    shared = [(f"общий вопрос {n}", f"общий ответ {n}") for n in range(300)]
    sources = {name: rows(name, *shared) for name in ("a", "b")}
    kept = deduplicated(sources, cap=150)
    assert {name: len(each) for name, each in kept.items()} == {"a": 150, "b": 150}
    assert len({row["anchor"] for each in kept.values() for row in each}) == 300


def test_duplicates_take_no_place_under_the_cap() -> None:
    """Of ten pairs, each twice in one source, a cap of ten keeps ten different ones."""
    twice = [(f"вопрос {n}", f"ответ {n}") for n in range(10)] * 2
    assert len({row["anchor"] for row in deduplicated({"a": rows("a", *twice)}, cap=10)["a"]}) == 10


def test_an_equal_row_takes_over_what_the_other_brings() -> None:
    """Negatives and further positives of both, one of each form, within the same mixtures alone; what is both is
    positive."""
    one, other = rows("b", ("вопрос", "ответ")), rows("a", ("Вопрос", "ответ!"), ("иное", "да"))
    one[0] |= {"negatives": ["нет", "второй"], "positives": ["первый"]}
    other[0] |= {"negatives": ["Нет!", "иначе", "первый"], "positives": ["второй"]}
    (kept,) = deduplicated({"a": other, "b": one})["b"]
    assert (kept["negatives"], kept["positives"]) == (["нет", "иначе"], ["первый", "второй"])
    (kept,) = deduplicated({"a": other, "b": one}, TABLE_2)["b"]
    assert (kept["negatives"], kept["positives"]) == (["нет", "второй"], ["первый"])
    # A source of more mixtures takes nothing over from one that yields to it: some of them do not hold that one.
    yielding = rows("c", ("вопрос", "Ответ."), ("ещё", "да"))
    yielding[0] |= {"negatives": ["чужое"], "positives": ["иное"]}
    found = deduplicated({"b": one, "c": yielding}, TABLE_2)
    assert [row["anchor"] for row in found["c"]] == ["ещё"]
    assert (found["b"][0]["negatives"], found["b"][0]["positives"]) == (["нет", "второй"], ["первый"])


def test_a_chain_does_not_carry_away_its_far_end() -> None:
    """Each of these windows is near to the next; those that are not near to one that is kept stay."""
    words = [f"слово{chr(1072 + number % 32)}{chr(1072 + number // 32)}" for number in range(200)]
    windows = [" ".join(words[start : start + 60]) for start in range(0, 60, 4)]
    found = listed({"a": rows("a", *((window, "ответ") for window in windows))})["a"]
    assert 0 < len(found) < len(windows) - 3
    for id, (reason, kept) in found.items():
        assert reason == "near duplicate"
        assert kept not in found
        assert similarity(*(normal(windows[int(each.split(":")[1])]) for each in (id, kept))) >= 0.85


def test_twins_in_a_crowd_of_equal_anchors_are_found() -> None:
    """However many rows have one anchor, or one positive, the near twins among them are found and no others."""
    chance = random.Random(1)
    letters = "абвгдежзиклмнопрстуфхцчшщэюя"

    def text() -> str:
        return " ".join("".join(chance.choices(letters, k=7)) for _ in range(20))

    texts = [text() for _ in range(3 * CROWD)]
    twins = [f"{each} ещё" for each in texts[:60]]
    for pairs in ([(LONG, each) for each in texts + twins], [(each, LONG) for each in texts + twins]):
        found = listed({"a": rows("a", *pairs)})["a"]
        assert len(found) == len(twins) == len(texts[:60])


def test_comparisons_are_linear_in_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of a crowd is compared with a few kept ones, however large the crowd is."""
    from rosberta.corpus import duplicates

    compared = []
    monkeypatch.setattr(duplicates.near_duplicates, "similarity", lambda *_: compared.append(1) or 0.0)
    for size in (100, 400):
        compared.clear()
        listed({"a": rows("a", *((f"{LONG} {'я' * n}", LONG) for n in range(size)))})
        assert len(compared) <= size * CROWD * duplicates.BANDS


def test_a_source_under_its_cap_says_why(caplog: pytest.LogCaptureFixture) -> None:
    """By how many rows, and whether more could be collected; at its cap it says nothing."""
    caplog.set_level("INFO")
    deduplicated({name: rows(name, ("один", name), ("два", name)) for name in ("a", "b")}, cap=5)
    assert "a: 3 rows under its cap; its files hold no more" in caplog.text
    assert "b: 3 rows under its cap; 3 more could be collected: raise collect.surplus" in caplog.text
    caplog.clear()
    deduplicated({"a": rows("a", ("один", "да"), ("два", "да"))}, cap=2)
    assert "under its cap" not in caplog.text


def test_equal_inputs_give_equal_bytes() -> None:
    """Two runs write the same folders."""
    sums = set()
    for _ in range(2):
        listed({"a": rows("a", ("один", "два"), ("три", "два")), "b": rows("b", ("один", "два"), ("a", "b"))})
        sums.add((digest(DUPLICATES), digest(DEDUPLICATED)))
    assert len(sums) == 1


def test_order_is_by_mixtures_then_group_then_name() -> None:
    """A group that is not named comes last."""
    groups = {"z": "retrieval", "b": "synthetic", "a": "synthetic", "y": "extra"}
    sources = [(Source(name, 1, frozenset("m")), group) for name, group in groups.items()]
    sources.append((Source("x", 1, frozenset("mn")), "extra"))
    assert [each.name for each in in_order(sources, ["retrieval", "synthetic"])] == ["x", "z", "a", "b", "y"]


def test_what_negatives_are_drawn_from_is_named_by_content() -> None:
    """Of each source the others that one of its minings draws from, with their checksums, and of those alone."""
    sources = {name: rows(name, (f"вопрос {name}", f"ответ {name}")) for name in "abc"}
    drawn = {"a": {"mine": ["b"], "wide": ["b", "c"]}, "b": {"wide": ["a"]}}
    deduplicated(sources, drawn=drawn)
    names = {name: read_json(DEDUPLICATED / f"{name}.json") for name in sources}
    assert {name: list(others) for name, others in names.items()} == {"a": ["b", "c"], "b": ["a"], "c": []}
    assert names["a"]["c"] == sha256(DEDUPLICATED / "c.parquet")
    before = (DEDUPLICATED / "b.json").read_bytes()
    sources["c"] = rows("c", ("другой вопрос", "другой ответ"))
    deduplicated(sources, drawn=drawn)
    assert (DEDUPLICATED / "b.json").read_bytes() == before
    assert read_json(DEDUPLICATED / "a.json")["c"] == sha256(DEDUPLICATED / "c.parquet") != names["a"]["c"]


def test_a_corpus_that_is_drawn_from_loses_no_text() -> None:
    """To a source of texts that is not drawn from with it; where nobody draws from it, it does."""
    sources = {"a": rows("a", ("вопрос", "ответ")), "t": rows("t", (LONG, None)), "u": rows("u", (LONG, None))}
    mixtures = {"full": ["a", "t"]}
    assert not_left(sources, mixtures) == {"u"}
    assert not_left(sources, mixtures, drawn={"a": {"mine": ["u"]}}) == set()
    assert not_left(sources, mixtures, drawn={"a": {"mine": ["t", "u"]}}) == {"u"}


def not_left(sources: dict[str, list[dict[str, Any]]], mixtures: dict[str, list[str]], **settings: Any) -> set[str]:
    """The sources of one row that lose it, another row of theirs standing in for it."""
    spare = {name: [*each, *rows(name, (f"прочее {name}", f"иное {name}"))] for name, each in sources.items()}
    return {name for name, each in deduplicated(spare, mixtures, **settings).items() if len(each) == 1}


def test_a_missing_source_is_a_mistake() -> None:
    """It is named, with what to do, and nothing is written."""
    with pytest.raises(Mistake, match=r"data/cleaned/a\.parquet: missing"):
        run(
            SimpleNamespace(
                deduplicate=corpus.Deduplicate(),
                collect=SimpleNamespace(cap=1, seed=0, sources={"a": SimpleNamespace(group="retrieval", cap=None)}),
                mixtures={},
                drawn_from=lambda source: {},
            )  # type: ignore[arg-type]
        )
    assert not DUPLICATES.exists()
    assert not DEDUPLICATED.exists()


def test_a_crowd_of_another_mixture_hides_no_twin() -> None:
    """A source that one does not yield to leaves its mixture as it is by itself, however many of its rows are alike."""
    chance = random.Random(1)
    words = [f"слово{number}" for number in range(40)]

    def near(number: int) -> str:
        return " ".join(f"иное{chance.randrange(10**6)}" if place in (number % 40, 7) else word
                        for place, word in enumerate(words))  # fmt: skip

    crowd = rows("a", *((near(number), "ответ на вопрос такой") for number in range(5 * CROWD)))
    twins = rows("b", (" ".join(words), "ответ на вопрос такой"), (" ".join(words) + "м", "ответ на вопрос такой"))
    mixtures = {"one": ["a"], "more": ["a"], "other": ["b"]}
    alone = deduplicated({"b": twins}, mixtures)["b"]
    assert len(alone) == 1
    assert deduplicated({"a": crowd, "b": twins}, mixtures)["b"] == alone
