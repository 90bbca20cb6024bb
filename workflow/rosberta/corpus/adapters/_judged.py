"""Pairs that a label or a score judges: the core of `nli`, `labelled_pairs`, `dino_sts` and `scored_pairs`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from rosberta.corpus.adapters import Drop, Example, example, with_positives
from rosberta.corpus.raw_files import Raw

POSITIVE = "positive"
NEGATIVE = "negative"

Judge = Callable[[Any], str]
"""From the judgement's column to `POSITIVE`, `NEGATIVE`, or the reason to drop the row."""


def judged(raw: Iterable[Raw], anchor: str, text: str, judgement: str, judge: Judge) -> Iterator[Example | Drop]:
    """Make each positive row an example, for a judge that finds no negatives; nothing is held in memory."""
    for position, row in enumerate(raw):
        verdict = judge(row[judgement])
        yield example(position, row[anchor], row[text]) if verdict == POSITIVE else Drop(verdict)


def grouped(raw: Iterable[Raw], anchor: str, text: str, judgement: str, judge: Judge) -> Iterator[Example | Drop]:
    """Make each positive row an example, with all negative texts of the same anchor as its given negatives.

    The other positive texts of the anchor are its further positives. A negative row is dropped as a row of its own:
    its text lives on with the positives of its anchor, if it has any. Whatever is judged positive or negative is held
    in memory, since a group's rows may lie anywhere in the source: about a gigabyte for a million rows of sentences, so
    XNLI's 393 thousand fit anywhere and a web corpus does not.
    """
    positives: list[Example] = []
    negatives: dict[str, list[str]] = {}
    for position, row in enumerate(raw):
        verdict = judge(row[judgement])
        if verdict not in (POSITIVE, NEGATIVE):
            yield Drop(verdict)
            continue
        made = example(position, row[anchor], row[text])
        if isinstance(made, Drop):
            yield made
        elif verdict == POSITIVE:
            positives.append(made)
        else:
            negatives.setdefault(made.anchor, []).append(row[text])
    for made in with_positives(positives):
        yield replace(made, negatives=tuple(dict.fromkeys(negatives.get(made.anchor, ()))))
    with_positive = {made.anchor for made in positives}
    for group, texts in negatives.items():
        reason = "became a negative" if group in with_positive else "negative without a positive"
        yield from (Drop(reason) for _ in texts)
