"""The report counts the documents of a task that were trained on as a plain count over the rows themselves would."""

from __future__ import annotations

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta.corpus.indexing import build, texts_of, write_documents
from rosberta.corpus.rules import Rules, clean
from rosberta.corpus.seen import Listing, corpora, seen
from rosberta.experiment.corpus import Deduplicate, Overlap
from rosberta.frame.artifacts import (
    BENCHMARK,
    CLEANED,
    COLLECTED,
    DEDUPLICATED,
    DOCUMENTS,
    DUPLICATES,
    INDEX,
    REMOVED,
    SEEN,
    mined,
)
from rosberta.frame.rows import read_rows, write_rows
from rosberta.report.seen import documents, searched
from rosberta.stages import deduplicate
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal
from support.texts import row

MIXTURES = {"one": ["a"], "both": ["a", "b"], "all": ["a", "b", "c"], "twins": ["c", "d"]}
CORPORA = {
    "Titles": [f"Документ номер {n}." for n in range(40)] + [f"Редкий документ {n}" for n in range(10)],
    "Cities": [f"документ НОМЕР {n}" for n in range(30, 60)] + ["Город", "город!", "—"],
}


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Sources with copies of documents, and of each other's rows, cleaned and deduplicated under a cap."""
    monkeypatch.chdir(tmp_path)
    for folder in (COLLECTED, CLEANED, REMOVED, SEEN, DOCUMENTS, INDEX / "documents"):
        folder.mkdir(parents=True)
    for task, texts in CORPORA.items():
        pq.write_table(
            pa.table({"text": texts, "titled": pa.nulls(len(texts), pa.string())}), DOCUMENTS / f"{task}.parquet"
        )
    write_documents(["Cities", "Titles", "Without"], INDEX / "documents")
    chance = random.Random(0)

    def text() -> str:
        number = chance.randrange(120)
        return chance.choice(["документ номер {}", "«Документ», номер {}!", "Другой текст {}"]).format(number)

    anchors = [f"Вопрос о том, что стоит в тексте под номером {n}" for n in range(40)]
    for name in "abcd":
        rows = [row(chance.choice(anchors), text(), text(), text(), id=f"{name}:{n}") for n in range(60)]
        # What other sources say, too, the other way round, and once more with another negative.
        rows += [row(f"Вопрос {n}", f"Документ номер {n}", text(), id=f"{name}:{60 + n}") for n in range(15)]
        rows += [
            {**row(*sides, text(), id=f"{name}:{75 + n}{side}"), "prefix": "classification"}
            for n in range(15)
            for side, sides in enumerate([(f"Слово {n}", f"Документ {n}"), (f"Документ {n}", f"Слово {n}")])
        ]
        rows += [{**each, "id": f"{each['id']}+", "negatives": [text()]} for each in rows[:20]]
        write_rows(COLLECTED / f"{name}.parquet", rows, {})
        listing = Listing(SEEN / f"{name}.parquet", corpora(INDEX))
        rules = Rules(min_characters=1, overlong=lambda _: set(), overlap=lambda _: {}, seen=listing.add)
        clean(*(folder / f"{name}.parquet" for folder in (COLLECTED, CLEANED, REMOVED)), rules)
        listing.close()
    sources = {name: SimpleNamespace(cap=50, group="basic_russian") for name in "abcd"}
    made = SimpleNamespace(
        deduplicate=Deduplicate(similarity=None),
        collect=SimpleNamespace(sources=sources, cap=100, seed=0),
        mixtures=dict.fromkeys(MIXTURES),
        sources_of=MIXTURES.__getitem__,
        drawn_from=lambda _: {},
        plans_of=lambda _: ["mine"],
        benchmark=SimpleNamespace(tasks=dict.fromkeys(CORPORA)),
    )
    deduplicate.run(made)
    return made


def held(name: str) -> set[str]:
    """The normal forms of all that the deduplicated rows of a source train on."""
    rows: list[dict[str, Any]] = read_rows(DEDUPLICATED / f"{name}.parquet").to_pylist()
    return {normal(text) for each in rows for text in (each["anchor"], each["positive"], *each["negatives"])}


def test_documents_are_counted_as_one_by_one(experiment: SimpleNamespace) -> None:
    """By mixture and by source; a copy that gave its negatives to the row that is kept counts, a row over a cap not."""
    cleaned = {text for name in "abcd" for each in read_rows(CLEANED / f"{name}.parquet").to_pylist()
               for text in map(normal, (each["positive"], *each["negatives"]))}  # fmt: skip
    found = {each.task: each for each in searched(experiment)}
    assert set(found) == set(CORPORA)
    for task, texts in CORPORA.items():
        forms = {form for text in texts if (form := normal(text))}
        assert found[task].documents == len(forms)
        for mixture, sources in MIXTURES.items():
            assert found[task].by_mixture[mixture] == len(forms & set().union(*map(held, sources))), (task, mixture)
        assert sum(found[task].by_source[name] > 0 for name in "abcd") == 4
        assert found[task].by_mixture["all"] < len(forms & cleaned)
    table = documents(list(found.values()), experiment)
    assert [line.values[:2] for line in table.rows] == [("Cities", 31), ("Titles", 50)]


