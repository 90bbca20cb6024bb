"""Stage `collect`: one source's raw files to training rows, a uniform sample of them where there are too many."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from rosberta import raw, sources
from rosberta.artifacts import COLLECTED, write_rows
from rosberta.draw import Sample, draw
from rosberta.hub import fetch
from rosberta.mistakes import Mistake, nearest
from rosberta.sources import Adapter, AdapterOptions, Drop, Example

if TYPE_CHECKING:
    from rosberta.params import Experiment, Source

log = logging.getLogger(__name__)

OVER_CAP = "over the cap"


def run(experiment: Experiment, key: str) -> None:
    """Write ``data/collected/<key>.parquet``.

    Its counts are ``read``, ``kept``, ``dropped`` by reason (read = kept + all dropped) and ``negatives``: ``given``
    with the rows kept, ``unusable`` and left out.

    Raises:
        Mistake: a file is missing or damaged, a column is missing, an option is wrong, or no row can be used.
    """
    source = experiment.collect.sources[key]
    folder = fetch("dataset", source.dataset)
    # More than the cap, since some of it will not pass the cleaning, which takes the cap's sample of what does.
    wanted = math.ceil((source.cap or experiment.collect.cap) * experiment.collect.surplus)
    try:
        rows, counts = collect(key, source, folder, cap=wanted, seed=experiment.collect.seed, limit=source.rows)
    except Mistake as mistake:
        raise Mistake(f"collect.sources.{key}: {source.dataset}: {mistake}") from None
    write_rows(COLLECTED / f"{key}.parquet", rows, counts)
    dropped = ", ".join(f"{number} {reason}" for reason, number in sorted(counts["dropped"].items()))
    log.info("%s: read %d, kept %d, dropped: %s", key, counts["read"], counts["kept"], dropped or "none")


def collect(
    name: str, source: Source, folder: Path, *, cap: int, seed: int, limit: int | None = None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Read, adapt and sample one source; return its rows in their original order, and the counts.

    With a `limit` no more than so many raw rows are read, of the files in an order that the seed draws.

    The sample holds the `cap` examples with the smallest number drawn for (seed, anchor, positive): another order of
    files or rows gives the same sample.
    """
    adapter = sources.adapter(source.adapter)
    options = sources.options(source.adapter, source.options)
    files = raw.files(folder, source.files)
    if limit is not None:
        files.sort(key=lambda file: draw(seed, "file", file.relative_to(folder).as_posix()))
    stream = Counted(tqdm(islice(_stream(files, folder, adapter, options), limit), name, unit="row"))
    sample: Sample[Example] = Sample(cap)
    dropped: Counter[str] = Counter()
    outcomes = 0
    for outcome in adapter.rows(stream, options, seed):
        outcomes += 1
        if isinstance(outcome, Drop):
            dropped[outcome.reason] += 1
        elif not sample.add(draw(seed, "sample", outcome.anchor, outcome.positive or ""), outcome.position, outcome):
            dropped[OVER_CAP] += 1
    if limit is not None and stream.count == limit:
        log.info("%s: stopped after %d raw rows, as `rows` says", name, limit)
    if outcomes != stream.count:
        raise RuntimeError(f"adapter {source.adapter!r} read {stream.count} rows and accounted for {outcomes}")
    if not len(sample):
        reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(dropped.items()))
        raise Mistake(
            f"none of {stream.count} rows can be used ({reasons or 'the files are empty'}); check its options"
        )
    counts = {
        "read": stream.count,
        "kept": len(sample),
        "dropped": dict(dropped),
        "negatives": {
            "given": sum(len(example.negatives) for example in sample),
            "unusable": sum(example.unusable for example in sample),
        },
    }
    return [_row(name, source, example) for example in sample], counts


class Counted:
    """An iterable that knows how many items were taken from it."""

    def __init__(self, items: Iterable[raw.Raw]) -> None:
        """Count from 0."""
        self._items = items
        self.count = 0

    def __iter__(self) -> Iterator[raw.Raw]:
        """Yield and count."""
        for item in self._items:
            self.count += 1
            yield item


def _stream(files: Sequence[Path], folder: Path, adapter: Adapter, options: AdapterOptions) -> Iterator[raw.Raw]:
    """Rows of all files, one after another, with the columns that the adapter needs."""
    for path in files:
        found = raw.columns(path)
        needed = adapter.columns(options, found)
        _require(needed, found, path.relative_to(folder).as_posix())
        yield from raw.rows(path, needed)


def _require(needed: Sequence[str], found: Sequence[str], file: str) -> None:
    for column in needed:
        if column not in found:
            near = nearest(column, found)
            hint = near if near.startswith("; did") else ""
            raise Mistake(f"{file} has no column {column!r}; it has: {', '.join(found) or 'none'}{hint}")


def _row(name: str, source: Source, example: Example) -> dict[str, Any]:
    return {
        "anchor": example.anchor,
        "positive": example.positive,
        "negatives": list(example.negatives),
        "task": source.task,
        "prefix": source.prefix,
        "language": source.language,
        "source": name,
        "group": source.group,
        "id": f"{name}:{example.position}",
    }
