"""Stage `clean`: forms of text, what is dropped and why, and that no test text of the benchmark passes."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rosberta.corpus.duplicates import LISTED
from rosberta.corpus.overlap import Leak
from rosberta.corpus.rules import CONFLICT, OVER_CAP, OVERLAP, Rules, clean
from rosberta.experiment import corpus
from rosberta.frame.artifacts import BENCHMARK, CLEANED, COLLECTED, DUPLICATES, REMOVED
from rosberta.frame.files import sha256, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_counts, read_rows, write_rows
from rosberta.stages.clean import run
from rosberta.texts.normalisation import normal, tidy
from rosberta.texts.token_lengths import overlong, tokenizer_of
from tokenizers import Tokenizer, models, pre_tokenizers, processors

# No deadlines and no chance: a busy machine must not fail a test.
settings.load_profile("ci")

MODEL = "someone/encoder"

# Russian letters with what hides copies: case, ё in both encodings, accents, invisible characters, punctuation, blanks.
letters = st.sampled_from(
    "абвеёйЁЙЕ"
    + "aBzİßΣς1٣²"
    + " \t\n\u00a0\u2028"
    + "\u0301\u0308\u0306\u3099"
    + "\u00ad\u200b\ufeff\x00\x07\x85-—«»!_,🙂"
)
texts = st.one_of(
    st.text(), st.text(letters), st.text(st.characters(max_codepoint=0x10FFFF, exclude_categories=["Cs"]))
)


def row(anchor: str, positive: str, *negatives: str, id: str = "s:0") -> dict[str, Any]:
    place = {"task": "retrieval", "prefix": "search", "language": "ru", "source": "s", "group": "basic_russian"}
    return {"anchor": anchor, "positive": positive, "negatives": list(negatives), **place, "id": id}


def cleaned(
    *rows: dict[str, Any],
    limit: int = 500,
    leaks: Iterable[str] = (),
    min_characters: int = 3,
    cap: int = 10**6,
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
        counts = clean(
            folder / "collected.parquet", folder / "kept.parquet", folder / "removed.parquet", decided, cap=cap, seed=0
        )
        kept, removed = (read_rows(folder / f"{name}.parquet").to_pylist() for name in ("kept", "removed"))
        assert read_counts(folder / "kept.parquet") == counts
    return kept, counts, removed


@given(texts)
def test_tidy_is_idempotent_and_shows_nothing_hidden(text: str) -> None:
    """NFC, no control characters, single spaces, none at the ends; and nothing more is left to do."""
    tidied = tidy(text)
    assert tidy(tidied) == tidied
    assert unicodedata.is_normalized("NFC", tidied)
    assert tidied == tidied.strip()
    assert "  " not in tidied
    assert not any(unicodedata.category(letter) == "Cc" for letter in tidied)


def test_tidy_keeps_letters_as_they_are() -> None:
    """Case, ё, punctuation and emoji sequences are what is trained on; й and ё are composed."""
    assert tidy("Ёлка «Ель» — 100%!") == "Ёлка «Ель» — 100%!"
    assert tidy("е\u0308ж и\u0306од") == "ёж йод"
    assert tidy("👩\u200d💻") == "👩\u200d💻"
    assert tidy("\ufeff пере\u00adнос\u200b \x00стро\x07ки\r\n\tи  т.\u00a0д. ") == "перенос строки и т. д."


@given(texts)
@example("A\u0130\u0301")
@example("\u1100\u0300\u1161")
def test_normal_is_idempotent_and_blind(text: str) -> None:
    """The normal form of a normal form, of the tidy text and of the decomposed text is the same."""
    form = normal(text)
    assert normal(form) == form
    assert normal(tidy(text)) == form
    assert normal(unicodedata.normalize("NFD", text)) == form
    assert "ё" not in form
    assert all(letter == " " or letter.isalnum() for letter in form)


@given(st.text("абвгдеёжзийклмнопрстуфхцчшщъыьэюя abcdefghijklmnopqrstuvwxyz"))
def test_normal_folds_case_and_yo(text: str) -> None:
    """In Russian and English neither capitals nor ё make another text."""
    assert normal(text.upper()) == normal(text)
    assert normal(text.replace("ё", "е")) == normal(text)


def test_normal_forms_by_example() -> None:
    """What counts as one text, and what does not."""
    assert normal("«Ещё не вечер», — сказал он...") == normal("ЕЩЕ НЕ ВЕЧЕР сказал он")
    assert normal("За́мок на горе\u0301") == normal("замок на горе")
    assert normal("мой") != normal("мои")
    assert normal("C++") == normal("c")
    assert normal("?!… 🙂 —") == ""


def test_the_output_is_tidy_but_not_folded() -> None:
    """ё and case are folded to compare, never in what is written."""
    (kept,), _, _ = cleaned(row(" Ёлка\u00a0 зелёная? ", "Да,\nЁлка ЗЕЛЁНАЯ.", "Не\u200bт. "))
    assert (kept["anchor"], kept["positive"], kept["negatives"]) == ("Ёлка зелёная?", "Да, Ёлка ЗЕЛЁНАЯ.", ["Нет."])


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


def test_what_another_row_says_is_dropped_by_id() -> None:
    """Rows that the list of duplicates names go, under the reason that it gives."""
    rows = [row("вопрос", "ответ", id=f"s:{n}") for n in range(3)]
    kept, counts, removed = cleaned(*rows, duplicates={"s:1": "duplicate", "s:2": "near duplicate"})
    assert [one["id"] for one in kept] == ["s:0"]
    assert counts["dropped"] == {"duplicate": 1, "near duplicate": 1}
    assert [one["id"] for one in removed] == ["s:1", "s:2"]


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


def test_the_cap_is_a_sample_of_what_is_fit() -> None:
    """Unfit rows take no place in it; the order of rows is nothing; the rows kept stay in order."""
    rows = [row(f"вопрос {n}", f"ответ {n}" if n % 3 else "", id=f"s:{n}") for n in range(60)]
    kept, counts, _ = cleaned(*rows, cap=15)
    assert counts["dropped"] == {"empty text": 20, OVER_CAP: 25}
    assert [one["id"] for one in kept] == [each["id"] for each in rows if each["id"] in {one["id"] for one in kept}]
    turned, _, _ = cleaned(*rows[::-1], cap=15)
    assert {one["id"] for one in turned} == {one["id"] for one in kept}
    assert len(kept) == 15


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


def test_lengths_are_in_tokens_without_special_ones(tmp_path: Path) -> None:
    """A text of exactly the limit stays, one more token is too long; bytes bound tokens for byte-level BPE."""
    tokenizer_files(tmp_path)
    tokenizer = tokenizer_of(tmp_path)
    assert len(tokenizer.encode("абв").ids) == 6 + 2
    assert overlong(["абв", "абвг", "ab", ""], tokenizer, 6) == {"абвг"}
    assert overlong(["абв" * 700], tokenizer, 4200) == set()
    assert overlong(["абв" * 700], tokenizer, 4199) == {"абв" * 700}


@given(texts.filter(bool))
def test_bytes_bound_tokens(text: str) -> None:
    """The shortcut around counting never hides a long text."""
    tokenizer = byte_level()
    limit = len(tokenizer.encode(text, add_special_tokens=False).ids)
    assert overlong([text], tokenizer, limit) == set()
    assert overlong([text], tokenizer, limit - 1) == {text}


def test_a_tokenizer_is_read_from_either_form(tmp_path: Path) -> None:
    """``vocab.json`` and ``merges.txt`` count as ``tokenizer.json`` does; a model with neither is a mistake."""
    one, other, neither = (tmp_path / name for name in ("one", "other", "neither"))
    for folder in (one, other, neither):
        folder.mkdir()
    tokenizer_files(one)
    byte_level().model.save(str(other))
    for text in ("абв где", " a b", "Ёж\n"):
        counted = [len(tokenizer_of(folder).encode(text, add_special_tokens=False).ids) for folder in (one, other)]
        assert counted[0] == counted[1]
    with pytest.raises(Mistake, match=r"neither tokenizer\.json"):
        tokenizer_of(neither)
    (neither / "tokenizer.json").write_text("{", encoding="utf-8")
    with pytest.raises(Mistake, match="not readable"):
        tokenizer_of(neither)


def byte_level() -> Tokenizer:
    """Byte-level BPE without merges: one token a byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1, **{letter: number + 2 for number, letter in enumerate(alphabet)}}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0), add_prefix_space=False)
    return tokenizer


