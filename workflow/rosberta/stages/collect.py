"""Stage `collect`: one source's raw files to training rows, a uniform sample of them where there are too many."""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from rosberta.corpus import adapters, raw_files
from rosberta.corpus.adapters import Adapter, AdapterOptions, Drop, Example
from rosberta.corpus.sampling import (
    merged_packed,
    negatives_of,
    number_of,
    packed,
    symmetric,
    unpacked,
    unusable_of,
)
from rosberta.frame.artifacts import COLLECTED
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.frame.rows import write_rows
from rosberta.outside.pins import fetch, manifest
from rosberta.texts.draws import Sample, draw
from rosberta.texts.normalisation import normal

if TYPE_CHECKING:
    from rosberta.experiment import Experiment
    from rosberta.experiment.corpus import Source

log = logging.getLogger(__name__)

OVER_CAP = "over the cap"
DUPLICATE = "duplicate"


def run(experiment: Experiment, key: str) -> None:
    """Write ``data/collected/<key>.parquet``.

    Its counts are ``read``, ``kept``, ``dropped`` by reason, ``split`` (examples beyond the first of a row; read +
    split = kept + all dropped), ``unread_files`` (not read to their end, under a limit), and ``negatives``: ``given``
    with the rows kept, ``unusable`` and left out.

    Raises:
        Mistake: a file is missing or damaged, a column is missing, an option is wrong, or no row can be used.
    """
    source = experiment.collect.sources[key]
    folder = fetch("dataset", source.dataset)
    # Beside them may lie files of another pin, or of what was pinned before.
    pinned = {file["path"] for file in manifest("dataset", source.dataset)["files"]}
    try:
        rows, counts = collect(
            key,
            source,
            folder,
            cap=source.cap or experiment.collect.cap,
            seed=experiment.collect.seed,
            surplus=experiment.collect.surplus,
            limit=source.rows,
            pinned=pinned,
        )
    except adapters.Unmatched as mistake:
        raise Mistake("\n".join(_unmatched(experiment, key, mistake))) from None
    except Mistake as mistake:
        raise Mistake(f"collect.sources.{key}: {source.dataset}: {mistake}") from None
    write_rows(COLLECTED / f"{key}.parquet", rows, counts)
    dropped = ", ".join(f"{number} {reason}" for reason, number in sorted(counts["dropped"].items()))
    unread = f" ({counts['unread_files']} files not to their end)" if counts["unread_files"] else ""
    log.info("%s: read %d%s, kept %d, dropped: %s", key, counts["read"], unread, counts["kept"], dropped or "none")


def _unmatched(experiment: Experiment, key: str, mistake: adapters.Unmatched) -> Iterator[str]:
    """What the set lacks, a line for this source and for each other that reads the same files."""
    source = experiment.collect.sources[key]
    yield f"collect.sources.{key}: {source.dataset}: {mistake}"
    for name, other in experiment.collect.sources.items():
        same = (other.adapter, other.dataset, other.files) == (source.adapter, source.dataset, source.files)
        if name != key and same and (reason := mistake.of(adapters.options(other.adapter, other.options))):
            yield f"collect.sources.{name}: {other.dataset}: {reason}"


def collect(
    name: str,
    source: Source,
    folder: Path,
    *,
    cap: int,
    seed: int,
    surplus: float = 1.0,
    limit: int | None = None,
    pinned: Collection[str] | None = None,
) -> tuple[Iterator[dict[str, Any]], dict[str, Any]]:
    """Read, adapt and sample one source; return its rows in their original order, and the counts.

    The sample holds the pairs with the smallest drawn numbers (`rosberta.corpus.sampling`): another order of files or
    rows gives the same sample, and copies of a pair take one place and bring all their negatives. In memory are the
    sample, packed, and a row, besides what the adapter holds.

    Args:
        name: of the source.
        source: what to read, and with which adapter.
        folder: where its files are.
        cap: examples that are wanted at most.
        seed: of the sample, of the adapter's choices, and of the order of files under a limit.
        surplus: how many times the cap to keep, for what cleaning will drop.
        limit: raw rows to read at most. They come from the first files in an order drawn for the files' names, so
            the sample is one of these files, not of the set. None: all rows of all files, in order of their paths.
        pinned: paths in `folder` of the files that may be read; None: all.
    """
    adapter = adapters.adapter(source.adapter)
    options = adapters.options(source.adapter, source.options)
    files = raw_files.files(folder, source.files)
    if pinned is not None:
        files = [path for path in files if path.relative_to(folder).as_posix() in pinned]
    if not files:
        raise Mistake(f"none of the files that match {source.files!r} is pinned; name them in `files` of its pin")
    if limit is not None:
        files.sort(key=lambda path: draw(seed, "file", path.relative_to(folder).as_posix()))
    stream = Stream(files, folder, adapter, options, limit)
    sample = Sample(math.ceil(cap * surplus), merged_packed, negatives_of)
    turns = symmetric(source.prefix)
    dropped: Counter[str] = Counter()
    outcomes = split = 0
    for outcome in adapter.rows(tqdm(stream, name, unit="row"), options, seed):
        if isinstance(outcome, Drop):
            outcomes += 1
            dropped[outcome.reason] += 1
            continue
        outcomes += outcome.part == 0
        split += outcome.part > 0
        number = number_of(seed, normal(outcome.anchor), normal(outcome.positive or ""), turns=turns)
        if not sample.add(number, packed(outcome)):
            dropped[OVER_CAP] += 1
    if sample.copies:
        dropped[DUPLICATE] = sample.copies
    if outcomes != stream.count:
        raise RuntimeError(f"adapter {source.adapter!r} read {stream.count} rows and accounted for {outcomes}")
    if not len(sample):
        reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(dropped.items()))
        raise Mistake(
            f"none of {stream.count} rows can be used ({reasons or 'the files are empty'}); check its options"
        )
    kept = sorted(sample)
    counts = {
        "read": stream.count,
        "split": split,
        "kept": len(kept),
        "dropped": dict(dropped),
        "unread_files": len(files) - stream.finished,
        "negatives": {
            "given": sum(map(negatives_of, kept)),
            "unusable": sum(map(unusable_of, kept)),
        },
    }
    return (_row(name, source, unpacked(each)) for each in kept), counts


class Stream:
    """Rows of files, one file after another, with the columns that the adapter needs; at most `limit` rows.

    Attributes:
        count: rows taken so far.
        finished: files read to their end.
    """

    def __init__(
        self, files: Sequence[Path], folder: Path, adapter: Adapter, options: AdapterOptions, limit: int | None
    ) -> None:
        """Start before the first file."""
        self.count = self.finished = 0
        self._files, self._folder, self._adapter, self._options, self._limit = files, folder, adapter, options, limit

    def __iter__(self) -> Iterator[raw_files.Raw]:
        """Yield and count.

        Raises:
            Mistake: a file is damaged, or lacks a column.
        """
        for path in self._files:
            found = raw_files.columns(path)
            if not found and next(raw_files.rows(path, ()), None) is None:
                self.finished += 1  # a part of a set may be empty
                continue
            needed = self._adapter.columns(self._options, found)
            _require(needed, found, path.relative_to(self._folder).as_posix())
            for row in raw_files.rows(path, needed):
                if self.count == self._limit:
                    return
                self.count += 1
                yield row
            self.finished += 1


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
        "positives": list(example.positives),
        "task": source.task,
        "prefix": source.prefix,
        "language": source.language,
        "source": name,
        "group": source.group,
        "id": f"{name}:{example.position}" + (f".{example.part}" if example.part else ""),
    }
