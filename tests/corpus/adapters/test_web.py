"""Adapters of the Russian web: forums, posts, news, and whatever else lies in named columns."""

from __future__ import annotations

from typing import Any

import pytest
from rosberta.corpus import adapters
from rosberta.corpus.adapters._values import entries
from rosberta.frame.mistakes import Mistake
from support.adapting import adapted, examples, pairs_of, reasons

ANSWERS = [
    {"body": "<p>голоса</p>", "accepted": False, "upvote_count": 9},
    {"body": "<p>принят</p>", "accepted": True, "upvote_count": 1},
    {"body": "<p>пусто</p>", "accepted": None, "upvote_count": None},
]


def habr(answers: Any, **row: Any) -> dict[str, Any]:
    return {"title": "Как?", "description": "<p>Вот <b>так</b>.</p>", "answers": answers, "view_count": 5} | row


def test_habr_takes_the_best_answer_in_both_shapes_of_a_sequence() -> None:
    """Accepted before votes before order; a dict of lists reads as a list of dicts; blank answers are passed over."""
    as_lists = {name: [answer[name] for answer in ANSWERS] for name in ANSWERS[0]}
    for answers in (ANSWERS, as_lists):
        assert pairs_of(adapted("habr_qna", [habr(answers)], pair="answer")) == [("Как?\nВот так.", "принят")]
    blank = [{**ANSWERS[1], "body": "<p> </p>"}, ANSWERS[2], ANSWERS[0]]
    assert pairs_of(adapted("habr_qna", [habr(blank)], pair="answer")) == [("Как?\nВот так.", "голоса")]
    assert entries(as_lists) == ANSWERS


def test_habr_options() -> None:
    """Description as the pair or out of the anchor; popularity drops with a reason; no answer is a reason, too."""
    raw = [habr(ANSWERS), habr([]), habr(None, view_count=None), habr(ANSWERS, description=None)]
    described = adapted("habr_qna", raw, pair="description")
    assert pairs_of(described) == [("Как?", "Вот так.")] * 3
    assert reasons(described) == {"missing text": 1}
    answered = adapted("habr_qna", raw, pair="answer", with_description=False)
    assert pairs_of(answered) == [("Как?", "принят")] * 2
    assert reasons(answered) == {"no answer": 2}
    assert reasons(adapted("habr_qna", raw, pair="description", min_views=5)) == {"few views": 1, "missing text": 1}
    unaccepted = [habr([ANSWERS[0]]), habr([ANSWERS[2]])]
    assert len(examples(adapted("habr_qna", unaccepted, pair="answer", min_votes=9))) == 1


def asked(**row: Any) -> dict[str, Any]:
    """A question of Stack Overflow with two answers."""
    answers = [
        {"answer_id": 1, "is_accepted": 0, "score": 9, "text_markdown": "много голосов"},
        {"answer_id": 2, "is_accepted": 1, "score": -1, "text_markdown": "принят"},
    ]
    usual = {"title": "Как?", "text_markdown": "a < b && `<p>`", "score": 2, "views": 100, "answers": answers}
    return usual | row


def test_stack_overflow_stays_markdown() -> None:
    """Accepted before votes; Markdown and code are never read as HTML."""
    assert pairs_of(adapted("ru_stackoverflow", [asked()], pair="answer")) == [("Как?\na < b && `<p>`", "принят")]
    assert pairs_of(adapted("ru_stackoverflow", [asked()], pair="description")) == [("Как?", "a < b && `<p>`")]


def test_popularity_is_held_to_views_score_and_votes() -> None:
    """A bound itself is popular enough; a missing count is none; a score below zero is allowed where asked for."""
    raw = [asked(), asked(views=99), asked(views=None), asked(score=1), asked(score="много")]
    popular = adapted("ru_stackoverflow", raw, pair="description", min_views=100, min_score=2)
    assert len(examples(popular)) == 1
    assert reasons(popular) == {"few views": 2, "low score": 2}
    assert len(examples(adapted("ru_stackoverflow", [asked(score=-3)], pair="description", min_score=-3))) == 1
    only_votes = [asked(answers=asked()["answers"][:1])]
    assert reasons(adapted("ru_stackoverflow", only_votes, pair="answer", min_votes=10)) == {"no answer": 1}
    assert len(examples(adapted("ru_stackoverflow", only_votes, pair="answer", min_votes=9))) == 1


def test_forums_read_only_the_columns_that_count() -> None:
    """Answers for the pair with the answer, views and score under a bound; Habr Q&A has no score to bound."""
    adapter = adapters.adapter("yandex_q_full")

    def columns(**given: Any) -> set[str]:
        return set(adapter.columns(adapters.options("yandex_q_full", given), []))

    assert columns(pair="description") == {"title", "text_plain"}
    assert columns(pair="answer") == {"title", "text_plain", "answers", "approved_answer"}
    assert columns(pair="description", min_views=1, min_score=0) == {"title", "text_plain", "views", "votes"}
    with pytest.raises(Mistake, match="min_score"):
        adapters.options("habr_qna", {"pair": "answer", "min_score": 1})


