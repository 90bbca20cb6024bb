"""The rules of cleaning: what is dropped and why, that counts add up, and that what is kept stays fit."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rosberta.corpus.overlap import Leak
from rosberta.corpus.rules import CONFLICT, OVERLAP, Rules, clean
from rosberta.frame.rows import read_counts, read_rows, write_rows
from support.texts import row, texts


def cleaned(
    *rows: dict[str, Any],
    limit: int = 500,
    leaks: Iterable[str] = (),
    min_characters: int = 3,
    **rules: Any,
) -> tuple[list[dict[str, Any]], dict[str, Any], list[dict[str, Any]]]:
    """Clean with words for tokens, and `leaks` (normal forms) as the test texts of one task; also what was removed."""
    test_texts = set(leaks)
    decided = Rules(
        min_characters=min_characters,
        overlong=lambda texts: {text for text in texts if len(text.split()) > limit},
        overlap=lambda forms: {
            place: Leak("exact", ("Task",), form) for place, form in enumerate(forms) if form in test_texts
        },
        **rules,
    )
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_rows(folder / "collected.parquet", rows, {})
        counts = clean(folder / "collected.parquet", folder / "kept.parquet", folder / "removed.parquet", decided)
        kept, removed = (read_rows(folder / f"{name}.parquet").to_pylist() for name in ("kept", "removed"))
        assert read_counts(folder / "kept.parquet") == counts
    return kept, counts, removed


def test_the_output_is_tidy_but_not_folded() -> None:
    """ё and case are folded to compare, never in what is written."""
    dressed = row(" Ёлка\u00a0 зелёная? ", "Да,\n Ёлка  ЗЕЛЁНАЯ.", "Не\u200bт. ")
    (kept,), _, _ = cleaned(dressed)
    assert (kept["anchor"], kept["positive"], kept["negatives"]) == ("Ёлка зелёная?", "Да,\nЁлка ЗЕЛЁНАЯ.", ["Нет."])
    (kept,), _, _ = cleaned(dressed, keep_lines=False)
    assert kept["positive"] == "Да, Ёлка ЗЕЛЁНАЯ."


def test_rows_in_another_language_go() -> None:
    """Where the source's language is asked for, rows that are surely in another one go, and the others stay."""
    rows = [
        row("Кто построил первый мост через реку?", "Первый мост построил инженер.", id="s:0"),
        row("Хто збудував перший міст?", "Перший міст через річку збудував інженер, і місто дуже зраділо.", id="s:1"),
        row("Who built the first bridge?", "The bridge was built by an engineer who lived in the town.", id="s:2"),
    ]
    for language, kept_ids in (("ru", ["s:0"]), ("en", ["s:2"]), (None, ["s:0", "s:1", "s:2"])):
        kept, counts, removed = cleaned(*rows, language=language)
        assert [one["id"] for one in kept] == kept_ids
        assert counts["dropped"] == ({"another language": 2} if language else {})
        assert all(one["reason"] == "another language" for one in removed)


@pytest.mark.parametrize(
    ("anchor", "positive", "reason"),
    [
        ("\u200b \n", "ответ", "empty text"),
        ("вопрос", "\x00", "empty text"),
        ("вопрос", "да", "too short"),
        ("вопрос", "?!… 🙂", "no words"),
        ("вопрос", "слово " * 9, "too long"),
        ("слово " * 9, "ответ", "too long"),
        ("Ещё раз!", "еще раз", "positive equals anchor"),
        ("Какой-то вопрос теста", "ответ", OVERLAP),
        ("вопрос", "какой-то ВОПРОС теста?", OVERLAP),
    ],
)
def test_each_reason_drops_its_row_alone(anchor: str, positive: str, reason: str) -> None:
    """An unfit row is dropped under its reason; the fit one beside it stays."""
    kept, counts, removed = cleaned(
        row(anchor, positive), row("другой вопрос", "другой ответ"), limit=8, leaks=["какой то вопрос теста"]
    )
    assert [one["anchor"] for one in kept] == ["другой вопрос"]
    assert counts["dropped"] == {reason: 1}
    assert [(one["anchor"], one["positive"], one["reason"]) for one in removed] == [(anchor, positive, reason)]


def test_a_pair_that_was_judged_twice_goes_both_ways() -> None:
    """With judged pairs, what is both a positive and a negative of an anchor is neither; elsewhere it is a positive."""
    rows = [row("посылка", "вывод", "спор"), row("посылка", "другой вывод", "вывод"), row("посылка", "спор")]
    judged = [{**each, "task": "nli", "id": f"s:{n}"} for n, each in enumerate(rows)]
    kept, counts, _ = cleaned(*judged)
    assert [(one["positive"], one["negatives"]) for one in kept] == [("другой вывод", [])]
    assert counts["dropped"] == {CONFLICT: 2}
    kept, counts, _ = cleaned(*rows)
    assert [(one["positive"], one["negatives"]) for one in kept] == [
        ("вывод", []), ("другой вывод", []), ("спор", []),
    ]  # fmt: skip
    assert counts["dropped"] == {}


