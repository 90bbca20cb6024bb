"""Training sources of sentence pairs: inference, translation, paraphrase; and MEDI, the mixture of English tasks."""

from __future__ import annotations

from itertools import count
from random import Random

import pyarrow as pa

from rosberta.miniature import genres, texts
from rosberta.miniature.grammar import sentence
from rosberta.miniature.planted import overlap
from rosberta.miniature.raw_files import INT, STRING, Files, Row, scattered, table
from rosberta.miniature.texts import Inference
from rosberta.miniature.world import Fact, Text, World

LABELS = ("entailment", "neutral", "contradiction")
REST = 21
"""Rows of a split beyond ``train``."""
LEADS = ("известно, что {}", "по данным справочника, {}", "как рассказывают, {}")
"""What a paraphrase may put before a statement."""


def xnli(world: World, rows: int) -> Files:
    """Inference in Russian and English, the same rows in both, as XNLI.

    Dirt: labels of -1, an empty hypothesis, a repeated row. Planted: half of the Russian inferences.
    """
    files: Files = {}
    columns = {"premise": STRING, "hypothesis": STRING, "label": INT}
    features = {
        "premise": {"dtype": "string", "_type": "Value"},
        "hypothesis": {"dtype": "string", "_type": "Value"},
        "label": {"names": list(LABELS), "_type": "ClassLabel"},
    }
    items = [texts.inference(world, "train", index) for index in range(rows + 2 * REST)]
    for language in ("en", "ru"):
        made = [_judged(item, language) for item in items]
        dirt = [{**made[0], "label": -1}, {**made[1], "hypothesis": ""}, made[2], {**made[4], "label": -1}]
        if language == "ru":
            dirt += [_judged(item, language) for item in overlap(world).inferences[:3]]
        splits = {
            "train": scattered(made[:rows], dirt, world.random("xnli", "dirt")),
            "validation": made[rows : rows + REST],
            "test": made[rows + REST :],
        }
        for split, content in splits.items():
            files[f"{language}/{split}-00000-of-00001.parquet"] = table(content, columns, features)
    return files


