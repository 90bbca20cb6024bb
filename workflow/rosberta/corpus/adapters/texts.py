"""Texts alone, to model masked language on: Wikipedia, FineWeb, C4 and any other set with a column of text.

``options: {passage_characters: 1500}`` cuts long texts into passages at the ends of their paragraphs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pydantic import Field

from rosberta.corpus.adapters import AdapterOptions, Drop, Example
from rosberta.corpus.adapters._values import flaw
from rosberta.corpus.raw_files import Raw


class Options(AdapterOptions):
    """Which column, and what a text has to be."""

    column: str = "text"
    title: str | None = None
    """Column of a title that stands before the text, as in the passages of MIRACL and Mr. TyDi (mteb's way: a space
    between them); null: none."""
    min_characters: int = Field(1, ge=1)
    """Characters of a text at least, before it is cut."""
    passage_characters: int | None = Field(None, ge=1)
    """Characters of a passage, about: paragraphs are joined until they have so many, and are never cut themselves.
    Null: texts stay whole."""


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """The column of the texts, and that of titles."""
    return (options.column, *([options.title] if options.title else []))


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a row, or one a passage of it."""
    for position, row in enumerate(raw):
        text = row[options.column]
        if reason := flaw(text):
            yield Drop(reason)
            continue
        if options.title and not flaw(row[options.title]):
            text = f"{row[options.title]} {text}"
        if len(text) < options.min_characters:
            yield Drop("short text")
        elif options.passage_characters is None:
            yield Example(position, anchor=text, positive=None)
        else:
            for part, passage in enumerate(passages(text, options.passage_characters)):
                yield Example(position, anchor=passage, positive=None, part=part)


def passages(text: str, characters: int) -> list[str]:
    """Cut a text between paragraphs into passages of at least so many characters, if it has as many.

    What is left at the end goes with the last passage. Nothing but blank lines is lost.
    """
    found: list[list[str]] = [[]]
    for paragraph in (line for line in text.splitlines() if line.strip()):
        if sum(map(len, found[-1])) >= characters:
            found.append([])
        found[-1].append(paragraph)
    if len(found) > 1 and sum(map(len, found[-1])) < characters:
        rest = found.pop()
        found[-1] += rest
    return ["\n".join(lines) for lines in found]
