"""Anchor, positive and ``negative`` or ``negative_1`` to ``negative_n``: MIRACL and Mr. TyDi as triplets.

Of many negatives a few are drawn, for each anchor its own. An anchor with several positives has a row for each, so the
examples, with the negatives that were drawn, are in memory until the last row is read: what is relevant to an anchor is
known only then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pydantic import Field

from rosberta.corpus.adapters import AdapterOptions, Drop, Example, example, with_positives
from rosberta.corpus.raw_files import Raw
from rosberta.texts.draws import draw

_NEGATIVE = re.compile(r"negative(?:_(\d+))?")


class Options(AdapterOptions):
    """How many negatives."""

    negatives: int = Field(7, ge=0)
    """Given negatives a row at most: as many as the recipe trains with."""


def columns(_options: Options, found: Sequence[str]) -> tuple[str, ...]:
    """The pair, and every column of negatives that there is; at least one is needed."""
    negatives = sorted(
        (name for name in found if _NEGATIVE.fullmatch(name)), key=lambda name: int(name.partition("_")[2] or 0)
    )
    return ("anchor", "positive", *(negatives or ["negative"]))


def rows(raw: Iterable[Raw], options: Options, seed: int) -> Iterator[Example | Drop]:
    """One example a row."""
    found = []
    for position, row in enumerate(raw):
        given = [text for name, text in row.items() if _NEGATIVE.fullmatch(name) and text is not None]
        made = example(position, row["anchor"], row["positive"], given)
        if isinstance(made, Drop):
            yield made
            continue
        if len(made.negatives) > options.negatives:
            drawn = sorted(made.negatives, key=lambda text: draw(seed, "negative", row["anchor"], text))
            made = replace(made, negatives=tuple(drawn[: options.negatives]))
        found.append(made)
    yield from with_positives(found)
