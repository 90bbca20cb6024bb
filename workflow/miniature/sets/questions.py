"""Training sources of questions and what answers them, with the dirt that the real sets have."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import count, islice

import pyarrow as pa

from miniature.sets.planted import overlap
from miniature.sets.raw_files import STRING, Files, Row, scattered, table
from miniature.world import genres, texts
from miniature.world.texts import Passage, Question
from miniature.world.world import Entity, World

TRIPLET_NEGATIVES = 100
"""Negatives a row of the triplet sets."""
REST = 20
"""Rows of a split beyond ``train``."""


def sberquad(world: World, rows: int) -> Files:
    """Questions on passages, several to one, as SberQuAD; the answers of ``test`` are empty.

    Dirt: an empty question, none, a blank context, a repeated row. Planted: half of the questions, with their passages.
    """
    pairs = [_quad_row(question, passage) for question, passage in islice(asked(world, "sberquad"), rows + 2 * REST)]
    planted = [_quad_row(question, passage) for question, passage in overlap(world).questions[:3]]
    dirt = [{**pairs[0], "question": ""}, {**pairs[1], "context": "   "}, pairs[2], {**pairs[3], "question": None}]
    blank = {"text": [""], "answer_start": [-1]}
    splits = {
        "train": scattered(pairs[:rows], planted + dirt, world.random("sberquad", "dirt")),
        "validation": pairs[rows : rows + REST],
        "test": [{**row, "answers": blank} for row in pairs[rows + REST :]],
    }
    columns = {
        "id": pa.int32(), "title": STRING, "context": STRING, "question": STRING,
        "answers": pa.struct({"text": pa.list_(STRING), "answer_start": pa.list_(pa.int32())}),
    }  # fmt: skip
    files: Files = {}
    for split, content in splits.items():
        numbered = [{**row, "id": place, "title": "SberChallenge"} for place, row in enumerate(content, start=1000)]
        files[f"sberquad/{split}-00000-of-00001.parquet"] = table(numbered, columns)
    return files


def wikiomnia(world: World, rows: int) -> Files:
    """Generated questions on the summaries of articles, as WikiOmnia's ruT5 part, and a bit of its raw part.

    Dirt: None, the string ``nan``, an empty answer, repeated rows. Planted: the other half of the questions.
    """
    pairs = [_omnia_row(*pair, place) for place, pair in enumerate(islice(asked(world, "wikiomnia"), rows + REST))]
    planted = [_omnia_row(*pair, 0) for pair in overlap(world).questions[3:]]
    dirt: list[Row] = [
        {**pairs[0], "question": None}, {**pairs[1], "summary": None}, {**pairs[2], "question": "nan"},
        {**pairs[3], "answer": ""}, pairs[4], pairs[4], pairs[5], {**pairs[6], "categories": None},
    ]  # fmt: skip
    train = scattered(pairs[:rows], planted + dirt, world.random("wikiomnia", "dirt"))
    return {
        "dummy/wikiomnia_ruT5_filtered/wikiomnia_ruT5_filtered_train.json": train,
        "dummy/wikiomnia_ruT5_raw/wikiomnia_ruT5_raw_dev.json": pairs[rows:],
    }


def query2doc(world: World, rows: int) -> Files:
    """English questions with documents that a language model imagined: on the matter, in another tone.

    Dirt: an empty document, a repeated row. Splits beyond train are small.
    """
    made = []
    for place, (question, passage) in enumerate(islice(asked(world, "query2doc", variant=5), rows + 2 * REST)):
        query = question.en.rstrip("?").lower()
        answer = texts.statement(question.fact, place + 1).en
        made.append({"query_id": str(300000 + 17 * place), "query": query, "pseudo_doc": f"{answer} {passage.en}"})
    dirt = [{**made[0], "pseudo_doc": ""}, made[1], {**made[2], "query": " "}]
    return {
        "train.jsonl": scattered(made[:rows], dirt, world.random("query2doc", "dirt")),
        "dev.jsonl": made[rows : rows + REST],
        "test.jsonl": made[rows + REST :],
    }


def habr_qna(world: World, rows: int) -> Files:
    """Technical questions as on Habr Q&A: HTML bodies, tags, several answers of which one may be accepted.

    Dirt: no description, no answers, an empty title, complexities and dates left out, a repeated row. Planted: news.
    """
    random = world.random("habr_qna")
    made = []
    for index in range(rows):
        advice = genres.advice(world, "train", index)
        other = genres.advice(world, "train", index + rows)
        accepted = index % 3 != 0
        answers = [_answer(10 * index + 1, advice.answer.ru, accepted, random.randrange(2, 20))]
        if index % 4 == 0:
            # an answer to another problem, without votes, may stand before the good one
            answers.insert(0, _answer(10 * index + 2, advice.beside.ru, False, random.randrange(-2, 2)))
        if index % 5 == 0:
            answers.append(_answer(10 * index + 3, f"{other.answer.ru} Хотя не уверен & <не> проверял.", False, 0))
        made.append(_habr_row(index, advice.title.ru, _html(advice.body.ru, index), [advice.tag, "техника"], answers))
    for index, news in enumerate(overlap(world).news[:3]):
        good = [_answer(index, news.body.ru, True, 5)]
        made.append(_habr_row(rows + index, news.headline.ru, f"<p>{news.body.ru}</p>", ["новости"], good))
    dirt = [
        {**made[0], "description": ""}, {**made[1], "answers": []}, {**made[2], "title": ""},
        {**made[3], "description": None}, made[4], {**made[5], "answers": [_answer(1, None, True, 3)]},
    ]  # fmt: skip
    return {"questions.jsonl.zst": scattered(made, dirt, random)}


def triplets(world: World, rows: int, name: str, languages: tuple[str, ...] = ("ru", "en")) -> Files:
    """Questions, an answering passage and a hundred that do not answer, as the sets mined from MIRACL and Mr. TyDi.

    The negatives begin with passages on the same kind of thing, as word overlap would rank them. These sets are the
    smallest of the recipe, so they have half of the rows. Dirt: a repeated row, an empty anchor.
    """
    size = rows // 2
    chosen = list(islice(asked(world, name, variant=9 if name == "miracl" else 13), size * 3))[::3]
    bank = [texts.passage(world, entity, 21, 2) for entity in _in_order(world, name)]
    files: Files = {}
    columns = ["anchor", "positive", *(f"negative_{place}" for place in range(1, TRIPLET_NEGATIVES + 1))]
    for language in languages:
        made = []
        for question, passage in chosen:
            subject = question.fact.subject
            near = [other for other in bank if other.facts[0].subject != subject]
            near.sort(key=lambda other: other.facts[0].subject.kind != subject.kind)
            row = {"anchor": getattr(question, language), "positive": getattr(passage, language)}
            row |= {name: getattr(other, language) for name, other in zip(columns[2:], near, strict=False)}
            made.append(row)
        made = scattered(made, [made[0], {**made[1], "anchor": ""}], world.random(name, language, "dirt"))
        files[f"{language}-triplet-100/train-00000-of-00001.parquet"] = table(made, dict.fromkeys(columns, STRING))
    return files


def _in_order(world: World, source: str) -> list[Entity]:
    """The things of the training pool in an order of the source's own, so that sources overlap but are not alike."""
    entities = list(world.entities("train"))
    world.random("order", source).shuffle(entities)
    return entities


