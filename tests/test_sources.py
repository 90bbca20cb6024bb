"""Adapters: every raw row is accounted for, the mapping is the recipe's, and what cannot be used says why."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta import sources
from rosberta.mistakes import Mistake
from rosberta.sources import Drop, Example, entries

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

NAN = float("nan")

# One usable row of the true shape for each adapter, and the options it needs.
SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "pairs": ({"anchor": "вопрос", "positive": "ответ"}, {}),
    "sberquad": ({"question": "Когда открыли мост?", "context": "Мост открыли в 1911 году."}, {}),
    "query2doc": ({"query": "how deep is a lake", "pseudo_doc": "A lake may be deep."}, {}),
    "wikiomnia": ({"question": "Где лежит озеро?", "summary": "Озеро лежит в горах."}, {}),
    "nli": ({"premise": "Все билеты проданы.", "hypothesis": "Билетов нет.", "label": 0}, {}),
    "labelled_pairs": ({"sentence1": "Кот спит.", "sentence2": "Спит кот.", "label": 1}, {}),
    "scored_pairs": ({"sentence1": "Кот спит.", "sentence2": "Спит кот.", "score": 4.8}, {"at_least": 4.0}),
    "dino_sts": ({"text_a": "A dog sleeps.", "text_b": "The dog is resting.", "label": 0.9}, {}),
    "translation": ({"translation": {"en": "The door is open.", "ru": "Дверь открыта."}}, {}),
    "medi": (
        {"query": ["Find: ", "how tall"], "pos": ["Doc: ", "90 m"], "neg": ["Doc: ", "May"], "task_name": "qa"},
        {"task_name": "qa"},
    ),
    "triplets": ({"anchor": "кто", "positive": "он", "negative_1": "дом", "negative_2": "лес"}, {}),
    "ru_hnp": ({"query": "Река течёт.", "pos": ["Течёт река."], "neg": ["Река стоит."]}, {}),
    "habr_qna": (
        {
            "title": "Как открыть порт?",
            "description": "<p>На сервере</p>",
            "answers": [{"body": "<p>ufw allow</p>", "accepted": True, "upvote_count": 4}],
        },
        {"pair": "answer"},
    ),
}


def adapted(name: str, raw: list[dict[str, Any]], seed: int = 0, **given: Any) -> list[Example | Drop]:
    return list(sources.adapter(name).rows(raw, sources.options(name, given), seed))


def examples(outcomes: list[Example | Drop]) -> list[Example]:
    return [outcome for outcome in outcomes if isinstance(outcome, Example)]


def reasons(outcomes: list[Example | Drop]) -> Counter[str]:
    return Counter(outcome.reason for outcome in outcomes if isinstance(outcome, Drop))


def pairs_of(outcomes: list[Example | Drop]) -> list[tuple[str, str]]:
    return [(example.anchor, example.positive) for example in examples(outcomes)]


@pytest.mark.parametrize("name", SHAPES)
def test_a_row_of_the_true_shape_is_an_example(name: str) -> None:
    """Each adapter takes a row of its set's shape, and declares the columns that it reads of it."""
    row, options = SHAPES[name]
    (made,) = adapted(name, [row], **options)
    assert isinstance(made, Example)
    assert set(sources.adapter(name).columns(sources.options(name, options), list(row))) == set(row)


