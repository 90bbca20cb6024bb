"""Stage `deduplicate`: what an earlier row says is listed, by plain comparison of all pairs, and the first stays."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.corpus.duplicates import by_precedence, duplicates
from rosberta.experiment import corpus
from rosberta.frame.artifacts import COLLECTED, DUPLICATES
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import write_rows
from rosberta.stages.deduplicate import run
from rosberta.texts.near_duplicates import similarity
from rosberta.texts.normalisation import normal

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

GROUPS = {"a": "basic_english", "b": "basic_russian", "c": "synthetic"}
LONG = "Первый мост через реку построил инженер Иванов в тысяча девятьсот одиннадцатом году по заказу города"


def rows(source: str, *pairs: tuple[str, str | None], prefix: str = "search") -> list[dict[str, Any]]:
    place = {"task": "retrieval", "prefix": prefix, "language": "ru", "source": source, "group": GROUPS[source]}
    return [
        {"anchor": anchor, "positive": positive, "negatives": [], **place, "id": f"{source}:{number}"}
        for number, (anchor, positive) in enumerate(pairs)
    ]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def listed(**sources: list[dict[str, Any]]) -> dict[str, dict[str, tuple[str, str]]]:
    """Run the stage; return by source and id the reason and the row that is kept."""
    for name, each in sources.items():
        write_rows(COLLECTED / f"{name}.parquet", each, {})
    experiment = SimpleNamespace(
        deduplicate=corpus.Deduplicate(),
        collect=SimpleNamespace(sources={name: SimpleNamespace(group=GROUPS[name]) for name in sources}),
    )
    run(experiment)
    return {
        name: {
            row["id"]: (row["reason"], row["kept_id"])
            for row in pq.read_table(DUPLICATES / f"{name}.parquet").to_pylist()
        }
        for name in sources
    }


def test_the_first_in_precedence_stays() -> None:
    """Across sources the group decides, in a source the order of rows; case, ё and punctuation hide nothing."""
    found = listed(
        a=rows("a", ("Ещё вопрос?", "Ответ"), ("иное", "другое")),
        b=rows("b", ("еще вопрос", "ответ!"), ("еще ВОПРОС", "ответ")),
        c=rows("c", ("ещё вопрос", "ответ"), ("ещё вопрос", "другой ответ")),
    )
    assert found == {
        "a": {"a:0": ("duplicate", "b:0")},
        "b": {"b:1": ("duplicate", "b:0")},
        "c": {"c:0": ("duplicate", "b:0")},
    }
    assert duplicates("b") == {"b:1": "duplicate"}


def test_a_symmetric_pair_is_a_duplicate_either_way_round() -> None:
    """A question and its answer are no pair turned round, two paraphrases are."""
    pairs = (("один текст", "другой текст"), ("другой текст", "один текст"))
    assert listed(a=rows("a", *pairs, prefix="classification"))["a"] == {"a:1": ("swapped duplicate", "a:0")}
    assert listed(a=rows("a", *pairs))["a"] == {}
    assert listed(a=rows("a", ("текст", "текст!"), prefix="classification"))["a"] == {}


def test_both_sides_have_to_be_near() -> None:
    """Questions on one long passage are no duplicates of each other, nor is a question with two answers."""
    questions = [("Кто построил первый мост?", LONG), ("По чьему заказу построили?", LONG)]
    assert listed(a=rows("a", *questions))["a"] == {}
    assert listed(a=rows("a", (LONG, "да"), (LONG, "нет, другой")))["a"] == {}
    near = [(LONG, LONG + " весной"), (LONG + ".", LONG + " осенью"), (LONG + " зимой", LONG)]
    assert set(listed(a=rows("a", *near))["a"].values()) == {("near duplicate", "a:0")}


def test_single_texts_are_compared_as_texts() -> None:
    """A row without a positive is a duplicate of an equal or near text."""
    found = listed(a=rows("a", (LONG, None), (LONG.upper(), None), (LONG + " весной", None), ("иное", None)))
    assert found["a"] == {"a:1": ("duplicate", "a:0"), "a:2": ("near duplicate", "a:0")}


words = st.sampled_from(["мост", "река", "дом", "Мост", "лес"])
texts = st.lists(words, min_size=1, max_size=4).map(" ".join)


@given(st.lists(st.tuples(texts, texts), max_size=12), st.booleans())
def test_listed_is_what_plain_comparison_lists(pairs: list[tuple[str, str]], symmetric: bool) -> None:
    """Every exact duplicate of an earlier row is listed, and nothing that is neither exact nor near."""
    found = listed(a=rows("a", *pairs, prefix="classification" if symmetric else "search"))["a"]
    forms = [(normal(anchor), normal(positive)) for anchor, positive in pairs]
    for number, form in enumerate(forms):
        earlier = forms[:number]
        turned = symmetric and form[::-1] in earlier
        if form in earlier:
            assert found[f"a:{number}"][0] == "duplicate"
        elif turned:
            assert found[f"a:{number}"][0] == "swapped duplicate"
        elif f"a:{number}" in found:
            reason, kept = found[f"a:{number}"]
            assert reason == "near duplicate"
            assert kept not in found
            each = forms[int(kept.split(":")[1])]
            assert all(similarity(one, other) >= 0.85 for one, other in zip(form, each, strict=True))


def test_a_chain_does_not_carry_away_its_far_end() -> None:
    """Each of these windows is near to the next; those that are not near to one that is kept stay."""
    words = [f"слово{number}" for number in range(200)]
    windows = [" ".join(words[start : start + 60]) for start in range(0, 60, 4)]
    found = listed(a=rows("a", *((window, "ответ") for window in windows)))["a"]
    assert 0 < len(found) < len(windows) - 3
    for id, (reason, kept) in found.items():
        assert reason == "near duplicate"
        assert similarity(*(normal(windows[int(each.split(":")[1])]) for each in (id, kept))) >= 0.85


def test_a_crowd_of_equal_anchors_is_linear() -> None:
    """A thousand rows with one anchor are not compared each with each, and none with another positive is listed."""
    pairs = [(LONG, f"{n} ответ {n * n} на вопрос {n * 7}") for n in range(1000)]
    assert listed(a=rows("a", *pairs))["a"] == {}


def test_equal_inputs_give_equal_bytes() -> None:
    """Two runs write the same folder."""
    sums = set()
    for _ in range(2):
        listed(a=rows("a", ("один", "два"), ("один", "два"), ("три", "два")), b=rows("b", ("один", "два")))
        sums.add(digest(DUPLICATES))
    assert len(sums) == 1


def test_order_is_by_group_then_name() -> None:
    """A group that is not named comes last."""
    groups = {"z": "retrieval", "b": "synthetic", "a": "synthetic", "y": "extra"}
    assert by_precedence(groups, ["retrieval", "synthetic"]) == ["z", "a", "b", "y"]


def test_a_missing_source_is_a_mistake() -> None:
    """It is named, with what to do, and nothing is written."""
    experiment = SimpleNamespace(
        deduplicate=corpus.Deduplicate(), collect=SimpleNamespace(sources={"a": SimpleNamespace(group="retrieval")})
    )
    with pytest.raises(Mistake, match=r"data/collected/a\.parquet: missing"):
        run(experiment)
    assert not DUPLICATES.exists()
