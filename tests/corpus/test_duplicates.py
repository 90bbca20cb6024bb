"""Rows that share all keys, yet are no twins: a crowd hides neither its own twins nor those of others."""

from __future__ import annotations

import random

import numpy as np
from rosberta.corpus.duplicates import BANDS, CROWD, KEPT, REASONS, Rows, Settled, Source, settle, shared

CHANCE = random.Random(0)
TEXTS = [" ".join("".join(CHANCE.choices("абвгдежзиклмнопрст", k=6)) for _ in range(20)) for _ in range(40)]


def settled(*sources: tuple[str, list[str]]) -> Settled:
    """What becomes of single texts, in their order, of sources with mixtures, where all share all bands."""
    texts = [text for _, each in sources for text in each]
    number = np.arange(len(texts), dtype=np.uint64)
    bands = np.full((len(texts), BANDS), 7, np.uint64)
    rows = Rows(number, np.zeros(len(texts), bool), number, number, bands)
    starts = np.cumsum([0, *(len(each) for _, each in sources)])
    names = [Source(str(place), 10**6, frozenset(mixtures)) for place, (mixtures, _) in enumerate(sources)]
    return settle(names, starts, rows, lambda wanted: {row: (texts[row], "") for row in wanted.tolist()}, 0.85)


def near(found: Settled) -> dict[int, int]:
    """The near duplicates, with the rows that are kept instead."""
    assert set(found.reasons.tolist()) <= {KEPT, REASONS.index("near duplicate")}
    return {row: int(found.instead[row]) for row in np.flatnonzero(found.reasons != KEPT).tolist()}


def test_each_of_a_crowd_finds_its_twin() -> None:
    """As many as are compared, not the first alone; of a larger crowd those behind are left."""
    few = TEXTS[:12]
    assert near(settled(("m", [*few, *(f"{text} ещё" for text in few)]))) == {12 + n: n for n in range(12)}
    twins = [f"{text} ещё" for text in TEXTS]
    assert near(settled(("m", [*TEXTS, *twins]))) == {len(TEXTS) + n: n for n in range(CROWD)}


def test_a_crowd_of_another_mixture_hides_no_twins() -> None:
    """Rows to which a source does not yield take no place from its own; those to which it yields are found."""
    own = TEXTS[30:]
    twins = [*own, *(f"{text} ещё" for text in own)]
    first = len(TEXTS[:30])
    assert near(settled(("m", TEXTS[:30]), ("n", twins))) == {first + 10 + n: first + n for n in range(10)}
    copies = [f"{text} ещё" for text in TEXTS[:CROWD]]
    assert near(settled(("mn", TEXTS[:30]), ("n", copies))) == {30 + n: n for n in range(CROWD)}
    assert near(settled(("m", TEXTS[:30]), ("n", copies))) == {}


def test_keys_that_others_have_are_numbered_by_key() -> None:
    """Against plain counting; a key of one row alone is none, and the same value in two columns is two keys."""
    chance = np.random.default_rng(0)
    rows = Rows(
        np.zeros(200, np.uint64),
        chance.random(200) < 0.5,
        *(chance.integers(0, 150, 200).astype(np.uint64) for _ in range(2)),
        chance.integers(0, 120, (200, 3)).astype(np.uint64),
    )
    found = shared(rows)
    columns = np.column_stack((rows.pairs, rows.either, rows.bands))
    numbers: dict[int, tuple[int, int]] = {}
    for row in range(200):
        for column in range(5):
            several = int((columns[:, column] == columns[row, column]).sum()) > 1
            assert (found[row, column] >= 0) == (several and (column != 1 or rows.turns[row]))
            if found[row, column] >= 0:
                key = (column, int(columns[row, column]))
                assert numbers.setdefault(int(found[row, column]), key) == key
    assert len(set(numbers.values())) == len(numbers)
