"""The one draw by which a pair is sampled, from its raw row to the cap of its source.

The number is drawn for what the pair says, its normal forms: what cleaning does to a text moves no draw, and copies of
a pair, turned round where both sides take the same prefix, are one item of the sample.
"""

from __future__ import annotations

import json
from dataclasses import replace
from struct import Struct

from rosberta.corpus.adapters import Example
from rosberta.texts.draws import draw
from rosberta.texts.lookalikes import unmixed
from rosberta.texts.normalisation import normal

_HEAD = Struct(">QIII")
"""Position and part, by which packed examples are in order, and the numbers of negatives and of unusable ones."""


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


def merged(*several: Example) -> Example:
    """Examples of one pair as one: the first by its texts, with the negatives and positives of all.

    Of a pair that is turned round nothing is taken over: what belongs to its anchor belongs to another text. Which of
    several comes first does not depend on the order in which they come.
    """
    first, *others = sorted(several, key=_place)
    mine = [first, *(each for each in others if normal(each.anchor) == normal(first.anchor))]
    return replace(
        first,
        negatives=tuple(sorted({text for each in mine for text in each.negatives})),
        positives=tuple(sorted({text for each in mine for text in each.positives} - {first.positive or ""})),
        unusable=sum(each.unusable for each in mine),
    )


def _place(example: Example) -> tuple[str, bool, int, str, str, int, int]:
    """Those first whose words do not mix alphabets, and of these the shorter.

    What mixes them is not what its author wrote; what is longer in the same normal form may be too long to be fit.
    """
    anchor, positive = example.anchor, example.positive or ""
    mixed = any(unmixed(folded) != folded for folded in (anchor.casefold(), positive.casefold()))
    return normal(anchor), mixed, len(anchor) + len(positive), anchor, positive, example.position, example.part


def packed(example: Example) -> bytes:
    """An example as bytes, which take a third of its memory and sort as its row does in the source."""
    texts = (example.anchor, example.positive, example.negatives, example.positives)
    head = _HEAD.pack(example.position, example.part, len(example.negatives), example.unusable)
    return head + json.dumps(texts, ensure_ascii=False).encode("utf-8", "surrogatepass")


def unpacked(content: bytes) -> Example:
    """The example that was packed."""
    position, part, _, unusable = _HEAD.unpack_from(content)
    anchor, positive, negatives, positives = json.loads(content[_HEAD.size :].decode("utf-8", "surrogatepass"))
    return Example(position, anchor, positive, tuple(negatives), unusable, part, tuple(positives))


def negatives_of(content: bytes) -> int:
    """How many negatives a packed example has."""
    return int(_HEAD.unpack_from(content)[2])


def unusable_of(content: bytes) -> int:
    """How many negatives of a packed example were unusable."""
    return int(_HEAD.unpack_from(content)[3])


def merged_packed(*several: bytes) -> bytes:
    """`merged` of packed examples."""
    return packed(merged(*map(unpacked, several)))