def test_yandex_q_takes_the_approved_answer() -> None:
    """The question names it by id; else votes decide; an id of no answer, or none, approves nothing."""
    answers = {"id": ["1", "2", None], "text_plain": ["мало", "много", "без имени"], "votes": [1, 5, 2]}

    def best(approved: Any) -> str | None:
        row = {"title": "Зачем?", "text_plain": None, "answers": answers, "approved_answer": approved}
        return pairs_of(adapted("yandex_q_full", [row], pair="answer"))[0][1]

    assert [best("1"), best("9"), best(None)] == ["мало", "много", "много"]


@pytest.mark.parametrize(
    "answers", [[], None, {}, "ответ", [None], [[]], [{}], {"body": []}, {"body": 5}, 7, [{"body": 5}]]
)
@pytest.mark.parametrize("name", ["habr_qna", "ru_stackoverflow", "yandex_q_full"])
def test_answers_that_are_none_are_a_reason(name: str, answers: Any) -> None:
    """Whatever stands in the place of answers, a question without a usable one is dropped as such."""
    row = {"title": "Как?", "description": "", "text_markdown": "", "text_plain": "", "approved_answer": None}
    assert reasons(adapted(name, [row | {"answers": answers}], pair="answer")) == {"no answer": 1}


def test_an_anchor_may_be_several_columns() -> None:
    """Of Yandex Q's bare answers: question and description are the anchor; a blank description is left out."""
    raw = [
        {"question": "Почему?", "description": "Поясните.", "answer": "Потому."},
        {"question": "Почему?", "description": None, "answer": "Так вышло."},
        {"question": "Почему?", "description": " ", "answer": None},
        {"question": None, "description": "Поясните.", "answer": "Потому."},
    ]
    outcomes = adapted("pairs", raw, anchor=["question", "description"], positive="answer")
    assert pairs_of(outcomes) == [("Почему?\nПоясните.", "Потому."), ("Почему?", "Так вышло.")]
    assert reasons(outcomes) == {"missing text": 2}


def test_pairs_are_held_to_values_and_least_values() -> None:
    """Habr: language and the score inside a struct; each row that is not wanted says which column it was."""

    def post(language: Any, statistics: Any) -> dict[str, Any]:
        return {"title": "О тестах", "lead_markdown": "Кратко.", "language": language, "statistics": statistics}

    raw = [post("ru", {"score": 5}), post("en", {"score": 9}), post("RU", {"score": 4}), post("ru", {}), post(None, 5)]
    given = {"anchor": "title", "positive": "lead_markdown", "only": {"language": ["ru"]}}
    given |= {"at_least": {"statistics.score": 5}}
    outcomes = adapted("pairs", [*raw, post("ru", None)], **given)
    assert len(examples(outcomes)) == 1
    assert reasons(outcomes) == {"other language": 2, "low statistics.score": 1, "no statistics.score": 2}
    needed = adapters.adapter("pairs").columns(adapters.options("pairs", given), ["title", "statistics"])
    assert needed == ("title", "lead_markdown", "statistics", "language")


def test_a_column_with_a_dot_in_its_name_is_that_column() -> None:
    """A struct's field is looked for only where no column has the whole name."""
    options = adapters.options("pairs", {"at_least": {"a.b": 1}})
    assert "a.b" in adapters.adapter("pairs").columns(options, ["anchor", "positive", "a.b"])
    raw = [{"anchor": "x", "positive": "y", "a.b": 1}, {"anchor": "x", "positive": "y", "a.b": 0}]
    assert reasons(adapted("pairs", raw, at_least={"a.b": 1})) == {"low a.b": 1}


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("без разметки", "без разметки"),
        ("<p>Раз<b>дел</b>ить</p><p>нельзя</p>", "Разделить\nнельзя"),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("1 &lt; 2 &amp;&amp; 3", "1 < 2 && 3"),
        ("<ul><li>один</li><li>два</li></ul>", "один\nдва"),
        ("<script>alert(1)</script><pre><code>ls -l</code></pre>", "ls -l"),
        ("<p>не закрыт <i>тег", "не закрыт тег"),
        ("List<String> names", "List<String> names"),
        ("<p>Map<String, List<Integer>> или x<y and y>z</p>", "Map<String, List<Integer>> или x<y and y>z"),
        ("if (a<b && b>c) return", "if (a<b && b>c) return"),
        ("if (i<b and b>c)", "if (i<b and b>c)"),
        (
            "<p>List<Data> и List<Label>, но слово<BR>и слово <Label>метка</Label></p>",
            "List<Data> и List<Label>, но слово\nи слово метка",
        ),
        ("#include <stdio.h>", "#include <stdio.h>"),
        ("<a href='x' target=_blank>ссылка</a> <input disabled><hr/>", "ссылка"),
        ("до<!-- скрыто -->после", "допосле"),
    ],
)
def test_html_is_text_with_a_break_for_a_block(html: str, text: str) -> None:
    """Marks inside a word do not split it, blocks and breaks do, entities are letters, scripts are gone."""
    from rosberta.corpus.adapters._html import text_of

    assert "\n".join(text_of(html).split("\n\n")) == text