def test_documents_that_were_mined_from_other_sources_are_counted(experiment: SimpleNamespace) -> None:
    """Of the minings that a mixture chooses, and under the source whose negatives they are: as a plain count has it."""
    corpus = [row(text, "", id=f"t:{n}") | {"positive": None} for n, text in enumerate(CORPORA["Titles"][::-1])]
    write_rows(DEDUPLICATED / "t.parquet", corpus, {})
    pq.write_table(pq.read_table(DUPLICATES / "a.parquet").slice(0, 0), DUPLICATES / "t.parquet")
    listing = Listing(SEEN / "t.parquet", corpora(INDEX))
    for each in corpus:
        listing.add(each, {each["anchor"]: normal(each["anchor"])})
    listing.close()
    kept = read_rows(DEDUPLICATED / "a.parquet").to_pylist()
    negatives: dict[str, set[str]] = {}
    for mining, start in (("mine", 0), ("hard", 7)):
        texts = [each["anchor"] for each in corpus[start : start + 25]] + ["Ничей текст"]
        mined("a", mining).parent.mkdir(parents=True, exist_ok=True)
        rows = [{**each, "negatives": [*each["negatives"], texts[n % 26]]} for n, each in enumerate(kept)]
        write_rows(mined("a", mining), rows, {})
        negatives[mining] = {normal(text) for each in rows for text in each["negatives"]}
    before = {each.task: each for each in searched(experiment)}
    experiment.drawn_from = lambda name: {"mine": ["t"], "hard": ["t"]} if name == "a" else {}
    experiment.plans_of = lambda name: ["hard"] if name == "both" else ["mine"]
    experiment.collect.sources["t"] = SimpleNamespace(cap=None, group="texts")
    for each in searched(experiment):
        forms = {form for text in CORPORA[each.task] if (form := normal(text))}
        for mixture, sources in MIXTURES.items():
            texts = negatives[experiment.plans_of(mixture)[0]] if "a" in sources else set()
            own = set().union(*map(held, sources))
            assert each.by_mixture[mixture] == len(forms & (own | texts)), (each.task, mixture)
        assert each.by_source["a"] == len(forms & (held("a") | negatives["mine"] | negatives["hard"]))
    assert each.task == "Titles"
    assert each.by_mixture["one"] > before["Titles"].by_mixture["one"]


def test_a_document_with_a_title_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its title, as models read it, and without: the same document, and what is counted stays."""
    monkeypatch.chdir(tmp_path)
    for folder in (SEEN, DOCUMENTS, INDEX / "documents"):
        folder.mkdir(parents=True)
    columns = {
        "text": ["Через реку.", "через реку", "Второй", None, "!", "Путь через реку"],
        "titled": ["Мост Через реку.", "Путь через реку", None, None, "Знак !", "Ещё Путь через реку"],
    }
    pq.write_table(pa.table(columns), DOCUMENTS / "T.parquet")
    assert write_documents(["T"], INDEX / "documents") == {"T": 3}
    listing = Listing(SEEN / "s.parquet", corpora(INDEX))
    texts = ["Мост. Через реку!", "путь через реку", "через реку", "Второй", "Мост", "Знак", "Мост второй"]
    for number, text in enumerate(texts):
        listing.add(row(text, "да", "Через реку" if number == 0 else "нет", id=f"s:{number}"),
                    {each: normal(each) for each in (text, "да", "нет", "Через реку")})  # fmt: skip
    listing.close()
    forms = ["через реку", "путь через реку", "через реку", "второй"]
    told = [(each["id"], each["document"]) for each in pq.read_table(SEEN / "s.parquet").to_pylist()]
    assert told == [(f"s:{n}", hash_text(form)) for n, form in enumerate(forms)]
    assert len(seen(SEEN / "s.parquet", [id for id, _ in told])["T"]) == 3


def test_distractors_are_test_texts_where_they_are_asked_for(experiment: SimpleNamespace, tmp_path: Path) -> None:
    """All documents that a task searches, beside what it is scored on."""
    for task in CORPORA:
        (BENCHMARK / task).mkdir(parents=True)
        pq.write_table(pa.table({"text": ["Кто построил мост?"]}), BENCHMARK / task / "texts.parquet")
    assert {form for _, form in texts_of(CORPORA, distractors=False)} == {"кто построил мост"}
    everything = set(texts_of(CORPORA, distractors=True))
    assert {form for task, form in everything if task == "Titles"} == {
        "кто построил мост", *map(normal, CORPORA["Titles"])
    }  # fmt: skip
    (tmp_path / "large").mkdir()
    assert build(everything, Overlap(), tmp_path / "large") == 71