@pytest.mark.parametrize("name", SHAPES)
@given(data=st.data())
def test_every_raw_row_has_one_outcome(name: str, data: st.DataObject) -> None:
    """Whatever a row's values are, it becomes an example or a drop with a reason, and no bad text passes."""
    row, options = SHAPES[name]
    strange = st.one_of(
        st.none(),
        st.integers(-1, 3),
        st.floats(),
        st.sampled_from(["", " \n", "entailment", "\ud800", "текст"]),
        st.lists(st.sampled_from([None, "", "а", 5]), max_size=3),
        st.dictionaries(st.sampled_from(["ru", "en", "body", "accepted"]), st.sampled_from([None, "x", ["y"], 1])),
        st.booleans(),
    )
    values = {name: st.one_of(st.just(value), strange) for name, value in row.items()}
    raw = data.draw(st.lists(st.fixed_dictionaries(values), max_size=6))
    try:
        outcomes = adapted(name, raw, **options)
    except Mistake as mistake:
        assert "no row of task" in str(mistake)  # `medi` alone, where no row is of the task
        return
    assert len(outcomes) == len(raw)
    assert all(reason for reason in reasons(outcomes))
    for made in examples(outcomes):
        for text in (made.anchor, made.positive, *made.negatives):
            assert text.strip()
            assert text.encode()
    assert len({made.position for made in examples(outcomes)}) == len(examples(outcomes))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing text"),
        (NAN, "missing text"),
        ("", "empty text"),
        ("\t\u00a0\n", "empty text"),
        (17, "not a text"),
        (["a"], "not a text"),
        ("bad \udc00", "broken characters"),
    ],
)
def test_a_value_that_is_no_text_is_dropped_with_its_reason(value: object, reason: str) -> None:
    """None, NaN, blanks, other types and lone surrogates are told apart, as anchor and as positive."""
    raw = [{"question": value, "context": "x"}, {"question": "x", "context": value}]
    assert reasons(adapted("sberquad", raw)) == {reason: 2}


def test_pairs_take_one_negative_or_a_list_and_count_the_unusable() -> None:
    """A negative may be a text, a list of texts or null; equal ones are taken once, flawed ones are counted."""
    raw = [
        {"query": "a", "positive": "b", "negative": "c"},
        {"query": "a", "positive": "b", "negative": ["c", "d", "c", None, ""]},
        {"query": "a", "positive": "b", "negative": None},
    ]
    made = examples(adapted("pairs", raw, anchor="query", negative="negative"))
    assert [example.negatives for example in made] == [("c",), ("c", "d"), ()]
    assert [example.unusable for example in made] == [0, 2, 0]


@pytest.mark.parametrize(
    "labels", [(0, 1, 2, -1), ("entailment", "neutral", "contradiction", "-"), (0.0, 1.0, 2.0, None)]
)
def test_nli_groups_by_premise(labels: tuple[Any, ...]) -> None:
    """Entailed hypotheses become positives, contradictions of the same premise their negatives; the rest is dropped."""
    entailed, neutral, contradicted, unknown = labels
    raw = [
        {"premise": "A", "hypothesis": "not A", "label": contradicted},
        {"premise": "A", "hypothesis": "A1", "label": entailed},
        {"premise": "A", "hypothesis": "maybe", "label": neutral},
        {"premise": "B", "hypothesis": "not B", "label": contradicted},
        {"premise": "A", "hypothesis": "never A", "label": contradicted},
        {"premise": "A", "hypothesis": "A2", "label": entailed},
        {"premise": "C", "hypothesis": "C1", "label": entailed},
        {"premise": "C", "hypothesis": "?", "label": unknown},
    ]
    outcomes = adapted("nli", raw)
    assert pairs_of(outcomes) == [("A", "A1"), ("A", "A2"), ("C", "C1")]
    assert [made.negatives for made in examples(outcomes)] == [("not A", "never A")] * 2 + [()]
    assert [made.position for made in examples(outcomes)] == [1, 5, 6]
    expected = {"neutral": 1, "no known label": 1, "became a negative": 2, "negative without a positive": 1}
    assert reasons(outcomes) == expected


def test_nli_labels_are_words_of_any_case_and_columns_have_any_name() -> None:
    """SICK's shape: ENTAILMENT, and sentence1 and sentence2."""
    raw = [{"sentence1": "A", "sentence2": "B", "label": "ENTAILMENT"}]
    assert pairs_of(adapted("nli", raw, premise="sentence1", hypothesis="sentence2")) == [("A", "B")]