def ru_wanli(world: World, rows: int) -> Files:
    """Russian inference with labels in words, as ru-WANLI; most premises have one row only.

    Dirt: an unknown label, none, a repeated row. Planted: the other half of the inferences.
    """
    # of the three inferences on a premise two are left, the entailed one among them, or the entailed one alone
    start = 3 * (len(world.facts("train")) // 2)
    chosen = [index for index in range(start, start + 2 * rows + 6 * REST) if index % 3 == 0 or index % 6 in (2, 4)]
    items = [texts.inference(world, "train", index) for index in chosen[: rows + 2 * REST]]
    made = [{**_judged(item, "ru"), "label": LABELS[item.label]} for item in items]
    planted = [{**_judged(item, "ru"), "label": LABELS[item.label]} for item in overlap(world).inferences[3:]]
    dirt = [{**made[0], "label": "-"}, {**made[3], "label": None}, made[2]]
    columns = dict.fromkeys(("premise", "hypothesis", "label"), STRING)
    return {
        "data/train.parquet": table(scattered(made[:rows], planted + dirt, world.random("ru_wanli", "dirt")), columns),
        "data/val.parquet": table(made[rows : rows + REST], columns),
        "data/test.parquet": table(made[rows + REST :], columns),
    }


def ru_hnp(world: World, rows: int) -> Files:
    """A sentence with paraphrases and sentences that only look like it, as ru-HNP: five and five, sometimes fewer.

    Dirt: no positives, None among the negatives, a repeated row. Planted: the similarity pairs.
    """
    facts = _from(world, "train", 0.25, rows + 2 * REST)
    made: list[Row] = []
    for index, fact in enumerate(facts):
        positives = [texts.statement(fact, index + place).ru for place in (1, 2)]
        positives += [sentence(lead.format(texts.clause(fact, index + place).ru)) for place, lead in enumerate(LEADS)]
        negatives = [texts.contradicted(world, fact, index + place).ru for place in range(3)]
        negatives += [texts.neutral(world, fact, index + place).ru for place in range(2)]
        if index % 8 == 0:
            positives.pop()
        made.append({"query": texts.statement(fact, index).ru, "pos": positives, "neg": negatives})
    planted: list[Row] = []
    for pair in overlap(world).pairs:
        alike = pair.score > 3
        other = texts.pair(world, "train", 0).b.ru
        again = f"Верно следующее: {pair.a.ru}"
        positive, negative = (pair.b.ru, other) if alike else (again, pair.b.ru)
        planted.append({"query": pair.a.ru, "pos": [positive], "neg": [negative]})
    dirt: list[Row] = [
        {**made[0], "pos": []},
        {**made[1], "neg": [None, *made[1]["neg"][1:]]},
        made[2],
        {**made[3], "query": ""},
    ]
    columns = {"query": STRING, "pos": pa.list_(STRING), "neg": pa.list_(STRING)}
    return {
        "train.parquet": table(scattered(made[:rows], planted + dirt, world.random("ru_hnp", "dirt")), columns),
        "val.parquet": table(made[rows : rows + REST], columns),
        "test.parquet": table(made[rows + REST :], columns),
    }


def opus100(world: World, rows: int) -> Files:
    """English sentences with their Russian translations, as OPUS-100.

    Dirt: an empty side, a side that is no translation, an untranslated one, a repeated row. Planted: abstracts.
    """
    made = [_translation(text) for text in _bitexts(world, "opus100", rows + 2 * REST)]
    papers = overlap(world).abstracts
    planted = [_translation(text) for paper in papers for text in (paper.title, paper.body)]
    dirt = [
        _translation(Text("", made[0]["translation"]["en"])),
        _translation(Text(made[1]["translation"]["ru"], " ")),
        _translation(Text("- Да.", made[2]["translation"]["en"])),
        _translation(Text(made[3]["translation"]["en"], made[3]["translation"]["en"])),
        made[4],
    ]
    columns = {"translation": pa.struct({"en": STRING, "ru": STRING})}
    features = {"translation": {"languages": ["en", "ru"], "_type": "Translation"}}
    splits = {
        "train": scattered(made[:rows], planted + dirt, world.random("opus100", "dirt")),
        "validation": made[rows : rows + REST],
        "test": made[rows + REST :],
    }
    return {
        f"en-ru/{split}-00000-of-00001.parquet": table(content, columns, features) for split, content in splits.items()
    }


def talks(world: World, rows: int) -> Files:
    """Lines of talks in English and Russian, as the parallel sentences of TED.

    Dirt: None, a repeated row. Planted: news.
    """
    made: list[Row] = [{"english": text.en, "non_english": text.ru} for text in _bitexts(world, "talks", rows + REST)]
    news = [text for item in overlap(world).news[3:] for text in (item.headline, item.body)]
    planted: list[Row] = [{"english": text.en, "non_english": text.ru} for text in news]
    dirt: list[Row] = [{**made[0], "non_english": None}, made[1], {**made[2], "english": ""}]
    columns = {"english": STRING, "non_english": STRING}
    return {
        "en-ru/train-00000-of-00001.parquet": table(
            scattered(made[:rows], planted + dirt, world.random("talks", "dirt")), columns
        ),
        "en-ru/dev-00000-of-00001.parquet": table(made[rows:], columns),
    }


def dino(world: World, rows: int) -> Files:
    """English sentence pairs with the likeness that a language model was asked for: 0.9, 0.5 or 0.1; and unrelated 0.

    Dirt: an empty side, a repeated row.
    """
    made = []
    facts = _from(world, "train", 0.5, rows // 3 + 1)
    for index, fact in enumerate(facts):
        first = texts.statement(fact, index).en
        related = texts.neutral(world, fact, index)
        far = facts[(index + 7) % len(facts)]
        same, other = texts.statement(fact, index + 1), texts.contradicted(world, fact, index)
        likes = [(same.en, 0.9), (related.en, 0.5), (other.en, 0.1)]
        if index % 4 == 0:
            likes.append((texts.statement(far, index).en, 0.0))
        made += [{"text_a": first, "text_b": second, "label": label} for second, label in likes]
    made = made[:rows]
    dirt = [{**made[0], "text_b": ""}, made[3]]
    return {"sts-dino-x1x2-postprocessed.jsonl": scattered(made, dirt, world.random("dino", "dirt"))}


def medi(world: World, rows: int) -> Files:
    """English tasks with instructions, in batches of one task, as MEDI: three with all rows and six with a few.

    Dirt: rows without instruction (lists of one), an empty text, a number for a text.
    """
    makers = {
        "gooaq_pairs": (_gooaq, rows), "agnews": (_agnews, rows), "AllNLI": (_allnli, rows),
        "squad_pairs": (_gooaq, rows // 8), "msmarco": (_gooaq, rows // 8), "S2ORC_title_abstract": (_s2orc, rows // 8),
        "amazon_review_2018": (_reviews, rows // 8), "WikiAnswers": (_wikianswers, rows // 8),
        "task001_question_rewriting": (_wikianswers, rows // 8),
    }  # fmt: skip
    batches: list[list[Row]] = []
    for place, (name, (maker, size)) in enumerate(makers.items()):
        task = [{**maker(world, index, place), "task_name": name} for index in range(size)]
        if size == rows:
            task[5] = {**task[5], "query": task[5]["query"][1:]}
            task[6] = {**task[6], "pos": task[6]["pos"][1:], "neg": task[6]["neg"][1:]}
            task += [{**task[7], "pos": [task[7]["pos"][0], ""]}, {**task[8], "query": [task[8]["query"][0], "1984"]}]
        batches += [task[start : start + 16] for start in range(0, len(task), 16)]
    world.random("medi", "batches").shuffle(batches)
    texts_of = pa.list_(STRING)
    columns = {"query": texts_of, "pos": texts_of, "neg": texts_of, "task_name": STRING}
    return {"data/train-00000-of-00001.parquet": table([row for batch in batches for row in batch], columns)}


def _gooaq(world: World, index: int, place: int) -> Row:
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


def _agnews(world: World, index: int, place: int) -> Row:
    news = genres.news(world, "train", index)
    other = genres.news(world, "train", index + len(genres.RUBRICS) * (50 + place))
    return _instructed(
        "Represent the news title for retrieving its body: ", news.headline.en,
        "Represent the news body for retrieval: ", news.body.en, other.body.en,
    )  # fmt: skip


def _allnli(world: World, index: int, _place: int) -> Row:
    entities = world.entities("train")
    passage = texts.passage(world, entities[index * 5 % len(entities)], 50 + index // len(entities), 2)
    stated = passage.facts[0]
    return _instructed(
        "Represent the premise: ", passage.en, "Represent the hypothesis: ", texts.statement(stated, index).en,
        texts.contradicted(world, stated, index).en,
    )  # fmt: skip


def _s2orc(world: World, index: int, _place: int) -> Row:
    paper, other = (genres.abstract(world, "train", index + far) for far in (0, 12))
    return _instructed(
        "Represent the title: ", paper.title.en, "Represent the abstract: ", paper.body.en, other.body.en
    )


def _reviews(world: World, index: int, _place: int) -> Row:
    first, same, other = (genres.review(world, "train", "product", 5 * index + step) for step in (0, 5, 4))
    return _instructed("Represent the review: ", first.en, "Represent the review: ", same.en, other.en)


def _wikianswers(world: World, index: int, place: int) -> Row:
    facts = world.facts("train")
    fact = facts[(index * 5 + place * 31) % len(facts)]
    others = [other for other in world.facts_of(fact.subject) if other.relation != fact.relation]
    wrong = texts.question(others[index % len(others)]).en
    return _instructed("", texts.question(fact, 0).en, "", texts.question(fact, 1).en, wrong)


def _instructed(asks: str, query: str, tells: str, positive: str, negative: str) -> Row:
    return {"query": [asks, query], "pos": [tells, positive], "neg": [tells, negative]}


def _judged(item: Inference, language: str) -> Row:
    return {
        "premise": getattr(item.premise, language),
        "hypothesis": getattr(item.hypothesis, language),
        "label": item.label,
    }


def _translation(text: Text) -> Row:
    return {"translation": {"en": text.en, "ru": text.ru}}


def _from(world: World, pool: str, share: float, number: int) -> list[Fact]:
    """So many facts of a pool from a share of it on, wrapping around."""
    facts = world.facts(pool)
    start = int(share * len(facts))
    return [facts[(start + step) % len(facts)] for step in range(number)]


def _bitexts(world: World, source: str, number: int) -> list[Text]:
    """Sentences, questions, news and comments in both languages, each Russian text once."""
    random = world.random("bitexts", source)
    facts = list(world.facts("train"))
    random.shuffle(facts)
    base = random.randrange(10_000)
    made: dict[str, Text] = {}
    for index in count():
        text = _bitext(world, facts[index % len(facts)], base + index, random)
        made.setdefault(text.ru, text)
        if len(made) == number:
            break
    return list(made.values())


def _bitext(world: World, fact: Fact, index: int, random: Random) -> Text:
    shape = index % 6
    if shape == 0:
        comment = genres.comment(world, "train", index)
        return Text(comment.ru, comment.en)
    if shape == 1:
        return genres.news(world, "train", index).headline
    if shape == 2:
        question = texts.question(fact, random.randrange(2))
        return Text(question.ru, question.en)
    return texts.statement(fact, random.randrange(3))
