"""The schedule of a contrastive training: which rows meet in which device batch of which step.

It follows from the plan and the seed alone, and not from the machine: a step is so many *device batches*, each of one
source, drawn in proportion to the sources' sizes (paper 4.3, A.2.1). One process computes them one after the other,
several share them out; the gradient is the same.

InfoNCE takes all texts of the other rows of a device batch for negatives. Two rows are kept apart when one of them
holds the other's anchor, or a positive that the other's anchor has in any row of the source, further ones included,
whatever its case, ё or punctuation. That two rows share a hard negative does no harm. Rows that fit nowhere are left
out, and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rosberta.texts.draws import draw

ROUNDS = 24
"""Attempts to find another batch for rows that met a false negative."""

SHORT = "would be false negatives of each other, in any batch"
MANY = 64
"""Positives of an anchor from which on a row is asked whose positives its texts are, rather than for its own."""
LEAST = 4
"""A device batch of fewer rows than this part of a full one is left out: it would weigh as much as a full one."""
LOST = 0.02
"""Share of the placed rows that may be given up for full batches."""
SMALL = "their batch would be too small"
HELD_OUT = "are held out for validation, or share an anchor or a positive with one that is"


class Texts(NamedTuple):
    """What decides whether rows of a source may meet, as numbers of normal forms."""

    forms: np.ndarray
    """int64, (rows, 2 + negatives): anchor, positive, negatives."""
    own: np.ndarray
    """int64: of each row its anchor, and the positives of its anchor in any row, if these are few."""
    own_starts: np.ndarray
    """int64, (rows + 1,): where each row's begin."""
    owners: np.ndarray
    """int64: of each row the anchors with many positives of which one is a text of the row."""
    owners_starts: np.ndarray
    """int64, (rows + 1,)."""
    rows: np.ndarray
    """int64: of each row its number in its source."""
    held_out: int
    """Rows of the source that are not among these."""


def texts_of(forms: np.ndarray, rows: np.ndarray | None = None, positives: np.ndarray | None = None) -> Texts:
    """Find out which texts may not be a negative of which row.

    Args:
        forms: int64, (rows, 2 + negatives): numbers of the normal forms of anchor, positive and negatives.
        rows: that are trained on, rising; all, if not given.
        positives: int64, (pairs, 2): of an anchor and a further positive of it; None: none is known.
    """
    number = len(forms)
    rows = np.arange(number) if rows is None else rows
    forms = (forms if len(rows) == number else forms[rows]).astype(np.int64)
    pairs = forms[:, :2]
    if positives is not None:
        # What is a text of no row meets none.
        pairs = np.concatenate([pairs, positives[np.isin(positives[:, 1], forms)]])
    pairs = np.unique(pairs, axis=0)
    anchors, positives = np.unique(pairs[:, 0], return_counts=True)
    many = anchors[positives > MANY]
    few = pairs[~np.isin(pairs[:, 0], many)]
    # The anchor first, then its positives; sorted by anchor, so that a row's are found at once.
    own = np.concatenate([np.stack([anchors, anchors], axis=1), few])
    heavy = pairs[np.isin(pairs[:, 0], many)][:, ::-1]
    return Texts(forms, *_lists(own, forms[:, :1]), *_lists(heavy, forms), rows, number - len(rows))