def tokenizer_files(folder: Path) -> Path:
    """Write a tokenizer that truncates, as most published ones are set to."""
    tokenizer = byte_level()
    tokenizer.enable_truncation(8)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


def benchmark(task: str, *rows: tuple[str, str, str]) -> None:
    """Write the texts of a task: (split, role, text)."""
    path = BENCHMARK / task / "texts.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = zip(*rows, strict=True)
    pq.write_table(pa.table(dict(zip(("split", "role", "text"), map(list, columns), strict=True))), path)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """A project with a collected source, a pinned tokenizer, and two tasks; return the experiment that cleans it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROSBERTA_MIRROR", str(tmp_path / "mirror"))
    folder = tmp_path / "mirror" / "models" / MODEL
    folder.mkdir(parents=True)
    path = tokenizer_files(folder)
    listed = [{"path": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}]
    manifest = {"kind": "model", "id": MODEL, "revision": "0" * 40, "origin": "hub", "url": None, "files": listed}
    write_json(Path("data/hub/models") / f"{MODEL}.json", manifest)
    benchmark(
        "RuBQRetrieval",
        ("test", "query", "Кто построил первый мост через реку?"),
        ("test", "document", "Первый мост построил инженер Иванов."),
    )
    benchmark(
        "RuSTSBenchmarkSTS",
        ("test", "sentence", "Кто построил первый мост через реку?"),
        ("test", "sentence", "Да"),
    )

    def collected(*rows: dict[str, Any], **settings: Any) -> Any:
        write_rows(COLLECTED / "s.parquet", rows, {})
        DUPLICATES.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist([], schema=LISTED), DUPLICATES / "s.parquet")
        usual = {"tokenizer": MODEL, "max_tokens": 500, "min_characters": 2}
        tasks = {"RuBQRetrieval": None, "RuSTSBenchmarkSTS": None}
        source = SimpleNamespace(cap=None, language="ru", min_cosine=None)
        return SimpleNamespace(
            clean=corpus.Clean.model_validate(usual | settings),
            benchmark=SimpleNamespace(tasks=tasks),
            collect=SimpleNamespace(cap=1000, seed=0, sources={"s": source}),
        )

    return collected


def test_planted_overlaps_are_found_and_nothing_else(project: Callable[..., Any]) -> None:
    """Copies of test texts in any dress drop their rows, counted by task; neighbours and short texts do not."""
    rows = [
        row("кто построил ПЕРВЫЙ мост — через реку", "Иванов и другие.", id="s:0"),
        row("Вопрос о мосте", "«Кто построил первый мост через реку?»", id="s:1"),
        row("Согласны ли вы с этим?", "Да", id="s:2"),
        row("Это предложение стоит в обучающей части.", "Первый мост построил инженер.", id="s:3"),
        row("Кем построен мост?", "Первый мост построил инженер Иванов.", id="s:4"),
        row("Кто построил второй мост через реку?", "Петров.", "Кто построил первый мост через реку", id="s:5"),
    ]
    run(project(*rows), "s")
    kept = read_rows(CLEANED / "s.parquet").to_pylist()
    counts = read_counts(CLEANED / "s.parquet")
    assert [one["id"] for one in kept] == ["s:2", "s:3", "s:5"]
    assert kept[-1]["negatives"] == []
    assert counts["dropped"] == {OVERLAP: 3}
    assert counts["overlap"] == {
        "RuBQRetrieval": {"exact": {"rows": 3, "negatives": 1, "ids": ["s:0", "s:1", "s:4", "s:5"]}},
        "RuSTSBenchmarkSTS": {"exact": {"rows": 2, "negatives": 1, "ids": ["s:0", "s:1", "s:5"]}},
    }
    listed = read_rows(REMOVED / "s.parquet").to_pylist()
    assert [(one["id"], one["rule"]) for one in listed] == [("s:0", "exact"), ("s:1", "exact"), ("s:4", "exact")]
    assert listed[2]["test_text"] == normal("Первый мост построил инженер Иванов.")


def test_the_number_of_words_decides_what_is_no_leak(project: Callable[..., Any]) -> None:
    """With `min_words` of 1 even "Да" is one."""
    experiment = project(row("Согласны ли вы с этим?", "Да"), row("вопрос", "ответ"), overlap={"min_words": 1})
    run(experiment, "s")
    assert list(read_counts(CLEANED / "s.parquet")["overlap"]) == ["RuSTSBenchmarkSTS"]


def test_a_task_without_texts_is_a_mistake(project: Callable[..., Any]) -> None:
    """A missing or damaged file of the benchmark never counts as "no overlap"."""
    experiment = project(row("вопрос", "ответ"))
    path = BENCHMARK / "RuBQRetrieval" / "texts.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(Mistake, match=r"RuBQRetrieval/texts\.parquet: damaged"):
        run(experiment, "s")
    path.unlink()
    with pytest.raises(Mistake, match=r"RuBQRetrieval/texts\.parquet: missing"):
        run(experiment, "s")
    assert not (CLEANED / "s.parquet").exists()


def test_a_source_with_nothing_left_is_a_mistake(project: Callable[..., Any]) -> None:
    """The reasons are in the message."""
    with pytest.raises(Mistake, match=r"of 1 rows of s none is left \(1 too long\)"):
        run(project(row("вопрос", "ответ"), max_tokens=5), "s")


def test_equal_inputs_give_equal_bytes(project: Callable[..., Any]) -> None:
    """Two runs write the same file, byte for byte."""
    experiment = project(*(row(f"вопрос {n}", f"ответ {n}", "нет", "иначе", id=f"s:{n}") for n in range(50)))
    sums = set()
    for _ in range(2):
        run(experiment, "s")
        sums.add(sha256(CLEANED / "s.parquet"))
    assert len(sums) == 1
