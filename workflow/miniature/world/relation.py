"""A relation of the miniature's world: how it is said, asked and answered in Russian and in English."""

from __future__ import annotations

from dataclasses import dataclass

Words = tuple[str, ...]


@dataclass(frozen=True)
class Relation:
    """A kind of fact about a kind of entity, with its templates (see `grammar.russian`).

    Attributes:
        kind: the kind of entity it is about; ``{s}`` in the templates.
        name: its own name, unique within the kind.
        values: where ``{o}`` comes from: a name of `lexicon.VALUES`, or ``@kind`` for an entity of that kind.
        ru, en: statements; those at one place say the same in the same way.
        ask_ru, ask_en: questions for the value, likewise.
        answer: the short answer, Russian and English.
    """

    kind: str
    name: str
    values: str
    ru: Words
    en: Words
    ask_ru: Words
    ask_en: Words
    answer: tuple[str, str] = ("{o}", "{o}")
