"""Test texts of the benchmark that the training sources repeat on purpose.

A real corpus overlaps with the benchmark here and there, and cleaning has to find it. The miniature plants exact
copies, so that what cleaning removes can be counted.
"""

from __future__ import annotations

from dataclasses import dataclass

from miniature.world import genres, texts
from miniature.world.texts import Inference, Pair, Passage, Question
from miniature.world.world import World

QUESTIONS, INFERENCES, PAIRS, NEWS, ABSTRACTS = 6, 6, 6, 6, 3
"""How many of each kind are planted: those with the lowest indices of the pool ``test``."""


@dataclass(frozen=True)
class Planted:
    """What is planted, by kind; all of it is also in the benchmark's evaluation splits.

    Attributes:
        questions: questions with the first passages that answer them (RuBQ).
        inferences: premises with hypotheses (TERRa).
        pairs: sentence pairs (RuSTSBenchmark).
        news: headlines with bodies (RiaNews).
        abstracts: titles with abstracts (RuSciBench).
    """

    questions: tuple[tuple[Question, Passage], ...]
    inferences: tuple[Inference, ...]
    pairs: tuple[Pair, ...]
    news: tuple[genres.News, ...]
    abstracts: tuple[genres.Abstract, ...]


def overlap(world: World) -> Planted:
    """The planted texts of a world, as the objects that sources and benchmark make them of."""
    facts = world.facts("test")[:QUESTIONS]
    return Planted(
        tuple((texts.question(fact), texts.answering(world, fact)) for fact in facts),
        tuple(texts.inference(world, "test", index) for index in range(INFERENCES)),
        tuple(texts.pair(world, "test", index) for index in range(PAIRS)),
        tuple(genres.news(world, "test", index) for index in range(NEWS)),
        tuple(genres.abstract(world, "test", index) for index in range(ABSTRACTS)),
    )


def planted(world: World) -> tuple[str, ...]:
    """All planted Russian texts, each once, as the training sources hold them."""
    found = overlap(world)
    strings = [text for question, passage in found.questions for text in (question.ru, passage.ru)]
    strings += [text for each in found.inferences for text in (each.premise.ru, each.hypothesis.ru)]
    strings += [text for each in found.pairs for text in (each.a.ru, each.b.ru)]
    strings += [text for each in found.news for text in (each.headline.ru, each.body.ru)]
    strings += [text for each in found.abstracts for text in (each.title.ru, each.body.ru)]
    return tuple(dict.fromkeys(strings))
