"""RuHNP: a query with lists of paraphrases and of near misses; also any set of that shape, such as FlagEmbedding's.

One positive is drawn for each row, all negatives are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rosberta.draw import draw
from rosberta.raw import Raw
from rosberta.sources import AdapterOptions, Drop, Example, example, flaw, listed


class Options(AdapterOptions):
    """Names of the columns."""

    query: str = "query"
    positives: str = "pos"
    negatives: str = "neg"


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """The columns that the options name."""
    return (options.query, options.positives, options.negatives)


def rows(raw: Iterable[Raw], options: Options, seed: int) -> Iterator[Example | Drop]:
    """One example a row."""
    for position, row in enumerate(raw):
        query = row[options.query]
        usable = [text for text in listed(row[options.positives]) if flaw(text) is None]
        if reason := flaw(query):
            yield Drop(reason)
        elif not usable:
            yield Drop("no positive")
        else:
            # By content, so that another order of the list draws the same.
            positive = min(usable, key=lambda text: draw(seed, "positive", query, text))
            yield example(position, query, positive, listed(row[options.negatives]))
