"""Rows that other rows say already: equal, swapped, and nearly equal ones.

Memory holds hashes of all rows, and the texts of those alone that share a band with others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from rosberta.frame.artifacts import COLLECTED, DUPLICATES
from rosberta.frame.rows import read_batches
from rosberta.texts import near_duplicates
from rosberta.texts.ngrams import hash_text
from rosberta.texts.normalisation import normal

LISTED = pa.schema([(name, pa.string()) for name in ("id", "reason", "kept_source", "kept_id")])
"""A row to drop, and the row that is kept instead."""

_NONE = -1
_PAIRS = 1 << 16
"""Pairs that are Python's own numbers at once."""


class Rows(NamedTuple):
    """All rows, in the order of precedence, as hashes."""

    pairs: np.ndarray
    """uint64, (rows,): of both normal forms."""
    swapped: np.ndarray
    """uint64, (rows,): of both the other way round, where the pair is symmetric; else that of the pair."""
    anchors: np.ndarray
    """uint64, (rows, bands) of the anchors."""


def by_precedence(groups: dict[str, str], precedence: Sequence[str]) -> list[str]:
    """Sources in the order in which they keep what others have, too."""
    places = {group: place for place, group in enumerate(precedence)}
    return sorted(groups, key=lambda name: (places.get(groups[name], len(places)), name))


def hashes_of(source: str) -> Rows:
    """The hashes of a source's collected rows."""
    pairs, swapped, anchors = [], [], [np.zeros((0, near_duplicates.BANDS), np.uint64)]
    for batch in read_batches(COLLECTED / f"{source}.parquet", ["anchor", "positive", "prefix"]):
        forms = [normal(row["anchor"]) for row in batch]
        others = [normal(row["positive"] or "") for row in batch]
        pairs += [hash_text(f"{form}\n{other}") for form, other in zip(forms, others, strict=True)]
        swapped += [
            hash_text(f"{other}\n{form}" if row["prefix"] != "search" else f"{form}\n{other}")
            for row, form, other in zip(batch, forms, others, strict=True)
        ]
        anchors.append(near_duplicates.bands(forms))
    return Rows(np.array(pairs, np.uint64), np.array(swapped, np.uint64), np.concatenate(anchors))


def exact(rows: Rows) -> tuple[np.ndarray, list[str | None]]:
    """For each row the earlier one that it equals (`_NONE`: there is none), and how."""
    number = len(rows.pairs)
    kept, reasons = np.full(number, _NONE, np.int64), np.full(number, None, object)
    # Sorted by hash and then by place, the first of a run is the earliest.
    order = np.argsort(rows.pairs, kind="stable")
    values = rows.pairs[order]
    first = np.concatenate(([True], values[1:] != values[:-1])) if number else np.zeros(0, bool)
    earliest = order[np.flatnonzero(first)[np.cumsum(first) - 1]] if number else order
    later = earliest < order
    kept[order[later]], reasons[order[later]] = earliest[later], "duplicate"
    heads = values[first]
    places = np.searchsorted(heads, rows.swapped)
    places[places == len(heads)] = 0
    if number:
        twin = order[first][places]
        swapped = (heads[places] == rows.swapped) & (twin < np.arange(number)) & (kept == _NONE)
        swapped &= rows.swapped != rows.pairs
        kept[swapped], reasons[swapped] = twin[swapped], "swapped duplicate"
    return kept, list(reasons)


