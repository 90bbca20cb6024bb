"""Adapters: every raw row is accounted for, the mapping is the recipe's, and what cannot be used says why."""

from __future__ import annotations

from pkgutil import iter_modules
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rosberta.corpus import adapters
from rosberta.corpus.adapters import Example, _values
from rosberta.frame.mistakes import Mistake
from support.adapting import SHAPES, Row, adapted, examples, reasons

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

NAN = float("nan")

KEYS = ["ru", "en", "body", "id", "text", "title", "accepted", "text_markdown", "text_plain", "votes", "score"]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 3),
    st.just(10**400),
    st.floats(),
    st.sampled_from(["", " \n", "entailment", "\ud800", "текст", "<p>&lt;", "7#1"]),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)),
    max_leaves=6,
)
"""What may stand where a value should: anything that JSON or parquet can hold."""


def test_every_adapter_is_tried() -> None:
    """A further adapter gets a row here, and so the tests below."""
    modules = {module.name for module in iter_modules(adapters.__path__)}
    assert {name for name in modules if not name.startswith("_")} == set(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_a_row_of_the_true_shape_is_an_example(name: str) -> None:
    """Each adapter takes a row of its set's shape, and declares the columns that it reads of it."""
    row, options = SHAPES[name]
    (made,) = adapted(name, [row], **options)
    assert isinstance(made, Example)
    assert set(adapters.adapter(name).columns(adapters.options(name, options), list(row))) == set(row)


@pytest.mark.parametrize("name", SHAPES)
@given(data=st.data())
def test_every_raw_row_has_one_outcome(name: str, data: st.DataObject) -> None:
    """Whatever a row's values are, it becomes an example or a drop with a reason, and no bad text passes."""
    row, options = SHAPES[name]
    values = {name: st.one_of(st.just(value), JSON) for name, value in row.items()}
    raw = data.draw(st.lists(st.fixed_dictionaries(values), max_size=6))
    try:
        outcomes = adapted(name, raw, **options)
    except Mistake as mistake:
        assert "no row of task" in str(mistake)  # `medi` alone, where no row is of the task
        return
    assert len(outcomes) == len(raw)
    assert all(reason for reason in reasons(outcomes))
    for made in examples(outcomes):
        for text in (made.anchor, *([] if made.positive is None else [made.positive]), *made.negatives):
            assert text.strip()
            assert text.encode()
    assert (name == "texts") or all(made.positive is not None for made in examples(outcomes))
    assert len({made.position for made in examples(outcomes)}) == len(examples(outcomes))


@pytest.mark.parametrize("name", SHAPES)
def test_a_row_without_values_is_a_drop(name: str) -> None:
    """A JSON line that leaves out every key, as `raw` hands it over: nothing but None."""
    row, options = SHAPES[name]
    empty: Row = dict.fromkeys(row) | ({"task_name": "qa"} if name == "medi" else {})
    assert reasons(adapted(name, [empty, empty], **options)).total() == 2


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing text"),
        (NAN, "missing text"),
        ("", "empty text"),
        ("\t\u00a0\n", "empty text"),
        (17, "not a text"),
        ("да".encode(), "bytes, whose encoding the file does not say"),
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
    ("name", "given", "said"),
    [
        ("sberquat", {}, 'did you mean "sberquad"'),
        ("pairs", {"ancor": "q"}, 'options.ancor: .*did you mean "anchor"'),
        ("habr_qna", {}, "options.pair: Field required"),
        ("habr_qna", {"pair": "answr"}, "options.pair: .*'answer' or 'description'"),
        ("pairs", {"anchor": []}, "options.anchor"),
        ("texts", {"passage_characters": 0}, "options.passage_characters"),
        ("scored_pairs", {"at_least": "high"}, "options.at_least: .*number"),
    ],
)
def test_wrong_options_name_themselves(name: str, given: dict[str, Any], said: str) -> None:
    """An unknown adapter, and an unknown, missing or ill-typed option, are mistakes of one line with a hint."""
    with pytest.raises(Mistake, match=said) as caught:
        adapters.options(name, given)
    assert "\n" not in str(caught.value)


def test_labels_of_one_value_have_one_name() -> None:
    """However a file writes them; parameters write true, parquet has its own, pandas makes 1 a 1.0."""
    assert {_values.label_name(label) for label in (1, 1.0, "1", "1.0", True)} == {"1"}
    assert {_values.label_name(label) for label in ("ENTAILMENT", " entailment")} == {"entailment"}
    assert _values.label_name(0.5) == "0.5"


def test_records_lose_no_value_where_lists_differ() -> None:
    """A column that is none, or shorter than the others, is None in the records that it lacks."""
    assert _values.entries({"id": ["1", "2"], "text": ["а"], "votes": None}) == [
        {"id": "1", "text": "а", "votes": None},
        {"id": "2", "text": None, "votes": None},
    ]
