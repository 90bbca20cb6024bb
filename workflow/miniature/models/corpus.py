"""The miniature's text to learn tokens from: the training pool of the world in both languages."""

from __future__ import annotations

from miniature.world import genres, texts
from miniature.world.world import Text, World

Tale = tuple[str, ...]
"""Texts of one language on one matter."""


def bilingual(world: World, rows: int) -> list[tuple[Tale, Tale]]:
    """What the training pool says, matter by matter: Russian texts with their English equivalents.

    A fact with all its wordings is a matter, and so is each text of a genre, of which there are `rows` a genre.
    """
    matters: list[tuple[Tale, Tale]] = []
    for fact in world.facts("train"):
        said: list[Text] = [texts.statement(fact, variant) for variant in range(len(fact.relation.ru))]
        for variant in range(len(fact.relation.ask_ru)):
            question = texts.question(fact, variant)
            said.append(Text(question.ru, question.en))
        matters.append((tuple(text.ru for text in said), tuple(text.en for text in said)))
    matters += [((text.ru,), (text.en,)) for index in range(rows) for text in _of_genres(world, index)]
    return matters


def monolingual(world: World, rows: int, language: str) -> list[Tale]:
    """The same matters in one language, ``ru`` or ``en``."""
    return [matter[language == "en"] for matter in bilingual(world, rows)]


def _of_genres(world: World, index: int) -> list[Text]:
    news, paper = genres.news(world, "train", index), genres.abstract(world, "train", index)
    advice = genres.advice(world, "train", index)
    found = [
        Text(f"{news.headline.ru}. {news.body.ru}", f"{news.headline.en}. {news.body.en}"),
        Text(f"{paper.title.ru}. {paper.body.ru}", f"{paper.title.en}. {paper.body.en}"),
        Text(
            f"{advice.title.ru} {advice.body.ru} {advice.answer.ru}",
            f"{advice.title.en} {advice.body.en} {advice.answer.en}",
        ),
    ]
    comment, said = genres.comment(world, "train", index), genres.utterance(world, "train", index)
    found += [Text(comment.ru, comment.en), Text(said.ru, said.en)]
    for domain in ("organisation", "product", "film"):
        review = genres.review(world, "train", domain, index)
        found.append(Text(review.ru, review.en))
    return found