def test_what_was_judged_twice_is_no_further_positive() -> None:
    """A text that is both a further positive and a negative of an anchor is neither, where pairs are judged."""
    rows = [{**row("посылка", "вывод"), "positives": ["спор", "другой"]}, row("Посылка!", "третий вывод", "Спор")]
    for task, positives in (("nli", ["другой"]), ("retrieval", ["спор", "другой"])):
        kept, _, _ = cleaned(*({**each, "task": task, "id": f"s:{n}"} for n, each in enumerate(rows)))
        assert [(one["positives"], one["negatives"]) for one in kept] == [(positives, []), ([], [])]


def test_single_texts_are_cleaned_as_texts() -> None:
    """A row without a positive is held to what holds for a text."""
    texts = [
        {**row(text, ""), "positive": None, "id": f"s:{n}"} for n, text in enumerate(["Текст.", "?", "тест один два"])
    ]
    kept, counts, _ = cleaned(*texts, leaks=["тест один два"])
    assert [(one["anchor"], one["positive"]) for one in kept] == [("Текст.", None)]
    assert counts["dropped"] == {"too short": 1, OVERLAP: 1}


def test_pairs_that_are_too_far_apart_are_dropped() -> None:
    """With a cosine asked for, pairs below it go; the cosine is asked of pairs that are fit alone."""
    asked: list[str] = []

    def cosine(anchors: list[str], positives: list[str]) -> np.ndarray:
        asked.extend(anchors)
        return np.array([0.9 if "мост" in text else 0.1 for text in positives])

    rows = [row("the bridge", "мост"), row("the house", "кошка"), row("the river", "")]
    kept, counts, _ = cleaned(*rows, cosine=cosine, min_cosine=0.5)
    assert [one["anchor"] for one in kept] == ["the bridge"]
    assert counts["dropped"] == {"low similarity": 1, "empty text": 1}
    assert asked == ["the bridge", "the house"]


def test_unfit_negatives_are_removed_and_the_row_stays() -> None:
    """A negative that equals anchor, positive, another positive of the anchor, a test text or an earlier one goes."""
    negatives = ["Вопрос!", "ОТВЕТ", "второй ответ", "текст из теста", "нет", "Нет.", "—", " ", "слово " * 9]
    kept, counts, _ = cleaned(
        row("вопрос", "ответ", *negatives), row("вопрос", "второй ответ"), limit=8, leaks=["текст из теста"]
    )
    assert kept[0]["negatives"] == ["нет"]
    assert counts["dropped"] == {}
    assert counts["negatives"] == {
        "kept": 1,
        "removed": {
            "equals the anchor": 1,
            "a positive of the anchor": 2,
            OVERLAP: 1,
            "duplicate": 1,
            "no words": 1,
            "empty text": 1,
            "too long": 1,
        },
    }
    assert counts["overlap"] == {"Task": {"exact": {"rows": 0, "negatives": 1, "ids": ["s:0"]}}}


def test_further_positives_are_fit_and_no_negatives() -> None:
    """A text of the benchmark, an unfit one, the pair's own and a repeated one go; no row's negative is one of them."""
    further = ["Другой ответ", "текст из теста", "ОТВЕТ!", "вопрос", "другой ответ.", " ", "слово " * 9]
    first = {**row("вопрос", "ответ", "другой ответ!", "нет"), "positives": further}
    second = row("Вопрос?", "третий ответ", "другой  ответ", "вообще нет", id="s:1")
    kept, counts, _ = cleaned(first, second, limit=8, leaks=["текст из теста"])
    assert [one["positives"] for one in kept] == [["Другой ответ"], []]
    assert [one["negatives"] for one in kept] == [["нет"], ["вообще нет"]]
    assert counts["negatives"]["removed"] == {"a positive of the anchor": 2}


@given(st.lists(st.tuples(texts, texts, st.lists(texts, max_size=3)), max_size=8))
def test_whatever_comes_counts_add_up(given_rows: list[tuple[str, str, list[str]]]) -> None:
    """read = kept + dropped; negatives in = kept + removed; all that is kept is fit, in order, and stays so."""
    rows = [
        row(anchor, positive, *negatives, id=f"s:{n}") for n, (anchor, positive, negatives) in enumerate(given_rows)
    ]
    kept, counts, removed = cleaned(*rows)
    assert len(removed) == len(rows) - len(kept)
    assert counts["read"] == len(rows) == counts["kept"] + sum(counts["dropped"].values())
    assert counts["kept"] == len(kept)
    assert [one["id"] for one in kept] == [
        one["id"] for one in rows if one in rows and one["id"] in {k["id"] for k in kept}
    ]
    given_negatives = {one["id"]: len(one["negatives"]) for one in rows}
    came = sum(given_negatives[one["id"]] for one in kept)
    assert came == counts["negatives"]["kept"] + sum(counts["negatives"]["removed"].values())
    again, counts_again, _ = cleaned(*kept)
    assert again == kept
    assert counts_again["dropped"] == {}
