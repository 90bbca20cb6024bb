"""What follows from the world's facts: statements, questions, passages, inference and similarity, in both languages."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from random import Random

from miniature.language.grammar import Phrase, described, english, russian, sentence
from miniature.world.world import Entity, Fact, Text, World

ENTAILMENT, NEUTRAL, CONTRADICTION = range(3)
"""The labels of XNLI, in its order."""


@dataclass(frozen=True)
class Question:
    """A question for the value of a fact, and the short answer."""

    ru: str
    en: str
    answer: Text
    fact: Fact


@dataclass(frozen=True)
class Passage:
    """A few sentences on one entity, under its name; `facts` are those that the sentences state, in their order."""

    title: Text
    ru: str
    en: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Inference:
    """A premise, a hypothesis and what follows: 0 entailment, 1 neutral, 2 contradiction."""

    premise: Text
    hypothesis: Text
    label: int


@dataclass(frozen=True)
class Pair:
    """Two sentences and their likeness from 0 (unrelated) to 5 (the same in other words)."""

    a: Text
    b: Text
    score: int


def title(entity: Entity) -> Text:
    """The name of an entity as a heading."""
    return Text(sentence(entity.name.ru, ""), sentence(entity.name.en.removeprefix("the "), ""))


def clause(fact: Fact, variant: int = 0, subject: Phrase | None = None) -> Text:
    """What states a fact, as a part of a sentence.

    Args:
        fact: what is stated.
        variant: which wording; it wraps around. Equal variants are translations of one another.
        subject: what to call the subject instead of its full name.
    """
    relation, name = fact.relation, subject or fact.subject.name
    place = variant % len(relation.ru)
    return Text(
        russian(relation.ru[place], s=name, o=fact.value),
        english(relation.en[place], s=name, o=fact.value),
    )


def statement(fact: Fact, variant: int = 0, subject: Phrase | None = None) -> Text:
    """A sentence that states a fact; see `clause`."""
    said = clause(fact, variant, subject)
    return Text(sentence(said.ru), sentence(said.en))


def question(fact: Fact, variant: int = 0) -> Question:
    """A question that a fact answers."""
    relation, name = fact.relation, fact.subject.name
    place = variant % len(relation.ask_ru)
    return Question(
        sentence(russian(relation.ask_ru[place], s=name, o=fact.value), "?"),
        sentence(english(relation.ask_en[place], s=name, o=fact.value), "?"),
        Text(russian(relation.answer[0], o=fact.value), english(relation.answer[1], o=fact.value)),
        fact,
    )


def passage(world: World, entity: Entity, variant: int = 0, sentences: int | None = None) -> Passage:
    """Several facts of one entity as running text: its full name first, then *this city* and the like.

    Args:
        world: the world of the entity.
        entity: what it is about.
        variant: choice and wording of the facts.
        sentences: how many facts; as a rule two to four.
    """
    random = world.random("passage", entity.pool, entity.kind, entity.index, variant)
    facts = list(world.facts_of(entity))
    random.shuffle(facts)
    facts = facts[: sentences or random.randint(2, 4)]
    return Passage(title(entity), *_told(facts, random), tuple(facts))


def answering(world: World, fact: Fact) -> Passage:
    """The first passage on the subject that states the fact."""
    return next(told for variant in count() if fact in (told := passage(world, fact.subject, variant)).facts)


def contradicted(world: World, fact: Fact, variant: int = 0) -> Text:
    """A sentence that cannot hold beside the fact: the same relation with another value."""
    random = world.random("contradicted", *_key(fact), variant)
    return statement(world.another(fact, random), variant)


def neutral(world: World, fact: Fact, variant: int = 0) -> Text:
    """A sentence on the same subject of which the fact says nothing: another relation, any value."""
    random = world.random("neutral", *_key(fact), variant)
    others = [other for other in world.facts_of(fact.subject) if other.relation != fact.relation]
    return statement(world.another(random.choice(others), random), variant)


def inference(world: World, pool: str, index: int) -> Inference:
    """A premise states facts of one entity; a hypothesis says one in other words, contradicts it, or is off the matter.

    The label is ``index % 3``; three indices in a row share their premise.
    """
    facts = world.facts(pool)
    fact = facts[index // 3 % len(facts)]
    random = world.random("inference", pool, index // 3)
    others = [other for other in world.facts_of(fact.subject) if other.relation != fact.relation]
    random.shuffle(others)
    stated = [fact, *others[: random.randint(1, 2)]]
    random.shuffle(stated)
    wording = random.randrange(3)
    # the fact's own sentence has this wording, so that the entailed one is never a copy
    premise = Text(*_told(stated, random, {fact.relation.name: wording}))
    label = index % 3
    if label == ENTAILMENT:
        hypothesis = statement(fact, wording + 1)
    elif label == CONTRADICTION:
        hypothesis = contradicted(world, fact, wording + 1)
    else:
        unsaid = [other for other in others if other not in stated]
        hypothesis = statement(world.another(random.choice(unsaid), random), wording + 1)
    return Inference(premise, hypothesis, label)


def pair(world: World, pool: str, index: int) -> Pair:
    """Two sentences whose likeness is ``5 - index % 6``.

    5 the same fact in other words; 4 the fact, and the fact with one more; 3 one subject and relation, another value;
    2 one relation, another subject and value; 1 one kind of thing, another relation; 0 another kind of thing.
    """
    facts = world.facts(pool)
    fact = facts[(index * 7) % len(facts)]
    random = world.random("pair", pool, index)
    wording, score = random.randrange(3), 5 - index % 6
    first = statement(fact, wording)
    if score == 5:
        second = statement(fact, wording + 1)
    elif score == 4:
        extra = random.choice([other for other in world.facts_of(fact.subject) if other.relation != fact.relation])
        second = Text(*_told([fact, extra], random))
    elif score == 3:
        second = contradicted(world, fact, wording + 1)
    else:
        same_kind = [
            other for other in facts if other.relation.kind == fact.relation.kind and other.subject != fact.subject
        ]
        if score == 2:
            pool_of = [other for other in same_kind if other.relation == fact.relation and other.value != fact.value]
        elif score == 1:
            pool_of = [other for other in same_kind if other.relation != fact.relation]
        else:
            pool_of = [other for other in facts if other.relation.kind != fact.relation.kind]
        second = statement(random.choice(pool_of), random.randrange(3))
    return Pair(first, second, score)


def _key(fact: Fact) -> tuple[str | int, ...]:
    subject = fact.subject
    return subject.pool, subject.kind, subject.index, fact.relation.name


def _told(facts: list[Fact], random: Random, wordings: dict[str, int] | None = None) -> tuple[str, str]:
    """Facts of one entity as running text, Russian and English."""
    told = []
    for place, fact in enumerate(facts):
        variant = (wordings or {}).get(fact.relation.name, random.randrange(3))
        told.append(statement(fact, variant, _again(fact.subject) if place else None))
    return " ".join(text.ru for text in told), " ".join(text.en for text in told)


def _again(entity: Entity) -> Phrase:
    """How to call an entity that was named a sentence ago."""
    if entity.kind == "person":
        # a pronoun would need the form after a preposition in Russian and two more cases in English
        last = tuple(form.split()[-1] for form in entity.name.forms)
        return Phrase(last, entity.name.gender, entity.name.en.split()[-1])  # type: ignore[arg-type]
    return described("этот", entity.noun, f"this {entity.noun.en}")
