"""Rows that other rows say already, and the sample that brings a source under its cap.

All rows are fit. They are taken source by source, each source's in the order of their draws: a row that no kept one
says already is kept, until the source has as many as its cap. What is kept is thus the plain seeded sample of a
source's distinct rows, and no row goes for one that is not there.

A source yields to another only where every mixture that it is in holds the other, too. So no mixture loses a row to a
source that it does not hold, and a mixture is the same whatever other sources there are. Sources of more mixtures come
first: of nested mixtures the larger lose nothing either. Two sources of which neither is everywhere where the other is
(`basic_english` and `basic_russian` of the recipe, whose languages differ) keep what they share. So it is of mixtures
declared together, as the recipe's five are: where one is declared alone, all its sources are in the same mixtures, and
of what two of them share one row is left.

Memory holds hashes of all rows, and the texts of those alone that share a band with others. Time is linear in the rows,
whatever they share.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from rosberta.corpus.sampling import number_of, symmetric
from rosberta.frame.artifacts import CLEANED
from rosberta.frame.rows import ROW, Writer, batches_of, number_of_rows, read_batches
from rosberta.texts import near_duplicates
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal

OVER_CAP = "over the cap"
REASONS = ("duplicate", "swapped duplicate", "near duplicate", OVER_CAP)
LISTED = pa.schema([(name, pa.string()) for name in ("id", "reason", "kept_source", "kept_id")])
"""A row that another one says, and that one."""

BANDS, SIZE = 24, 5
"""Of a signature of 120 numbers. Rows share a band of both sides in 99.5 cases of 100 where each side has a similarity
of 0.85, in 99.99 of 100 where one side is equal or both have 0.9, and in 1 of 40 where both have 0.5."""
CROWD = 16
"""Kept rows of one key with which a row is compared at most: rows share a key where both sides do, so those of a larger
crowd are near to one of these, or have other keys."""
KEPT = -1
_READ = 4096
_FORM = 1 << 16
"""Rows of a row group."""
_TELLING = re.compile(r"\d+|\b(?:не|ни|нет|no|not|nor|never|cannot|(?<=n )t)\b")
"""Numbers and negations of a normal form, in which "don't" is "don t"."""


class Source(NamedTuple):
    """A source, its cap, and the mixtures that hold it."""

    name: str
    cap: int
    mixtures: frozenset[str]


class Rows(NamedTuple):
    """All rows, source after source, as hashes."""

    draws: np.ndarray
    """uint64, (rows,)."""
    turns: np.ndarray
    """bool, (rows,): whether the pair may be turned round."""
    pairs: np.ndarray
    """uint64, (rows,): of both normal forms."""
    either: np.ndarray
    """uint64, (rows,): of both in either order."""
    bands: np.ndarray
    """uint64, (rows, BANDS): of both sides' bands in either order; (rows, 0) where nothing near is looked for."""


class Settled(NamedTuple):
    """What becomes of each row."""

    reasons: np.ndarray
    """int8, (rows,): `KEPT`, or the place of the reason in `REASONS`."""
    instead: np.ndarray
    """int64, (rows,): the kept row that says it already, -1 where there is none."""


def in_order(sources: Sequence[tuple[Source, str]], precedence: Sequence[str]) -> list[Source]:
    """Sources in the order in which they keep what others have, too: more mixtures, then group, then name.

    Args:
        sources: each with its group.
        precedence: of groups; one that is not named comes last.
    """
    places = {group: place for place, group in enumerate(precedence)}
    ranked = sorted(sources, key=lambda each: (-len(each[0].mixtures), places.get(each[1], len(places)), each[0].name))
    return [source for source, _ in ranked]


def hashes_of(sources: Sequence[Source], seed: int, *, near: bool) -> tuple[np.ndarray, Rows]:
    """Where each source's rows begin, int64, (sources + 1,), and the hashes of all cleaned rows."""
    starts = np.cumsum([0, *(number_of_rows(CLEANED / f"{source.name}.parquet") for source in sources)])
    number = int(starts[-1])
    draws, pairs, either = (np.empty(number, np.uint64) for _ in range(3))
    turns, bands = np.empty(number, bool), np.empty((number, BANDS if near else 0), np.uint64)
    for source, start in zip(tqdm(sources, desc="read sources", unit="source"), starts.tolist(), strict=False):
        for batch in read_batches(CLEANED / f"{source.name}.parquet", ["anchor", "positive", "prefix"], _READ):
            here = slice(start, start := start + len(batch))
            sides = [(normal(row["anchor"]), normal(row["positive"] or "")) for row in batch]
            turned = [symmetric(row["prefix"]) for row in batch]
            turns[here] = turned
            draws[here] = [number_of(seed, *side, turns=each) for side, each in zip(sides, turned, strict=True)]
            pairs[here] = [hash_text("\n".join(side)) for side in sides]
            either[here] = [hash_text("\n".join(sorted(side))) for side in sides]
            if near:
                anchors, positives = (near_duplicates.bands(side, BANDS, SIZE) for side in zip(*sides, strict=True))
                bands[here] = anchors + positives
    return starts, Rows(draws, turns, pairs, either, bands)