def test_labelled_pairs_take_negative_labels_only_when_told() -> None:
    """PAWS: label 1 is the pair; label 0 is dropped, or a negative of the same first sentence on demand."""
    raw = [{"sentence1": "A", "sentence2": "B", "label": 1}, {"sentence1": "A", "sentence2": "C", "label": 0}]
    assert examples(adapted("labelled_pairs", raw))[0].negatives == ()
    assert reasons(adapted("labelled_pairs", raw)) == {"other label": 1}
    assert examples(adapted("labelled_pairs", raw, negative_labels=[0]))[0].negatives == ("C",)
    as_csv = [{**row, "label": str(row["label"])} for row in raw]
    assert pairs_of(adapted("labelled_pairs", as_csv)) == [("A", "B")]


def test_scores_are_thresholds_that_belong_to_their_side() -> None:
    """A score equal to a threshold is in; between the two it is dropped; what is no number is dropped."""
    raw = [
        {"sentence1": "A", "sentence2": text, "score": score}
        for text, score in [("B", 4), ("C", 3.9), ("D", 1), ("E", "4.5"), ("F", None), ("G", "high"), ("H", NAN)]
    ]
    outcomes = adapted("scored_pairs", raw, at_least=4, at_most=1)
    assert pairs_of(outcomes) == [("A", "B"), ("A", "E")]
    assert {made.negatives for made in examples(outcomes)} == {("D",)}
    assert reasons(outcomes) == {"middling score": 1, "became a negative": 1, "no score": 3}


def test_dino_takes_high_labels_and_gives_low_ones() -> None:
    """Of the labels 0.9, 0.5, 0.1 and 0, the first is positive, the last two are negatives of the same sentence."""
    raw = [{"text_a": "A", "text_b": f"{label}", "label": label} for label in (0.9, 0.5, 0.1, 0.0)]
    (made,) = examples(adapted("dino_sts", raw))
    assert (made.positive, made.negatives) == ("0.9", ("0.1", "0.0"))


def test_translation_draws_a_direction_for_each_row() -> None:
    """Both directions occur, the pair is never torn, and seed and content alone decide: both shapes draw the same."""
    texts = [(f"Предложение {n}.", f"Sentence {n}.") for n in range(200)]
    struct = [{"translation": {"en": english, "ru": russian}} for russian, english in texts]
    flat = [{"english": english, "non_english": russian} for russian, english in texts]
    drawn = pairs_of(adapted("translation", struct))
    assert [frozenset(pair) for pair in drawn] == [frozenset(pair) for pair in texts]
    from_russian = sum(pair in texts for pair in drawn)
    assert 70 < from_russian < 130
    assert drawn == pairs_of(adapted("translation", flat))
    assert drawn == pairs_of(adapted("translation", struct[::-1]))[::-1]
    assert drawn != pairs_of(adapted("translation", struct, seed=1))


def test_translation_reads_the_columns_that_a_file_has() -> None:
    """The struct wins where there is one; else the columns of the options are needed."""
    adapter = sources.adapter("translation")
    options = sources.options("translation", {"english": "en", "russian": "ru"})
    assert adapter.columns(options, ["id", "translation"]) == ("translation",)
    assert adapter.columns(options, ["ru", "en"]) == ("en", "ru")


def test_medi_drops_the_instruction_and_other_tasks() -> None:
    """The text is the last of a list of one or two, cast to a string; other lengths and tasks are dropped."""
    raw = [
        {"query": ["Find: ", "q1"], "pos": ["p1"], "neg": ["Doc: ", "n1"], "task_name": "qa"},
        {"query": ["Find: ", 1911], "pos": ["Doc: ", "p2"], "neg": None, "task_name": "qa"},
        {"query": ["a", "b", "c"], "pos": ["p3"], "neg": ["n3"], "task_name": "qa"},
        {"query": [], "pos": ["p4"], "neg": ["n4"], "task_name": "qa"},
        {"query": ["q5"], "pos": ["Doc: ", None], "neg": ["n5"], "task_name": "qa"},
        {"query": ["q6"], "pos": ["p6"], "neg": ["n6"], "task_name": "news"},
    ]
    outcomes = adapted("medi", raw, task_name="qa")
    assert pairs_of(outcomes) == [("q1", "p1"), ("1911", "p2")]
    assert [made.negatives for made in examples(outcomes)] == [("n1",), ()]
    assert reasons(outcomes) == {"not an instruction and a text": 2, "missing text": 1, "other task": 1}


