"""Two sentences and a label that says whether they belong together, as in PAWS or TERRa.

``options: {negative_labels: [0]}`` also takes the pairs with these labels, as negatives of the same first sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rosberta.corpus.adapters import AdapterOptions, Drop, Example
from rosberta.corpus.adapters._judged import NEGATIVE, POSITIVE, grouped, judged
from rosberta.corpus.adapters._values import label_name
from rosberta.corpus.raw_files import Raw


class Options(AdapterOptions):
    """Names of the columns, and what the labels mean."""

    anchor: str = "sentence1"
    positive: str = "sentence2"
    label: str = "label"
    positive_labels: tuple[int | str, ...] = (1,)
    negative_labels: tuple[int | str, ...] = ()


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """The columns that the options name."""
    return (options.anchor, options.positive, options.label)


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a pair with a positive label."""
    verdicts = {label_name(label): NEGATIVE for label in options.negative_labels}
    verdicts |= {label_name(label): POSITIVE for label in options.positive_labels}

    def judge(label: object) -> str:
        return verdicts.get(label_name(label), "other label")

    adapted = grouped if options.negative_labels else judged
    return adapted(raw, options.anchor, options.positive, options.label, judge)
