"""Queries with lists of relevant and of not relevant passages: Mr. TyDi and MIRACL as their authors publish them.

One relevant passage is drawn for each query, the other relevant ones are known, and of those that are not relevant a
few are drawn. A passage is its title and its text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from rosberta.corpus.adapters import AdapterOptions, Drop, Example, example
from rosberta.corpus.adapters._values import entries, flaw
from rosberta.corpus.raw_files import Raw
from rosberta.texts.draws import draw


class Options(AdapterOptions):
    """Names of the columns, and how many negatives."""

    query: str = "query"
    positives: str = "positive_passages"
    negatives: str = "negative_passages"
    title: str | None = "title"
    """Field of a passage's title, which goes before its text; null: the text alone."""
    text: str = "text"
    max_negatives: int = Field(7, ge=0)
    """Given negatives a query at most: as many as the recipe trains with."""


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """The columns that the options name."""
    return (options.query, options.positives, options.negatives)


def rows(raw: Iterable[Raw], options: Options, seed: int) -> Iterator[Example | Drop]:
    """One example a query."""
    for position, row in enumerate(raw):
        query = row[options.query]
        positives = [text for text in _texts(row[options.positives], options) if flaw(text) is None]
        if reason := flaw(query):
            yield Drop(reason)
        elif not positives:
            yield Drop("no positive")
        else:
            # By content, so that another order of the lists draws the same.
            positive = min(positives, key=lambda text: draw(seed, "positive", query, text))
            others = _texts(row[options.negatives], options)
            usable = dict.fromkeys(text for text in others if flaw(text) is None)
            drawn = sorted(usable, key=lambda text: draw(seed, "negative", query, text))[: options.max_negatives]
            flawed = [text for text in others if flaw(text)]
            yield example(position, query, positive, [*drawn, *flawed], positives)


def _texts(passages: Any, options: Options) -> list[Any]:
    return [_text(passage, options) for passage in entries(passages)]


def _text(passage: Mapping[str, Any], options: Options) -> Any:
    title, text = passage.get(options.title) if options.title else None, passage.get(options.text)
    return text if flaw(title) or flaw(text) else f"{title}\n{text}"
