"""Pairs in two columns, with a column of negatives or without: the adapter for sets of one's own.

``options: {anchor: query, positive: answer, negative: distractors}``; a negative may be one text or a list of texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rosberta.raw import Raw
from rosberta.sources import AdapterOptions, Drop, Example, example, listed


class Options(AdapterOptions):
    """Names of the columns."""

    anchor: str = "anchor"
    positive: str = "positive"
    negative: str | None = None
    """Column of one negative, or of a list of them; null: none are given."""


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """The columns that the options name."""
    negative = () if options.negative is None else (options.negative,)
    return (options.anchor, options.positive, *negative)


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a row."""
    for position, row in enumerate(raw):
        negatives = listed(row[options.negative]) if options.negative is not None else []
        yield example(position, row[options.anchor], row[options.positive], negatives)