def similar(
    rows: Rows,
    texts: Callable[[np.ndarray], Mapping[int, tuple[str, str]]],
    least: float,
    kept: np.ndarray,
    reasons: list[str | None],
) -> None:
    """Mark rows whose anchor and positive are each similar to those of an earlier row that is kept.

    Args:
        rows: all rows.
        texts: gives the normal forms of wanted rows, by row.
        least: similarity at least.
        kept: of each row the earlier one that it equals; completed here.
        reasons: of each row; completed here.
    """
    alive = np.flatnonzero(kept == _NONE)
    keys = rows.anchors[alive]
    # A pair as one number, and each once: many rows with one anchor share every band.
    numbers = np.zeros(0, np.int64)
    for found in near_duplicates.pairs_within(keys):
        numbers = np.union1d(numbers, alive[found[:, 0]] * len(kept) + alive[found[:, 1]])
    pairs = np.stack(np.divmod(numbers, len(kept)), axis=1) if len(numbers) else np.zeros((0, 2), np.int64)
    if not len(pairs):
        return
    forms = texts(np.unique(pairs))
    # By the later row: each is held to the earliest that it is near to.
    pairs = pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))]
    with tqdm(total=len(pairs), desc="compare", unit="pair") as bar:
        for start in range(0, len(pairs), _PAIRS):
            for earlier, later in pairs[start : start + _PAIRS].tolist():
                # Whether the earlier one is kept has been decided: a chain of rows must not carry away its far end.
                if (
                    kept[later] == _NONE
                    and kept[earlier] == _NONE
                    and all(
                        one == other or near_duplicates.similarity(one, other) >= least
                        for one, other in zip(forms[earlier], forms[later], strict=True)
                    )
                ):
                    kept[later], reasons[later] = earlier, "near duplicate"
                bar.update()


def settle(kept: np.ndarray) -> None:
    """Name for each row the one that really stays: what it equals may itself equal an earlier one."""
    for row in np.flatnonzero(kept != _NONE):
        # The earlier row is settled already.
        if kept[kept[row]] != _NONE:
            kept[row] = kept[kept[row]]


def forms_of(sources: Sequence[str], starts: np.ndarray, wanted: np.ndarray) -> dict[int, tuple[str, str]]:
    """The normal forms of wanted rows."""
    forms: dict[int, tuple[str, str]] = {}
    for name, start, end in zip(sources, starts, starts[1:], strict=False):
        of_source = set(wanted[(wanted >= start) & (wanted < end)].tolist())
        row = int(start)
        for batch in read_batches(COLLECTED / f"{name}.parquet", ["anchor", "positive"]) if of_source else ():
            for each in batch:
                if row in of_source:
                    forms[row] = (normal(each["anchor"]), normal(each["positive"] or ""))
                row += 1
    return forms


def write_lists(
    folder: Path, sources: Sequence[str], starts: np.ndarray, kept: np.ndarray, reasons: Sequence[str | None]
) -> None:
    """Write each source's list (`LISTED`)."""
    dropped = np.flatnonzero(kept != _NONE)
    ids = _ids(sources, starts, np.unique(np.concatenate((dropped, kept[dropped]))))
    for name, start, end in zip(sources, starts, starts[1:], strict=False):
        mine = dropped[(dropped >= start) & (dropped < end)].tolist()
        lines = [
            {"id": ids[row][1], "reason": reasons[row], "kept_source": ids[kept[row]][0], "kept_id": ids[kept[row]][1]}
            for row in mine
        ]
        pq.write_table(pa.Table.from_pylist(lines, schema=LISTED), folder / f"{name}.parquet", compression="zstd")


def _ids(sources: Sequence[str], starts: np.ndarray, wanted: np.ndarray) -> dict[int, tuple[str, str]]:
    """Source and id of wanted rows."""
    found: dict[int, tuple[str, str]] = {}
    for name, start, end in zip(sources, starts, starts[1:], strict=False):
        rows = wanted[(wanted >= start) & (wanted < end)]
        if len(rows):
            column = pq.read_table(COLLECTED / f"{name}.parquet", columns=["id"])["id"].take(rows - start)
            found |= {row: (name, id) for row, id in zip(rows.tolist(), column.to_pylist(), strict=True)}
    return found


def duplicates(source: str) -> dict[str, str]:
    """The reason to drop a row of a source, by the row's id.

    Raises:
        Mistake: the list is missing or damaged.
    """
    path = DUPLICATES / f"{source}.parquet"
    return {row["id"]: row["reason"] for batch in read_batches(path, ["id", "reason"]) for row in batch}
