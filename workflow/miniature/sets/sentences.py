"""Training sources of sentence pairs: inference, translation, paraphrase."""

from __future__ import annotations

from itertools import count
from random import Random

import pyarrow as pa

from miniature.language.grammar import sentence
from miniature.sets.planted import overlap
from miniature.sets.raw_files import INT, STRING, Files, Row, scattered, table
from miniature.world import genres, texts
from miniature.world.texts import Inference
from miniature.world.world import Fact, Text, World

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
    made = [_translation(text) for text in bitexts(world, "opus100", rows + 2 * REST)]
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
    made: list[Row] = [{"english": text.en, "non_english": text.ru} for text in bitexts(world, "talks", rows + REST)]
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


def bitexts(world: World, source: str, number: int) -> list[Text]:
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
