"""Texts with a label, several labels, or a cluster."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

from miniature.benchmark.layout import Files, readme
from miniature.sets.raw_files import INT, STRING, Row, table
from miniature.world import genres
from miniature.world.world import World

Make = Callable[[str, int], Row]
"""Makes the row of a pool and an index."""

TRAIN_PER_CLASS = 16
"""Training rows of a class: twice what a classifier of mteb is trained on."""


def eval_size(rows: int, classes: int) -> int:
    """Rows of an evaluation split: half of a training source, but two for every class."""
    return max(rows // 2, 2 * classes)


def _splits(make: Make, rows: int, classes: int, *, validation: bool = False) -> dict[str, list[Row]]:
    """Splits of a set whose class turns with the index; training rows come from another pool than the rest."""
    size = eval_size(rows, classes)
    splits = {"train": [make("probe", index) for index in range(TRAIN_PER_CLASS * classes)]}
    if validation:
        splits["validation"] = [make("test", index) for index in range(size, 2 * size)]
    return splits | {"test": [make("test", index) for index in range(size)]}


def _lines(splits: dict[str, list[Row]]) -> Files:
    return {f"{split}.jsonl": rows for split, rows in splits.items()}


def _tables(splits: dict[str, list[Row]], columns: dict[str, pa.DataType]) -> Files:
    files: Files = {f"data/{split}-00000-of-00001.parquet": table(rows, columns) for split, rows in splits.items()}
    return files | {"README.md": readme({"default": {split: f"data/{split}-*" for split in splits}})}


def georeview(world: World, rows: int) -> Files:
    """Reviews of organisations with one to five stars, counted from 0."""

    def make(pool: str, index: int) -> Row:
        review = genres.review(world, pool, "organisation", index)
        return {"text": review.ru, "label": review.stars - 1, "label_text": str(review.stars)}

    columns = {"text": STRING, "label": INT, "label_text": STRING}
    return _tables(_splits(make, rows, 5, validation=True), columns)


def headline(world: World, rows: int) -> Files:
    """Headlines of news with their rubric."""

    def make(pool: str, index: int) -> Row:
        news = genres.news(world, pool, index)
        return {"text": news.headline.ru, "label": news.rubric, "label_text": genres.RUBRICS[news.rubric]}

    return _lines(_splits(make, rows, len(genres.RUBRICS), validation=True))


def inappropriateness(world: World, rows: int) -> Files:
    """Messages, inappropriate or not."""

    def make(pool: str, index: int) -> Row:
        message = genres.message(world, pool, index)
        return {"text": message.ru, "label": int(message.inappropriate)}

    return _lines(_splits(make, rows, 2, validation=True))


def _sentiment(world: World, domain: str) -> Make:
    def make(pool: str, index: int) -> Row:
        review = genres.review(world, pool, domain, index)
        label = (review.stars > 3) + (review.stars > 2)
        return {"text": review.ru, "label": label, "label_text": ("negative", "neutral", "positive")[label]}

    return make


def kinopoisk(world: World, rows: int) -> Files:
    """Reviews of films: negative, neutral, positive."""
    return _lines(_splits(_sentiment(world, "film"), rows, 5, validation=True))


def ru_reviews(world: World, rows: int) -> Files:
    """Reviews of products: negative, neutral, positive."""
    return _lines(_splits(_sentiment(world, "product"), rows, 5, validation=True))


def massive_intent(world: World, rows: int) -> Files:
    """Utterances with their intent, one file a language."""
    return _massive(world, rows, "intent")


def massive_scenario(world: World, rows: int) -> Files:
    """Utterances with their scenario, one file a language."""
    return _massive(world, rows, "scenario")


def _massive(world: World, rows: int, field: str) -> Files:
    files: Files = {}
    languages = ("en", "ru")
    for language in languages:

        def make(pool: str, index: int, language: str = language) -> Row:
            utterance = genres.utterance(world, pool, index)
            label = getattr(utterance, field)
            text = getattr(utterance, language)
            return {"id": str(index), "label": label, "label_text": label, "text": text, "lang": language}

        for split, content in _splits(make, rows, len(genres.INTENTS), validation=True).items():
            files[f"{split}/{language}.json.gz"] = content
    splits = ("train", "validation", "test")
    configs = {"default": {split: f"{split}/*.json.gz" for split in splits}}
    configs |= {language: {split: f"{split}/{language}.json.gz" for split in splits} for language in languages}
    return files | {"README.md": readme(configs)}


def scibench_grnti(world: World, rows: int) -> Files:
    """Titles with abstracts of papers, and the field of each; both a classification and a clustering are made of it."""
    return _lines(_splits(_paper(world, "field"), rows, len(genres.FIELDS)))


def scibench_oecd(world: World, rows: int) -> Files:
    """Titles with abstracts of papers, and the wider area of each; other papers than in the other set."""
    return _lines(_splits(_paper(world, "area", 5000), rows, len(genres.FIELDS)))


def _paper(world: World, label: str, first: int = 0) -> Make:
    def make(pool: str, index: int) -> Row:
        abstract = genres.abstract(world, pool, first + index)
        return {"text": f"{abstract.title.ru} {abstract.body.ru}", "label": getattr(abstract, label)}

    return make


def georeview_clustering(world: World, rows: int) -> Files:
    """Reviews of organisations with the organisation's category as cluster."""
    size = eval_size(rows, len(genres.CATEGORIES))
    # Past the reviews of the classification set, so that the two share none.
    reviews = [genres.review(world, "test", "organisation", 5000 + index) for index in range(size)]
    return {"test.jsonl": [{"sentences": review.ru, "labels": review.category} for review in reviews]}


def cedr(world: World, rows: int) -> Files:
    """Comments with the emotions that they show, none for some."""

    def make(pool: str, index: int) -> Row:
        comment = genres.comment(world, pool, index)
        return {"text": comment.ru, "label": comment.emotions, "source": "miniature"}

    columns = {"text": STRING, "label": pa.list_(INT), "source": STRING}
    return _tables(_splits(make, rows, len(genres.EMOTIONS) + 1), columns)


def sensitive_topics(world: World, rows: int) -> Files:
    """Messages with their sensitive topics, none for some."""

    def make(pool: str, index: int) -> Row:
        message = genres.message(world, pool, 5000 + index)
        return {"text": message.ru, "label": message.topics}

    return _lines(_splits(make, rows, len(genres.TOPICS)))
