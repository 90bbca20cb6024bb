"""MEDI, the mixture of English tasks with instructions, in batches of one task each."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from miniature.sets.raw_files import STRING, Files, Row, table
from miniature.world import genres, texts
from miniature.world.world import World

Maker = Callable[[World, int, int], Row]
"""From the world, the row's number and the task's place in MEDI to a row."""


def medi(world: World, rows: int) -> Files:
    """The thirty tasks of the recipe and one of Super-NI: three with all rows, the others with a few.

    Dirt: rows without instruction (lists of one), an empty text, a number for a text.
    """
    batches: list[list[Row]] = []
    for place, (name, maker) in enumerate(TASKS.items()):
        size = rows if name in LARGE else rows // 8
        task = [{**maker(world, index, place), "task_name": name} for index in range(size)]
        if name in LARGE:
            task[5] = {**task[5], "query": task[5]["query"][1:]}
            task[6] = {**task[6], "pos": task[6]["pos"][1:], "neg": task[6]["neg"][1:]}
            task += [{**task[7], "pos": [task[7]["pos"][0], ""]}, {**task[8], "query": [task[8]["query"][0], "1984"]}]
        batches += [task[start : start + 16] for start in range(0, len(task), 16)]
    world.random("medi", "batches").shuffle(batches)
    texts_of = pa.list_(STRING)
    columns = {"query": texts_of, "pos": texts_of, "neg": texts_of, "task_name": STRING}
    return {"data/train-00000-of-00001.parquet": table([row for batch in batches for row in batch], columns)}


def _question(world: World, index: int, place: int) -> Row:
    facts = world.facts("train")
    fact = facts[(index * 3 + place * 101) % len(facts)]
    subject = fact.subject
    passage = texts.passage(world, subject, 40 + place)
    answer = texts.statement(fact, index).en
    others = [other for other in world.facts_of(subject) if other.relation != fact.relation]
    wrong = texts.statement(others[index % len(others)], index).en
    return _instructed(
        "Represent the question for retrieving the answer: ", texts.question(fact, index).en,
        "Represent the answer for retrieval: ", f"{answer} {passage.en}" if index % 2 else answer, wrong,
    )  # fmt: skip


def _news(world: World, index: int, place: int) -> Row:
    news = genres.news(world, "train", 60 * (place - 15) + index)
    other = genres.news(world, "train", index + len(genres.RUBRICS) * (50 + place))
    return _instructed(
        "Represent the news title for retrieving its body: ", news.headline.en,
        "Represent the news body for retrieval: ", news.body.en, other.body.en,
    )  # fmt: skip


def _inference(world: World, index: int, _place: int) -> Row:
    entities = world.entities("train")
    passage = texts.passage(world, entities[index * 5 % len(entities)], 50 + index // len(entities), 2)
    stated = passage.facts[0]
    return _instructed(
        "Represent the premise: ", passage.en, "Represent the hypothesis: ", texts.statement(stated, index).en,
        texts.contradicted(world, stated, index).en,
    )  # fmt: skip


def _abstract(world: World, index: int, place: int) -> Row:
    paper, other = (genres.abstract(world, "train", 60 * place + index + far) for far in (0, 12))
    return _instructed(
        "Represent the title: ", paper.title.en, "Represent the abstract: ", paper.body.en, other.body.en
    )


def _review(world: World, index: int, _place: int) -> Row:
    first, same, other = (genres.review(world, "train", "product", 5 * index + step) for step in (0, 5, 4))
    return _instructed("Represent the review: ", first.en, "Represent the review: ", same.en, other.en)


def _again(world: World, index: int, place: int) -> Row:
    facts = world.facts("train")
    fact = facts[(index * 5 + place * 31) % len(facts)]
    others = [other for other in world.facts_of(fact.subject) if other.relation != fact.relation]
    wrong = texts.question(others[index % len(others)]).en
    return _instructed("", texts.question(fact, 0).en, "", texts.question(fact, 1).en, wrong)


def _advice(world: World, index: int, place: int) -> Row:
    advice = genres.advice(world, "train", 80 * place + index)
    return _instructed(
        "Represent the problem: ", advice.title.en, "Represent the solution: ", advice.answer.en, advice.beside.en
    )


def _statement(world: World, index: int, place: int) -> Row:
    facts = world.facts("train")
    fact = facts[(index * 7 + place * 43) % len(facts)]
    wrong = texts.contradicted(world, fact, index).en
    first, second = (texts.statement(fact, index + step).en for step in (0, 1))
    return _instructed("Represent the sentence: ", first, "Represent the sentence: ", second, wrong)


def _instructed(asks: str, query: str, tells: str, positive: str, negative: str) -> Row:
    return {"query": [asks, query], "pos": [tells, positive], "neg": [tells, negative]}


TASKS: dict[str, Maker] = {
    **dict.fromkeys(
        (
            "msmarco", "amazon-qa", "fever", "NQ", "triviaqa", "hotpotqa", "medmcqa", "trex", "eli5", "gooaq_pairs",
            "PAQ", "squad_pairs", "zeroshot", "yahoo_answers_title_answer", "wow",
        ),
        _question,
    ),
    "agnews": _news,
    "amazon_review_2018": _review,
    "S2ORC_title_abstract": _abstract,
    "pubmedqa": _abstract,
    "xsum": _news,
    "ccnews_title_text": _news,
    "npr": _news,
    "wikihow": _advice,
    "code_search_net": _advice,
    "AllNLI": _inference,
    "specter": _abstract,
    "flickr30k_captions": _statement,
    "stackexchange_duplicates": _again,
    "WikiAnswers": _again,
    "SimpleWiki": _statement,
    "task001_question_rewriting": _again,
}  # fmt: skip
"""What makes a row of each task. Names other than those that MEDI's authors tell of are guesses."""
LARGE = ("gooaq_pairs", "agnews", "AllNLI")
"""Tasks with all rows."""