def asked(world: World, source: str, variant: int = 0) -> Iterator[tuple[Question, Passage]]:
    """Questions with the passages that answer them, without end: all questions of one passage after another."""
    entities = _in_order(world, source)
    for turn in count(variant):
        for entity in entities:
            passage = texts.passage(world, entity, turn)
            for place, fact in enumerate(passage.facts):
                yield texts.question(fact, entity.index + place), passage


def _quad_row(question: Question, passage: Passage) -> Row:
    """SberQuAD's answer is a piece of the context: the first form of the value that occurs there."""
    found = [form for form in question.fact.value.forms if form in passage.ru]
    answer = found[0] if found else question.answer.ru
    answers = {"text": [answer], "answer_start": [passage.ru.find(answer)]}
    return {"context": passage.ru, "question": question.ru, "answers": answers}


def _omnia_row(question: Question, passage: Passage, place: int) -> Row:
    return {
        "title": passage.title.ru, "categories": question.fact.subject.noun.ru.capitalize(), "summary": passage.ru,
        "question": question.ru, "answer": question.answer.ru, "batch_id": str(place // 100),
    }  # fmt: skip


def _habr_row(id: int, title: str, description: str | None, tags: list[str], answers: list[Row]) -> Row:
    return {
        "id": 100000 + id, "author": f"user{id % 37}", "title": title, "description": description, "tags": tags,
        "posted_at": None if id % 9 == 0 else f"2022-{id % 12 + 1:02d}-{id % 28 + 1:02d}T10:00:00Z",
        "view_count": 12 * (id % 90), "subscribers_count": id % 6,
        "complexity": ("", "Простой", "Средний", "Сложный")[id % 4], "complexity_votes": id % 3,
        "comments": [] if id % 7 else [{"author": "user1", "posted_at": None, "body": "Уточните модель."}],
        "answers": answers,
    }  # fmt: skip


def _answer(id: int, body: str | None, accepted: bool, votes: int) -> Row:
    html = None if body is None else f"<p>{escape(body, quote=False)}</p>"
    return {
        "id": 500000 + id, "author": f"user{id % 41}", "posted_at": None, "body": html, "accepted": accepted,
        "upvote_count": votes, "comments": [],
    }  # fmt: skip


def _html(text: str, index: int) -> str:
    """A body as a forum's editor leaves it."""
    parts = text.split(". ", 1)
    shape = index % 3
    if shape == 0 or len(parts) == 1:
        return f"<p>{text}</p>"
    if shape == 1:
        return f"{parts[0]}.<br>\n{parts[1]}<br/><br/>"
    return f"<p>{parts[0]}.</p>\n<pre><code>status --all | grep &quot;error&quot;</code></pre><p>{parts[1]}&nbsp;</p>"