def test_medi_names_the_tasks_when_there_is_no_such_task() -> None:
    """A misspelt task is a mistake that names the nearest one, not an empty source."""
    with pytest.raises(Mistake, match="no row of task 'gooaq'; did you mean \"gooaq_pairs\""):
        adapted("medi", [{"query": ["q"], "pos": ["p"], "neg": ["n"], "task_name": "gooaq_pairs"}], task_name="gooaq")


def test_triplets_draw_their_negatives() -> None:
    """Of a hundred negatives seven are drawn, by seed and content and not by the column they stand in."""
    names = [f"negative_{n}" for n in range(1, 101)]
    row = {"anchor": "кто", "positive": "он"} | {name: f"текст {name}" for name in names}
    turned = {"anchor": "кто", "positive": "он"} | dict(
        zip(names, reversed([row[name] for name in names]), strict=True)
    )
    (made,) = examples(adapted("triplets", [row]))
    assert len(made.negatives) == 7
    assert examples(adapted("triplets", [turned]))[0].negatives == made.negatives
    assert examples(adapted("triplets", [row], seed=1))[0].negatives != made.negatives
    assert len(examples(adapted("triplets", [row], negatives=3))[0].negatives) == 3


def test_triplets_read_every_column_of_negatives() -> None:
    """In the order of their numbers, and nothing else; a file without any lacks the column ``negative``."""
    adapter, options = sources.adapter("triplets"), sources.options("triplets", {})
    found = ["negative_10", "anchor", "positive", "negative_2", "negatively", "negative_x"]
    assert adapter.columns(options, found) == ("anchor", "positive", "negative_2", "negative_10")
    assert adapter.columns(options, ["anchor", "positive"]) == ("anchor", "positive", "negative")


def test_ru_hnp_draws_one_positive_and_gives_all_negatives() -> None:
    """Lists of any length are taken; flawed entries are not drawn; no usable positive is a drop."""
    raw = [{"query": f"q{n}", "pos": ["p1", None, "p2", ""], "neg": ["n1", "n2", None]} for n in range(50)] + [
        {"query": "q", "pos": [None], "neg": ["n"]},
        {"query": "q", "pos": None, "neg": None},
    ]
    outcomes = adapted("ru_hnp", raw)
    assert {made.positive for made in examples(outcomes)} == {"p1", "p2"}
    assert {made.negatives for made in examples(outcomes)} == {("n1", "n2")}
    assert {made.unusable for made in examples(outcomes)} == {1}
    assert reasons(outcomes) == {"no positive": 2}


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
    ],
)
def test_html_is_text_with_a_break_for_a_block(html: str, text: str) -> None:
    """Marks inside a word do not split it, blocks and breaks do, entities are letters, scripts are gone."""
    from rosberta.sources.habr_qna import text_of

    assert "\n".join(text_of(html).split("\n\n")) == text


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("sberquat", {}, 'did you mean "sberquad"'),
        ("pairs", {"ancor": "q"}, 'options.ancor: .*did you mean "anchor"'),
        ("habr_qna", {}, "options.pair: Field required"),
        ("habr_qna", {"pair": "answr"}, "options.pair: .*'answer' or 'description'"),
        ("scored_pairs", {"at_least": "high"}, "options.at_least: .*number"),
    ],
)
def test_wrong_options_name_themselves(name: str, given: dict[str, Any], said: str) -> None:
    """An unknown adapter, and an unknown, missing or ill-typed option, are mistakes of one line with a hint."""
    with pytest.raises(Mistake, match=said) as caught:
        sources.options(name, given)
    assert "\n" not in str(caught.value)
