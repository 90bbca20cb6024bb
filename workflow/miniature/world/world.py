"""A small bilingual world: named things, and facts that connect them.

Everything follows from the seed. The world has three pools whose things have different names: ``train`` for the
training sources, ``probe`` for the training splits of benchmark tasks, ``test`` for what benchmark tasks are scored on.
Name parts, values and templates are shared, so what is learned on one pool can serve on another, though what names a
thing is in one pool only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from random import Random

from miniature.language import lexicon
from miniature.language.grammar import Phrase, apposed, described, feminine, followed, noun, sentence, transliterated
from miniature.world.places import PLACES
from miniature.world.relation import Relation
from miniature.world.works import WORKS

POOLS = ("train", "probe", "test")
RELATIONS = PLACES + WORKS
SIZES = {
    "city": 40, "river": 30, "person": 60, "landmark": 45, "festival": 30, "team": 30,
    "book": 45, "film": 40, "dish": 36, "company": 40, "product": 45,
}  # fmt: skip
"""How many things of each kind a pool has."""
KINDS = tuple(SIZES)


@dataclass(frozen=True)
class Text:
    """The same said in Russian and in English."""

    ru: str
    en: str


@dataclass(frozen=True)
class Entity:
    """A named thing of the world.

    Attributes:
        index: its place in the pool.
        kind: one of `KINDS`.
        pool: one of `POOLS`.
        name: its full name, with the class noun where the kind has one (река Велема).
        noun: its class noun (река).
    """

    index: int
    kind: str
    pool: str
    name: Phrase
    noun: Phrase


@dataclass(frozen=True)
class Fact:
    """One relation of one entity. `value` is ``{o}`` in the templates; `entity` is set where that is a named thing."""

    subject: Entity
    relation: Relation
    value: Phrase
    entity: Entity | None = None


class World:
    """The world of a seed. Two worlds of one seed are equal in every text."""

    def __init__(self, seed: int) -> None:
        """Fix the seed; things and facts are made on first use."""
        self.seed = seed

    def random(self, *key: str | int) -> Random:
        """A generator of its own for a key, so that texts do not depend on the order in which they are asked for."""
        return Random("/".join(str(part) for part in (self.seed, *key)))  # noqa: S311

    @cached_property
    def _entities(self) -> dict[str, dict[str, tuple[Entity, ...]]]:
        pools: dict[str, dict[str, tuple[Entity, ...]]] = {pool: {} for pool in POOLS}
        for kind, size in SIZES.items():
            names = list(_names(kind))
            self.random("names", kind).shuffle(names)
            for place, pool in enumerate(POOLS):
                chosen = names[place * size : (place + 1) * size]
                pools[pool][kind] = tuple(
                    Entity(index, kind, pool, name, cls) for index, (name, cls) in enumerate(chosen)
                )
        return pools

    @cached_property
    def _facts(self) -> dict[str, tuple[Fact, ...]]:
        facts: dict[str, tuple[Fact, ...]] = {}
        for pool in POOLS:
            random = self.random("facts", pool)
            made = []
            for relation in RELATIONS:
                made += [self._fact(entity, relation, random) for entity in self.entities(pool, relation.kind)]
            random.shuffle(made)
            facts[pool] = tuple(made)
        return facts

    @cached_property
    def _about(self) -> dict[tuple[str, str, int], tuple[Fact, ...]]:
        about: dict[tuple[str, str, int], list[Fact]] = {}
        for pool in POOLS:
            for fact in self._facts[pool]:
                about.setdefault((pool, fact.subject.kind, fact.subject.index), []).append(fact)
        return {key: tuple(facts) for key, facts in about.items()}

    def entities(self, pool: str, kind: str | None = None) -> tuple[Entity, ...]:
        """The things of a pool, all of them (kind by kind) or those of one kind."""
        kinds = self._entities[pool]
        return kinds[kind] if kind else tuple(entity for each in kinds.values() for entity in each)

    def facts(self, pool: str, relation: str | None = None) -> tuple[Fact, ...]:
        """The facts of a pool in a fixed shuffled order; with `relation` those of relations so named."""
        facts = self._facts[pool]
        return facts if relation is None else tuple(fact for fact in facts if fact.relation.name == relation)

    def facts_of(self, entity: Entity) -> tuple[Fact, ...]:
        """All facts whose subject is this entity."""
        return self._about[entity.pool, entity.kind, entity.index]

    def another(self, fact: Fact, random: Random) -> Fact:
        """The same subject and relation with another value: what is not so."""
        while True:
            other = self._fact(fact.subject, fact.relation, random)
            if other.value != fact.value:
                return other

    def _fact(self, subject: Entity, relation: Relation, random: Random) -> Fact:
        if relation.values.startswith("@"):
            entity = random.choice(self.entities(subject.pool, relation.values[1:]))
            return Fact(subject, relation, entity.name, entity)
        return Fact(subject, relation, random.choice(lexicon.VALUES[relation.values]))


def _names(kind: str) -> Iterator[tuple[Phrase, Phrase]]:
    """All names of a kind, with their class nouns."""
    if kind == "city":
        return ((name, lexicon.CLASSIFIERS["city"][0]) for name, _ in _cities())
    if kind == "person":
        return ((name, name) for name in _people())
    classes = lexicon.CLASSIFIERS[kind]
    makers = {"river": _rivers, "landmark": _landmarks, "dish": _dishes, "company": _companies, "product": _products}
    return ((name, cls) for cls in classes for name in makers.get(kind, _titled)(cls))


def _rivers(cls: Phrase) -> Iterator[Phrase]:
    for root, suffix in product(lexicon.RIVER_ROOTS, lexicon.RIVER_SUFFIXES):
        word = root + suffix
        name = feminine(word, transliterated(word))
        yield apposed(cls, name, f"the {name.en} River")


def _landmarks(cls: Phrase) -> Iterator[Phrase]:
    for surname, woman in product(lexicon.SURNAMES, (False, True)):
        name = _surname(surname, woman)
        yield followed(cls, name.case("gen"), f"the {name.en} {cls.en.capitalize()}")


def _titled(cls: Phrase) -> Iterator[Phrase]:
    for (adjective, en), thing in product(lexicon.TITLE_ADJECTIVES, lexicon.TITLE_NOUNS):
        title = sentence(described(adjective, thing, "").ru, "")
        yield followed(cls, f"«{title}»", f'the {cls.en} "{en.capitalize()} {thing.en.capitalize()}"')


def _dishes(cls: Phrase) -> Iterator[Phrase]:
    # -овка and -ово make the same adjective
    for adjective, city in {adjective: city for city, adjective in _cities()}.items():
        yield described(adjective, cls, f"the {city.en} {cls.en}")


def _companies(cls: Phrase) -> Iterator[Phrase]:
    for root, ending in product(lexicon.PLACE_ROOTS, lexicon.COMPANY_ENDINGS):
        yield followed(cls, f"«{root}{ending}»", f"the {cls.en} {transliterated(root + ending)}")


def _products(cls: Phrase) -> Iterator[Phrase]:
    for brand, number in product(lexicon.BRANDS, range(2, 10)):
        yield followed(cls, f"«{brand}-{number}»", f"the {transliterated(brand)}-{number} {cls.en}")


def _cities() -> Iterator[tuple[Phrase, str]]:
    """Cities with the adjective made of each."""
    for root, (suffix, paradigm) in product(lexicon.PLACE_ROOTS, lexicon.PLACE_SUFFIXES):
        word = root + suffix
        stem = {"ополь": word[:-1], "инск": word[:-2], "овка": word[:-2], "ово": word[:-1], "огорск": word[:-2]}
        adjective = stem.get(suffix, word) + "ский"
        yield noun(word, paradigm, transliterated(word)), adjective[0].lower() + adjective[1:]


def _people() -> Iterator[Phrase]:
    for (woman, firsts), surname in product(((False, lexicon.MEN), (True, lexicon.WOMEN)), lexicon.SURNAMES):
        last = _surname(surname, woman)
        for first in firsts:
            en = f"{transliterated(first)} {last.en}"
            yield apposed(_first_name(first, woman), last, en)


def _first_name(name: str, woman: bool) -> Phrase:
    if not woman:
        if name == "Пётр":
            return noun(name, "m", "", "Петр", animate=True)
        if name == "Савва":
            return Phrase(feminine(name, "").forms, "m", "")
        return noun(name, "m", "", animate=True)
    return noun(name, "f_soft", "") if name.endswith("я") else feminine(name, "")


def _surname(name: str, woman: bool) -> Phrase:
    en = transliterated(name)
    if name.endswith("ой"):
        stem = name[:-2]
        if woman:
            return Phrase(
                (stem + "ая", *(stem + "ой",) * 2, stem + "ую", *(stem + "ой",) * 2), "f", transliterated(stem + "ая")
            )
        return Phrase((name, stem + "ого", stem + "ому", stem + "ого", stem + "ым", stem + "ом"), "m", en)
    if woman:
        return Phrase((name + "а", name + "ой", name + "ой", name + "у", name + "ой", name + "ой"), "f", en + "a")
    return Phrase((name, name + "а", name + "у", name + "а", name + "ым", name + "е"), "m", en)
