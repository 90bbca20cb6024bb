"""Search: questions with passages, headlines with bodies, and lists of candidates to rerank."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

from miniature.benchmark.layout import Files, readme
from miniature.sets.raw_files import INT, STRING, Row, table
from miniature.world import genres, texts
from miniature.world.world import Fact, World

VARIANTS = 12
"""Passages on a thing that are looked through for one that states a fact."""
CANDIDATES = 16
"""Documents of a list to rerank."""


class Collection(NamedTuple):
    """A search task. Judgements are (query, document, 1 or 0)."""

    queries: list[Row]
    corpus: list[Row]
    judgements: list[tuple[str, str, int]]

    def relevant(self, query: str) -> set[str]:
        """Ids of the documents that answer a query."""
        return {document for asked, document, score in self.judgements if asked == query and score}


def _questions(world: World, rows: int, first: int, *, en: bool = False) -> Collection:
    """Questions on the facts from `first` on, passages that answer them, one that does not, and passages besides."""
    queries: list[Row] = []
    corpus: dict[str, Row] = {}
    judged: list[tuple[str, str, int]] = []
    language = "en" if en else "ru"

    def add(passage: texts.Passage, subject: int, variant: int) -> str:
        id = f"{subject}#{variant}"
        corpus.setdefault(id, {"id": id, "title": getattr(passage.title, language), "text": getattr(passage, language)})
        return id

    entities = world.entities("test")
    places = {entity: place for place, entity in enumerate(entities)}
    for fact in world.facts("test")[first : first + rows // 5]:
        id, place = f"q{first + len(queries)}", places[fact.subject]
        queries.append({"id": id, "text": getattr(texts.question(fact), language)})
        # The first passage on its subject always belongs to the corpus, whether it states the fact or not.
        told = texts.passage(world, fact.subject)
        judged.append((id, add(told, place, 0), int(fact in told.facts)))
        if fact not in told.facts:
            variant, answering = _answering(world, fact)
            judged.append((id, add(answering, place, variant), 1))
    for place in range(first, first + len(entities)):
        if len(corpus) >= rows:
            break
        entity = entities[place * 31 % len(entities)]
        add(texts.passage(world, entity), places[entity], 0)
    return Collection(queries, list(corpus.values()), judged)


def _answering(world: World, fact: Fact) -> tuple[int, texts.Passage]:
    for variant in range(1, VARIANTS):
        passage = texts.passage(world, fact.subject, variant)
        if fact in passage.facts:
            return variant, passage
    # All facts of a thing at once hold each of them.
    return VARIANTS, texts.passage(world, fact.subject, VARIANTS, len(world.facts_of(fact.subject)))


def _news(world: World, rows: int, first: int = 0) -> Collection:
    """Headlines and the bodies of their news, among bodies of other news."""
    news = [genres.news(world, "test", first + index) for index in range(rows)]
    chosen: dict[str, int] = {}
    for index, each in enumerate(news):
        if len(chosen) < rows // 5:
            # Two news of one headline would leave open which body is meant.
            chosen.setdefault(each.headline.ru, index)
    corpus = [{"id": f"d{i}", "title": "", "text": each.body.ru} for i, each in enumerate(news)]
    queries = [{"id": f"q{i}", "text": headline} for headline, i in chosen.items()]
    return Collection(queries, corpus, [(f"q{i}", f"d{i}", 1) for i in chosen.values()])


def _ranked(world: World, collection: Collection) -> Iterator[Row]:
    """For each query what answers it among documents that do not, shuffled."""
    ids = [row["id"] for row in collection.corpus]
    for query in collection.queries:
        random = world.random("candidates", query["id"])
        right = sorted(collection.relevant(query["id"]))
        wrong = [id for id in ids if id not in right]
        listed = right + random.sample(wrong, min(len(wrong), CANDIDATES - len(right)))
        random.shuffle(listed)
        yield {"query-id": query["id"], "corpus-ids": listed}


def _judgements(collection: Collection) -> list[Row]:
    return [{"query-id": query, "corpus-id": id, "score": score} for query, id, score in collection.judgements]


def _tables(collection: Collection, language: str = "", ranked: list[Row] | None = None) -> dict[str, pa.Table]:
    """The configurations of mteb's own sets: corpus, queries, qrels and maybe lists of candidates."""
    dash = f"{language}-" if language else ""
    tables = {
        f"{dash}corpus": table(collection.corpus, {"id": STRING, "title": STRING, "text": STRING}),
        f"{dash}queries": table(collection.queries, {"id": STRING, "text": STRING}),
        f"{dash}qrels" if language else "default": table(
            _judgements(collection), {"query-id": STRING, "corpus-id": STRING, "score": INT}
        ),
    }
    if ranked is not None:
        columns = {"query-id": STRING, "corpus-ids": pa.list_(STRING)}
        tables[f"{dash}top_ranked"] = table(ranked, columns)
    return tables


def _parquet(tables: dict[str, pa.Table], split: str) -> Files:
    """The layout of mteb's own sets: one folder a configuration."""
    folders = {config: "data" if config == "default" else config for config in tables}
    files: Files = {f"{folders[config]}/{split}-00000-of-00001.parquet": each for config, each in tables.items()}
    return files | {"README.md": readme({config: {split: f"{folders[config]}/{split}-*"} for config in tables})}


def _lines(collection: Collection) -> Files:
    """The layout of ai-forever's sets: JSON lines, the corpus packed, ids under ``_id``."""
    corpus = [{"_id": row["id"], "title": row["title"], "text": row["text"]} for row in collection.corpus]
    configs = {
        "default": {"test": "data/test.jsonl"},
        "corpus": {"corpus": "data/corpus.jsonl.zip"},
        "queries": {"queries": "data/queries.jsonl"},
    }
    return {
        "data/corpus.jsonl.zip": corpus,
        "data/queries.jsonl": [{"_id": row["id"], "text": row["text"]} for row in collection.queries],
        "data/test.jsonl": _judgements(collection),
        "README.md": readme(configs),
    }


def _miracl(world: World, rows: int, *, ranked: bool = False) -> Files:
    """Two languages, of which Russian is one."""
    tables: dict[str, pa.Table] = {}
    for language in ("en", "ru"):
        # Past the facts that RuBQ asks for, so that the two share no question.
        collection = _questions(world, rows, 500, en=language == "en")
        tables |= _tables(collection, language, list(_ranked(world, collection)) if ranked else None)
    return _parquet(tables, "dev")


def miracl(world: World, rows: int) -> Files:
    """MIRACL: questions and passages of an encyclopaedia."""
    return _miracl(world, rows)


def miracl_hard_negatives(world: World, rows: int) -> Files:
    """MIRACL with a smaller corpus."""
    return _miracl(world, max(rows // 2, 1))


def miracl_reranking(world: World, rows: int) -> Files:
    """MIRACL with lists of candidates."""
    return _miracl(world, max(rows // 2, 1), ranked=True)


def rubq(world: World, rows: int) -> Files:
    """RuBQ: questions on facts, and passages."""
    return _lines(_questions(world, rows, 0))


def rubq_reranking(world: World, rows: int) -> Files:
    """RuBQ with lists of candidates."""
    collection = _questions(world, rows, 0)
    return _parquet(_tables(collection, ranked=list(_ranked(world, collection))), "test")


def ria_news(world: World, rows: int) -> Files:
    """RIA news: headlines and bodies."""
    return _lines(_news(world, rows))


def ria_news_hard_negatives(world: World, rows: int) -> Files:
    """RIA news with a smaller corpus."""
    return _parquet(_tables(_news(world, max(rows // 2, 1))), "test")
