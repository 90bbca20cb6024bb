"""Natural language inference: premise -> an entailed hypothesis; the contradictions of the premise are its negatives.

As in SimCSE (Gao et al., 2021) and in the recipe (paper A.1.2). Neutral hypotheses are dropped. A premise without a
contradiction stays, without given negatives: in WANLI most premises are so. Labels are XNLI's integers or words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rosberta.corpus.adapters import AdapterOptions, Drop, Example
from rosberta.corpus.adapters._judged import NEGATIVE, POSITIVE, grouped
from rosberta.corpus.adapters._values import label_name
from rosberta.corpus.raw_files import Raw

VERDICTS = {
    "0": POSITIVE,
    "entailment": POSITIVE,
    "1": "neutral",
    "neutral": "neutral",
    "2": NEGATIVE,
    "contradiction": NEGATIVE,
}


class Options(AdapterOptions):
    """Names of the columns."""

    premise: str = "premise"
    hypothesis: str = "hypothesis"
    label: str = "label"


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """The columns that the options name."""
    return (options.premise, options.hypothesis, options.label)


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example an entailed hypothesis."""

    def judge(label: object) -> str:
        return VERDICTS.get(label_name(label), "no known label")

    yield from grouped(raw, options.premise, options.hypothesis, options.label, judge)