def shared(rows: Rows) -> np.ndarray:
    """The keys that rows share, of `pairs`, `either` and `bands`: int, (rows, 2 + BANDS).

    A number from 0 for each key, another in each column; -1 where no other row has the key, and in `either` where the
    pair may not be turned round. The type is the narrowest that holds them.
    """
    shape = len(rows.pairs), 2 + rows.bands.shape[1]
    found = np.full(shape, -1, np.min_scalar_type(-shape[0] * shape[1] - 1))
    number = 0
    for column in range(shape[1]):
        keys = (rows.pairs, rows.either)[column] if column < 2 else rows.bands[:, column - 2]
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        equal = np.zeros(len(keys) + 1, bool)
        equal[1:-1] = keys[1:] == keys[:-1]
        # The first of a key, and those behind it.
        first, held = equal[1:] & ~equal[:-1], equal[1:] | equal[:-1]
        numbers = number + np.cumsum(first) - 1
        found[order[held], column] = numbers[held]
        number += int(first.sum())
    found[~rows.turns, 1] = -1
    return found


def settle(
    sources: Sequence[Source],
    starts: np.ndarray,
    rows: Rows,
    texts: Callable[[np.ndarray], Mapping[int, tuple[str, str]]],
    least: float | None,
) -> Settled:
    """Say of each row whether it is kept, and why not.

    Args:
        sources: in order.
        starts: int64, (sources + 1,): where each one's rows begin.
        rows: all rows.
        texts: gives the normal forms of wanted rows, by row.
        least: Jaccard similarity of both sides from which rows are near; None: equal rows alone are duplicates.
    """
    number = len(rows.pairs)
    reasons = np.full(number, KEPT, np.int8)
    instead = np.full(number, -1, np.int64)
    keys_of = shared(rows)
    marked = np.any(keys_of >= 0, axis=1, keepdims=True)[:, 0]
    close = _Near(texts(np.flatnonzero((keys_of[:, 2:] >= 0).any(axis=1))), rows.turns, least or 1.0)
    # The kept rows that have a key: the first of each, and of few keys those behind it.
    heads = array("q", [-1]) * (int(keys_of.max(initial=-1)) + 1)
    behind: dict[int, list[int]] = {}
    of_row = array("q", np.repeat(np.arange(len(sources)), np.diff(starts)).tobytes())
    yields = [[one.mixtures <= other.mixtures for other in sources] for one in sources]

    def holders(key: int) -> Sequence[int]:
        return () if heads[key] < 0 else (heads[key], *behind.get(key, ()))

    def twin(row: int, keys: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
        may, seen = yields[of_row[row]], set()
        for column, key in keys:
            for other in holders(key):
                if other not in seen and may[of_row[other]]:
                    if column < 2:
                        return column, other
                    seen.add(other)
                    if close(other, row):
                        return 2, other
        return None

    with tqdm(total=len(sources), desc="settle", unit="source") as bar:
        for place, (source, start, end) in enumerate(zip(sources, starts.tolist(), starts[1:].tolist(), strict=False)):
            order = start + np.argsort(rows.draws[start:end], kind="stable")
            ranks = np.flatnonzero(marked[order])
            gone = 0
            for rank, row in zip(ranks.tolist(), order[ranks].tolist(), strict=True):
                if rank - gone >= source.cap:
                    break
                keys = [(column, key) for column, key in enumerate(keys_of[row].tolist()) if key >= 0]
                found = twin(row, keys)
                if found is not None:
                    reasons[row], instead[row] = found
                    gone += 1
                    continue
                for column, key in keys:
                    if heads[key] < 0:
                        heads[key] = row
                    # Those that a source does not yield to must not keep its own from it.
                    elif column < 2 or sum(yields[place][of_row[other]] for other in holders(key)) < CROWD:
                        behind.setdefault(key, []).append(row)
            left = order[reasons[order] == KEPT]
            reasons[left[source.cap :]] = REASONS.index(OVER_CAP)
            bar.update()
    return Settled(reasons, instead)


class _Near:
    """Whether two rows say nearly the same: both sides are similar, in either order where both may be turned round.

    Texts whose numbers or negations differ are never near: few letters, and the text says something else.
    """

    def __init__(self, forms: Mapping[int, tuple[str, str]], turns: np.ndarray, least: float) -> None:
        self._forms, self._turns, self._least = forms, turns, least

    def __call__(self, one: int, other: int) -> bool:
        mine, theirs = self._forms[one], self._forms[other]
        if self._sides(mine, theirs):
            return True
        return bool(self._turns[one] and self._turns[other]) and self._sides(mine, theirs[::-1])

    def _sides(self, mine: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
        sides = list(zip(mine, theirs, strict=True))
        return all(_TELLING.findall(one) == _TELLING.findall(other) for one, other in sides) and all(
            one == other or near_duplicates.similarity(one, other) >= self._least for one, other in sides
        )


def forms_of(sources: Sequence[Source], starts: np.ndarray, wanted: np.ndarray) -> dict[int, tuple[str, str]]:
    """The normal forms of wanted rows."""
    return {
        row: (normal(each["anchor"]), normal(each["positive"] or ""))
        for row, each in _read(sources, starts, wanted, ["anchor", "positive"])
    }


def _read(
    sources: Sequence[Source], starts: np.ndarray, wanted: np.ndarray, columns: Sequence[str]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Some columns of wanted rows, which are sorted."""
    for source, start, end in zip(sources, starts.tolist(), starts[1:].tolist(), strict=False):
        mine = wanted[(wanted >= start) & (wanted < end)]
        if not len(mine):
            continue
        first = start
        with pq.ParquetFile(CLEANED / f"{source.name}.parquet") as file:
            for batch in batches_of(file, _FORM, columns):
                here = mine[(mine >= first) & (mine < first + len(batch))]
                yield from zip(here.tolist(), batch.take(pa.array(here - first)).to_pylist(), strict=True)
                first += len(batch)


def write(
    kept: Path, lists: Path, sources: Sequence[Source], starts: np.ndarray, settled: Settled
) -> dict[str, dict[str, Any]]:
    """Write each source's rows that are kept, and the list of those that others say (`LISTED`); return the counts.

    A row takes over the negatives and further positives of an equal one of a source that is in the same mixtures.
    """
    of_row = np.repeat(np.arange(len(sources)), np.diff(starts))
    said = np.flatnonzero(settled.instead >= 0)
    named = np.unique(np.concatenate((said, settled.instead[said])))
    ids = {row: each["id"] for row, each in _read(sources, starts, named, ["id"])}
    equal = said[settled.reasons[said] == 0]
    places = {mixtures: place for place, mixtures in enumerate({source.mixtures for source in sources})}
    within = np.array([places[source.mixtures] for source in sources])[of_row]
    same = within[equal] == within[settled.instead[equal]]
    taken: dict[int, list[dict[str, Any]]] = {}
    for row, brought in _read(sources, starts, equal[same], ["negatives", "positives"]):
        taken.setdefault(int(settled.instead[row]), []).append(brought)
    counts = {}
    for place, (source, start, end) in enumerate(zip(sources, starts.tolist(), starts[1:].tolist(), strict=False)):
        reasons = settled.reasons[start:end]
        numbers = {name: int((reasons == code).sum()) for code, name in enumerate(REASONS)}
        number = int((reasons == KEPT).sum())
        counts[source.name] = {
            "read": end - start,
            "kept": number,
            "dropped": {name: count for name, count in numbers.items() if count},
        }
        _copy(
            CLEANED / f"{source.name}.parquet",
            kept / f"{source.name}.parquet",
            start,
            reasons,
            taken,
            counts[source.name],
        )
        listed = Writer(lists / f"{source.name}.parquet", LISTED)
        listed.write(
            {
                "id": ids[row],
                "reason": REASONS[settled.reasons[row]],
                "kept_source": sources[of_row[settled.instead[row]]].name,
                "kept_id": ids[int(settled.instead[row])],
            }
            for row in said[of_row[said] == place].tolist()
        )
        listed.close({})
    return counts


def _copy(
    path: Path,
    target: Path,
    start: int,
    reasons: np.ndarray,
    taken: Mapping[int, Sequence[Mapping[str, Any]]],
    counts: Mapping[str, Any],
) -> None:
    writer = Writer(target, ROW)
    first = 0
    with pq.ParquetFile(path) as file:
        for batch in batches_of(file, _FORM):
            rows = first + np.flatnonzero(reasons[first : first + len(batch)] == KEPT)
            table = pa.Table.from_batches([batch]).take(pa.array(rows - first))
            if any(start + row in taken for row in rows.tolist()):
                lines = [
                    _with(line, taken.get(start + row, ()))
                    for row, line in zip(rows.tolist(), table.to_pylist(), strict=True)
                ]
                table = pa.Table.from_pylist(lines, schema=ROW)
            writer.table(table)
            first += len(batch)
    writer.close(counts)


def _with(row: dict[str, Any], others: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A row with the negatives and positives of equal ones, one of each normal form; what is both is positive."""
    positives = {normal(text): text for text in (row["positive"], row["anchor"]) if text is not None}
    own = len(positives)
    for text in (text for each in (row, *others) for text in each["positives"]):
        positives.setdefault(normal(text), text)
    negatives: dict[str, str] = {}
    for text in (text for each in (row, *others) for text in each["negatives"]):
        if (form := normal(text)) not in positives:
            negatives.setdefault(form, text)
    return {**row, "negatives": list(negatives.values()), "positives": list(positives.values())[own:]}
