"""Adapters of sets that judge, list or draw: labels, scores, paraphrases, negatives, translations, MEDI."""

from __future__ import annotations

from typing import Any

import pytest
from rosberta.corpus import adapters
from rosberta.frame.mistakes import Mistake
from support.adapting import adapted, examples, pairs_of, reasons

NAN = float("nan")


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


def test_what_is_judged_relevant_is_known() -> None:
    """Every relevant text of an anchor but the drawn one is a further positive, in whatever order a set names them."""
    passages = [{"title": None, "text": text} for text in ("p2", "p1", "p3")]
    group = [{"anchor": "q", "positive": text, "negative": "n"} for text in ("p2", "p1", "p3")]
    judged = [{"premise": "q", "hypothesis": text, "label": 0} for text in ("p2", "p1", "p3")]
    for name, raw in {
        "ru_hnp": [{"query": "q", "pos": ["p2", "p1", None, "p3", "p1"], "neg": ["n"]}],
        "judged_passages": [{"query": "q", "positive_passages": passages, "negative_passages": []}],
        "triplets": [*group, {**group[0], "anchor": "other"}],
        "nli": judged,
    }.items():
        made = [each for each in examples(adapted(name, raw)) if each.anchor == "q"]
        assert made
        assert all(sorted((each.positive, *each.positives)) == ["p1", "p2", "p3"] for each in made), name
    (made,) = examples(adapted("paraphrases", [{"paraphrases": ["a", "b", "c", "d"], "distractors": []}]))
    assert sorted((made.anchor, made.positive, *made.positives)) == ["a", "b", "c", "d"]


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
    adapter = adapters.adapter("translation")
    options = adapters.options("translation", {"english": "en", "russian": "ru"})
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
    adapter, options = adapters.adapter("triplets"), adapters.options("triplets", {})
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


def test_without_negatives_nothing_is_held() -> None:
    """A source whose judge knows no negatives streams: each row has its outcome before the next one is read."""
    for name, label, options in (("scored_pairs", "score", {"at_least": 0.5}), ("labelled_pairs", "label", {})):
        taken: list[int] = []

        def stream(label: str = label, taken: list[int] = taken) -> Any:
            for n in range(3):
                taken.append(n)
                yield {"sentence1": f"A{n}", "sentence2": "B", label: 1}

        for n, _ in enumerate(adapters.adapter(name).rows(stream(), adapters.options(name, options), 0)):
            assert len(taken) == n + 1


def test_mined_paraphrases_are_held_to_their_score() -> None:
    """ru-paraphrase-NMT-Leipzig is CSV: its scores are texts, and some rows have none."""
    raw = [
        {"original": "A", "ru": text, "p_good": score}
        for text, score in (("B", "0.93"), ("C", "0.2"), ("D", ""), ("E", "nan"), ("F", "5e-1"))
    ]
    outcomes = adapted("scored_pairs", raw, anchor="original", positive="ru", score="p_good", at_least=0.5)
    assert pairs_of(outcomes) == [("A", "B"), ("A", "F")]
    assert reasons(outcomes) == {"low score": 1, "no score": 2}


def test_medi_writes_out_numbers_and_nothing_else() -> None:
    """A number for a text is written out; a struct, a truth value or NaN in its place is no text."""
    raw = [
        {"query": [value], "pos": ["p"], "neg": None, "task_name": "qa"}
        for value in (1911, 2.5, True, NAN, {"a": "b"}, ["x"])
    ]
    outcomes = adapted("medi", raw, task_name="qa")
    assert pairs_of(outcomes) == [("1911", "p"), ("2.5", "p")]
    assert reasons(outcomes) == {"not a text": 3, "missing text": 1}


def test_paraphrases_draw_two_texts_of_a_group() -> None:
    """Two different usable texts, by seed and content and not by their order; the distractors are the negatives."""
    group = {"paraphrases": ["a", "b", None, "c", "a"], "distractors": ["d", "", "e"]}
    turned = {"paraphrases": group["paraphrases"][::-1], "distractors": group["distractors"]}
    ((made,), (again,)) = (examples(adapted("paraphrases", [row])) for row in (group, turned))
    assert made == again
    assert {made.anchor, made.positive} < {"a", "b", "c"}
    assert len({made.anchor, made.positive}) == 2
    assert (made.negatives, made.unusable) == (("d", "e"), 1)
    drawn = {pairs_of(adapted("paraphrases", [group], seed=seed))[0] for seed in range(30)}
    assert len(drawn) == 6
    poor = [{"paraphrases": texts, "distractors": None} for texts in ([], None, ["a"], ["a", "a"], "a", {"a": 1})]
    assert reasons(adapted("paraphrases", poor)) == {"fewer than two paraphrases": 6}


def passage(text: Any, title: Any = "Мост") -> dict[str, Any]:
    return {"docid": "7#0", "title": title, "text": text}


def test_judged_passages_draw_a_positive_and_seven_negatives() -> None:
    """By seed and content and not by order; a passage is title and text; both shapes of a sequence are read."""
    row = {
        "query": "кто",
        "positive_passages": [passage("да"), passage(None), passage("точно")],
        "negative_passages": [passage(f"нет {n}") for n in range(30)] + [passage("")],
    }
    turned = {name: value[::-1] if isinstance(value, list) else value for name, value in row.items()}
    columns = {
        name: {key: [each[key] for each in value] for key in value[0]} if isinstance(value, list) else value
        for name, value in row.items()
    }
    (made,) = examples(adapted("judged_passages", [row]))
    assert made.positive in {"Мост\nда", "Мост\nточно"}
    assert len(set(made.negatives)) == 7
    assert made.unusable == 1
    assert examples(adapted("judged_passages", [turned])) == [made]
    assert examples(adapted("judged_passages", [columns])) == [made]
    assert examples(adapted("judged_passages", [row], seed=1))[0].negatives != made.negatives
    (bare,) = examples(adapted("judged_passages", [row], title=None, max_negatives=2))
    assert bare.positive in {"да", "точно"}
    assert len(bare.negatives) == 2


def test_judged_passages_without_a_query_or_a_positive_say_so() -> None:
    """An untitled passage is its text; no usable positive, or no query, is a reason."""
    raw = [
        {"query": "q", "positive_passages": [passage("да", None)], "negative_passages": None},
        {"query": "q", "positive_passages": [], "negative_passages": []},
        {"query": "q", "positive_passages": None, "negative_passages": []},
        {"query": "q", "positive_passages": ["да"], "negative_passages": []},
        {"query": " ", "positive_passages": [passage("да")], "negative_passages": []},
    ]
    outcomes = adapted("judged_passages", raw)
    assert pairs_of(outcomes) == [("q", "да")]
    assert reasons(outcomes) == {"no positive": 3, "empty text": 1}
