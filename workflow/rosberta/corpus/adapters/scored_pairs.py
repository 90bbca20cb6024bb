"""Two sentences and a score of how near they are, as in SICK or an STS set.

A score of `at_least` makes the pair an example; one of `at_most` a negative of the same first sentence.
The paraphrases of ru-paraphrase-NMT-Leipzig are of this shape: ``{anchor: original, positive: ru, score: p_good}``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rosberta.corpus.adapters import AdapterOptions, Drop, Example
from rosberta.corpus.adapters._judged import NEGATIVE, POSITIVE, grouped, judged
from rosberta.corpus.adapters._values import number
from rosberta.corpus.raw_files import Raw


class Options(AdapterOptions):
    """Names of the columns, and thresholds on the scale of the set."""

    anchor: str = "sentence1"
    positive: str = "sentence2"
    score: str = "score"
    at_least: float
    at_most: float | None = None
    """Null: no pair is a negative."""


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """The columns that the options name."""
    return (options.anchor, options.positive, options.score)


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a pair with a high score."""

    def judge(score: object) -> str:
        value = number(score)
        if value is None:
            return "no score"
        if value >= options.at_least:
            return POSITIVE
        if options.at_most is not None and value <= options.at_most:
            return NEGATIVE
        return "middling score" if options.at_most is not None else "low score"

    adapted = judged if options.at_most is None else grouped
    return adapted(raw, options.anchor, options.positive, options.score, judge)
