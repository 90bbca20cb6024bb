"""Sentences and their translations, each row in a direction drawn for it.

Two shapes: a struct ``translation`` with a text a language (OPUS-100, News Commentary), or one column a language (TED
and the other sets of parallel sentences).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rosberta.corpus.adapters import AdapterOptions, Drop, Example, example
from rosberta.corpus.raw_files import Raw
from rosberta.texts.draws import draw

STRUCT = "translation"


class Options(AdapterOptions):
    """Names of the columns where there is one a language."""

    english: str = "english"
    russian: str = "non_english"


def columns(options: Options, found: Sequence[str]) -> tuple[str, ...]:
    """The struct where there is one, else the columns that the options name."""
    return (STRUCT,) if STRUCT in found else (options.english, options.russian)


def rows(raw: Iterable[Raw], options: Options, seed: int) -> Iterator[Example | Drop]:
    """One example a row: Russian -> English or English -> Russian."""
    russian: Any
    english: Any
    for position, row in enumerate(raw):
        if STRUCT in row:
            texts = row[STRUCT] if isinstance(row[STRUCT], Mapping) else {}
            russian, english = texts.get("ru"), texts.get("en")
        else:
            russian, english = row[options.russian], row[options.english]
        made = example(position, russian, english)
        if isinstance(made, Example) and draw(seed, "direction", russian, english) % 2:
            made = Example(position, anchor=english, positive=russian)
        yield made
