"""Adapters of plain texts and corpora: what is cut, what is held in memory, what has no positive."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.corpus import adapters
from rosberta.corpus.adapters import Drop, Example
from rosberta.corpus.adapters.texts import passages
from support.adapting import adapted, examples, pairs_of, reasons

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")


def test_texts_have_no_positive() -> None:
    """Each usable text is an example of its own; short ones are dropped as such."""
    raw = [{"body": text} for text in ("Мост стоит.", "Да", None, "", 5)]
    outcomes = adapted("texts", raw, column="body", min_characters=3)
    assert pairs_of(outcomes) == [("Мост стоит.", None)]
    assert reasons(outcomes) == {"short text": 1, "missing text": 1, "empty text": 1, "not a text": 1}


def test_a_title_stands_before_its_text() -> None:
    """As mteb joins them; where there is none, the text is alone."""
    raw = [{"title": title, "text": "Мост стоит."} for title in ("Мост", "", None, 5)]
    found = pairs_of(adapted("texts", raw, title="title"))
    assert found == [("Мост Мост стоит.", None), *[("Мост стоит.", None)] * 3]


@given(st.lists(st.text("аб \n", max_size=12), max_size=12).map("\n".join), st.integers(1, 30))
def test_passages_lose_nothing_and_cut_between_paragraphs(text: str, characters: int) -> None:
    """Their lines are those of the text; all are long enough, but for a text that is shorter; none could be two."""
    found = passages(text, characters)
    lines = [line for line in text.splitlines() if line.strip()]
    assert "\n".join(found).split("\n") == (lines or [""])
    if len(found) > 1:
        sizes = [[len(line) for line in passage.split("\n")] for passage in found]
        assert all(sum(size) >= characters for size in sizes)
        assert all(sum(size[:-1]) < characters for size in sizes[:-1])


def test_passages_are_parts_of_their_row() -> None:
    """A text's passages have its position and numbers of their own."""
    raw = [{"text": "один\nдва\n\nтри\n"}, {"text": " "}, {"text": "четыре"}]
    made = adapted("texts", raw, passage_characters=3)
    found = [(each.position, each.part, each.anchor) for each in examples(made)]
    assert found == [(0, 0, "один"), (0, 1, "два"), (0, 2, "три"), (2, 0, "четыре")]


def corpus(sizes: list[int]) -> list[dict[str, Any]]:
    return [
        {"docid": f"{article}#{number}", "title": f"Статья {article}", "text": f"Абзац {number} статьи {article}."}
        for article, size in enumerate(sizes)
        for number in range(size)
    ]


def test_paragraphs_take_one_passage_of_an_article() -> None:
    """Every article with a passage gives one of its own, drawn: not always the first; the seed decides."""
    raw = corpus([1 + n % 7 for n in range(60)])
    made = examples(adapted("paragraphs", raw))
    assert [example.anchor for example in made] == [f"Статья {n}" for n in range(60)]
    assert all(example.positive == raw[example.position]["text"] for example in made)
    assert all(raw[example.position]["title"] == example.anchor for example in made)
    numbers = {raw[example.position]["docid"].partition("#")[2] for example in made}
    assert len(numbers) > 3
    assert made != examples(adapted("paragraphs", raw, seed=1))
    as_mteb = [{"_id": row["docid"], "title": row["title"], "text": row["text"]} for row in raw]
    assert examples(adapted("paragraphs", as_mteb)) == made


def test_paragraphs_pass_over_what_is_no_passage() -> None:
    """An untitled passage, a blank one and one without an id are dropped; the article's others stand."""
    raw = corpus([3, 1])
    raw[0]["text"], raw[1]["title"] = "", None
    raw.append({"docid": None, "title": "т", "text": "х"})
    raw.append({"docid": "whole", "title": "т", "text": "х"})
    outcomes = adapted("paragraphs", raw)
    assert [example.position for example in examples(outcomes)] == [2, 3, 5]
    assert reasons(outcomes) == {"empty text": 1, "missing text": 1, "no id": 1}


def test_paragraphs_hold_one_passage() -> None:
    """However long the corpus or an article, outcomes keep up with rows but for one."""
    taken = 0

    def stream() -> Iterator[dict[str, Any]]:
        nonlocal taken
        for row in corpus([500, 1, 1, 500]):
            taken += 1
            yield row

    outcomes: list[Example | Drop] = []
    for outcome in adapters.adapter("paragraphs").rows(stream(), adapters.options("paragraphs", {}), 0):
        outcomes.append(outcome)
        assert taken - len(outcomes) <= 1
    assert len(outcomes) == taken == 1002
