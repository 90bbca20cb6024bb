"""RuHNP: a query with lists of paraphrases and of near misses; also any set of that shape, such as FlagEmbedding's.

One positive is drawn for each row, the others are known; all negatives are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rosberta.corpus.adapters import AdapterOptions, Drop, Example, example
from rosberta.corpus.adapters._values import as_list, flaw
from rosberta.corpus.raw_files import Raw
from rosberta.texts.draws import draw


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
        usable = [text for text in as_list(row[options.positives]) if flaw(text) is None]
        if reason := flaw(query):
            yield Drop(reason)
        elif not usable:
            yield Drop("no positive")
        else:
            # By content, so that another order of the list draws the same.
            positive = min(usable, key=lambda text: draw(seed, "positive", query, text))
            yield example(position, query, positive, as_list(row[options.negatives]), usable)