def _lists(pairs: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of pairs (key, value) the values of all keys of each row, and where each row's begin."""
    pairs = pairs[np.argsort(pairs[:, 0], kind="stable")]
    flat = keys.ravel()
    left = np.searchsorted(pairs[:, 0], flat, "left")
    counts = np.searchsorted(pairs[:, 0], flat, "right") - left
    of_rows = counts.reshape(keys.shape).sum(axis=1)
    return pairs[_ranges(left, counts), 1], np.concatenate([[0], np.cumsum(of_rows)]).astype(np.int64)


def _ranges(left: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The numbers left[i], ..., left[i] + counts[i] - 1 of all i, one after the other."""
    return np.repeat(left - np.cumsum(counts) + counts, counts) + np.arange(int(counts.sum()))


@dataclass(frozen=True)
class Schedule:
    """Device batches in the order of the steps."""

    devices: int
    """Device batches of a step."""
    sources: tuple[str, ...]
    source: np.ndarray
    """int32, (batches,): of each device batch the place of its source in `sources`."""
    rows: np.ndarray
    """int64: rows of their source, batch after batch."""
    starts: np.ndarray
    """int64, (batches + 1,): where each batch's rows begin."""
    left_out: Mapping[str, Mapping[str, int]]
    """Rows of the first epoch that are not trained on, by source and reason."""

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return -(-len(self.source) // self.devices)

    def step(self, number: int) -> list[tuple[int, str, np.ndarray]]:
        """The device batches of a step, from 0: number within the step, source, rows."""
        first = number * self.devices
        return [
            (place - first, self.sources[self.source[place]], self.rows[self.starts[place] : self.starts[place + 1]])
            for place in range(first, min(first + self.devices, len(self.source)))
        ]

    def rows_of(self, number: int) -> int:
        """Rows of a step."""
        first, last = number * self.devices, min((number + 1) * self.devices, len(self.source))
        return int(self.starts[last] - self.starts[first])


def schedule(
    texts: Mapping[str, Texts],
    *,
    batch_size: int,
    devices: int,
    seed: int,
    epochs: float = 1.0,
    max_steps: int | None = None,
) -> Schedule:
    """Draw the schedule of a training; a pure function.

    Args:
        texts: of each source, in the order of the plan.
        batch_size: rows of a device batch at most.
        devices: device batches of a step.
        seed: of all draws; an epoch's draws are its own.
        epochs: passes over the sources, the last of which may be a part of one.
        max_steps: steps instead of `epochs`.
    """
    sources = tuple(texts)
    batches: list[tuple[int, np.ndarray]] = []
    left_out: dict[str, dict[str, int]] = {}
    wanted = None if max_steps is None else max_steps * devices
    epoch = 0
    while epoch < epochs if wanted is None else len(batches) < wanted:
        drawn: list[tuple[int, np.ndarray]] = []
        for place, name in enumerate(sources):
            found, reasons = _batches(texts[name], batch_size, draw(seed, "rows", name, str(epoch)))
            drawn += [(place, texts[name].rows[rows]) for rows in found]
            if epoch == 0 and reasons:
                left_out[name] = reasons
        if not drawn:
            break
        order = np.random.Generator(np.random.PCG64(draw(seed, "order", str(epoch)))).permutation(len(drawn))
        share = min(1.0, epochs - epoch) if wanted is None else 1.0
        batches += [drawn[place] for place in order[: max(1, round(share * len(drawn)))]]
        epoch += 1
    batches = batches[:wanted]
    sizes = [len(rows) for _, rows in batches]
    return Schedule(
        devices,
        sources,
        np.array([place for place, _ in batches], np.int32),
        np.concatenate([rows for _, rows in batches]) if batches else np.zeros(0, np.int64),
        np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        left_out,
    )


def _batches(texts: Texts, size: int, seed: int) -> tuple[list[np.ndarray], dict[str, int]]:
    """One epoch of a source: batches of rows that may meet, and how many rows are left out, by reason."""
    number = len(texts.forms)
    waiting = np.random.Generator(np.random.PCG64(seed)).permutation(number)
    found: list[np.ndarray] = []
    while len(waiting):
        slots, over = _filled(texts, waiting, size, -(-len(waiting) // size))
        if len(over) > size:
            # Rows that fit nowhere leave holes: fewer batches are fuller, if they hold as many rows.
            placed = len(waiting) - len(over)
            fuller, more = _filled(texts, waiting, size, -(-placed // size))
            if len(more) - len(over) <= LOST * placed:
                slots, over = fuller, more
        batches = [row[row >= 0] for row in slots]
        largest = max(map(len, [*found, *batches]))
        if max(map(len, batches)) * LEAST < largest:
            break
        found, waiting = [*found, *batches], over
    kept = [rows for rows in found if LEAST * len(rows) >= max(map(len, found))]
    small = number - len(waiting) - sum(map(len, kept))
    reasons = {SHORT: len(waiting), SMALL: small, HELD_OUT: texts.held_out}
    return kept, {reason: count for reason, count in reasons.items() if count}


def _filled(texts: Texts, order: np.ndarray, size: int, batches: int) -> tuple[np.ndarray, np.ndarray]:
    """Batches as rows of places, -1 where one is empty, int64 (batches, size); and the rows that fit in none."""
    slots = np.full((batches, size), -1, np.int64)
    slots.ravel()[: min(len(order), batches * size)] = order[: batches * size]
    fixed = np.zeros(slots.shape, bool)
    waiting = order[batches * size :]
    for attempt in range(ROUNDS):
        expelled = _conflicts(texts, slots, fixed)
        gone = slots[expelled]
        slots[expelled] = -1
        fixed = slots >= 0
        waiting = np.concatenate([waiting, gone])
        if not len(waiting):
            break
        # One row a batch first, from another batch on in every attempt, so that equal rows are spread.
        rank = np.where(slots < 0, np.cumsum(slots < 0, axis=1), 0)
        batch, place = np.nonzero(slots < 0)
        turn = np.lexsort(((batch + attempt * 7) % batches, rank[batch, place]))[: len(waiting)]
        if not len(turn):
            break
        slots[batch[turn], place[turn]] = waiting[: len(turn)]
        waiting = waiting[len(turn) :]
    else:
        expelled = _conflicts(texts, slots, fixed)
        waiting = np.concatenate([waiting, slots[expelled]])
        slots[expelled] = -1
    return slots, waiting


def _conflicts(texts: Texts, slots: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Which places hold a row that may not meet another of its batch; of two the later, or the one not fixed, goes."""
    batch, place = np.nonzero(slots >= 0)
    rows = slots[batch, place]
    # Rows that stand there already come first, then by place.
    rank = np.where(fixed[batch, place], place, place + slots.shape[1])
    # Owners may be anchors of rows that are held out, which are in no row here.
    span = 1 + max(int(each.max(initial=0)) for each in (texts.forms, texts.own, texts.owners))
    each = np.arange(len(rows))
    wide = texts.forms.shape[1]
    held = (np.repeat(each, wide), texts.forms[rows].ravel())
    asked = (each, texts.forms[rows, 0])
    one, other = np.concatenate(
        [
            _meetings(batch, span, _entries(texts.own, texts.own_starts, rows), held),
            _meetings(batch, span, _entries(texts.owners, texts.owners_starts, rows), asked),
        ],
        axis=1,
    )
    later = np.where(rank[one] > rank[other], one, other)
    expelled = np.zeros(slots.shape, bool)
    expelled[batch[later], place[later]] = True
    return expelled


def _entries(values: np.ndarray, starts: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lists of some rows: the place of the row, and the value."""
    counts = starts[rows + 1] - starts[rows]
    return np.repeat(np.arange(len(rows)), counts), values[_ranges(starts[rows], counts)]


def _meetings(
    batch: np.ndarray, span: int, ones: tuple[np.ndarray, np.ndarray], others: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Pairs of different places of one batch that have a value in common, int64 (2, pairs)."""
    keys = batch[others[0]].astype(np.int64) * span + others[1]
    order = np.argsort(keys, kind="stable")
    wanted = batch[ones[0]].astype(np.int64) * span + ones[1]
    left = np.searchsorted(keys[order], wanted, "left")
    counts = np.searchsorted(keys[order], wanted, "right") - left
    found = np.stack([np.repeat(ones[0], counts), others[0][order[_ranges(left, counts)]]])
    return found[:, found[0] != found[1]]
