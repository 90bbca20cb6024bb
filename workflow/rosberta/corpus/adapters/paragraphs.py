"""A corpus of articles cut into passages: title -> one passage of each article, as from MIRACL's corpus of Wikipedia.

A passage is known by its article and its number in it ("7#0"), and an article's passages follow one another. Only one
of them is held in memory, so a corpus of any size passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rosberta.corpus.adapters import AdapterOptions, Drop, Example, example
from rosberta.corpus.raw_files import Raw
from rosberta.texts.draws import draw

IDS = ("docid", "_id", "id")


class Options(AdapterOptions):
    """Names of the columns."""

    id: str | None = None
    """Null: ``docid`` (MIRACL's own files), ``_id`` or ``id`` (mteb's), whichever there is."""
    title: str = "title"
    text: str = "text"


def columns(options: Options, found: Sequence[str]) -> tuple[str, ...]:
    """The columns that the options name, and the id's."""
    id = options.id or next((name for name in IDS if name in found), IDS[0])
    return (id, options.title, options.text)


def rows(raw: Iterable[Raw], options: Options, seed: int) -> Iterator[Example | Drop]:
    """One example an article: the passage with the smallest draw."""
    held: tuple[int, Example] | None = None
    current: str | None = None
    for position, row in enumerate(raw):
        made = example(position, row[options.title], row[options.text])
        if isinstance(made, Drop):
            yield made
            continue
        article = _article(row[options.id] if options.id else next((row[name] for name in IDS if name in row), None))
        if article is None:
            yield Drop("no id")
            continue
        drawn = draw(seed, "paragraph", made.anchor, row[options.text])
        if held and article == current:
            yield Drop("another passage of the article")
            held = min(held, (drawn, made), key=lambda each: each[0])
            continue
        if held:
            yield held[1]
        held, current = (drawn, made), article
    if held:
        yield held[1]


def _article(id: Any) -> str | None:
    """What stands before the number of the passage."""
    return id.rpartition("#")[0] or id if isinstance(id, str) and id else None
