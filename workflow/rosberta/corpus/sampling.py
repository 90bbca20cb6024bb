"""The one draw by which a pair is sampled, from its raw row to the cap of its source.

The number is drawn for what the pair says, its normal forms: what cleaning does to a text moves no draw, and copies of
a pair, turned round where both sides take the same prefix, are one item of the sample.
"""

from __future__ import annotations

from dataclasses import replace

from rosberta.corpus.adapters import Example
from rosberta.texts.draws import draw
from rosberta.texts.normalisation import normal


def symmetric(prefix: str) -> bool:
    """Whether both sides take the same prefix, so that a pair says the same either way round."""
    return prefix != "search"


def number_of(seed: int, anchor: str, positive: str, *, turns: bool) -> int:
    """The number drawn for a pair.

    Args:
        seed: of the sample.
        anchor: normal form of one side.
        positive: of the other; "" where there is none.
        turns: whether the pair turned round is the same (`symmetric`).
    """
    return draw(seed, "sample", *(sorted((anchor, positive)) if turns else (anchor, positive)))


def merged(one: Example, other: Example) -> Example:
    """Two examples of one pair as one: the first by its texts, with the negatives and positives of both.

    Of a pair that is turned round nothing is taken over: what belongs to its anchor belongs to another text. Which of
    several comes first does not depend on the order in which they come.
    """
    first, second = sorted((one, other), key=_place)
    if normal(first.anchor) != normal(second.anchor):
        return first
    return replace(
        first,
        negatives=tuple(sorted({*first.negatives, *second.negatives})),
        positives=tuple(sorted({*first.positives, *second.positives} - {first.positive or ""})),
        unusable=first.unusable + second.unusable,
    )


def _place(example: Example) -> tuple[str, int, str, str, int, int]:
    """The shorter first: what is longer in the same normal form may be too long to be fit."""
    anchor, positive = example.anchor, example.positive or ""
    return normal(anchor), len(anchor) + len(positive), anchor, positive, example.position, example.part
