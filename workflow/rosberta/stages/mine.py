"""Stage `mine`: hard negatives, so that every row has the same number.

``data/mined/<source>.parquet`` holds the rows as `mine` has them; the folder ``data/mined/<source>/`` those of each
further mining that a mixture chooses (``NAME.parquet``), and what is known of the negatives of each (``NAME.json``, of
`mine` itself ``mine.json``). Rows stream; the embeddings of a teacher serve all minings that it ranks for.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rosberta.experiment.blocks import TEXTS
from rosberta.frame.artifacts import DEDUPLICATED, MINED, SCRATCH
from rosberta.frame.files import canonical, whole
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import ROW, Writer, number_of_rows, read_batches
from rosberta.mining.candidates import ORIGINS, Choice
from rosberta.mining.judge import Judge, accepted
from rosberta.mining.order import Order
from rosberta.mining.pool import Pool
from rosberta.mining.statistics import statistics
from rosberta.mining.teacher import Embedded, window
from rosberta.texts.draws import Sample, draw

if TYPE_CHECKING:
    from rosberta.experiment import Experiment
    from rosberta.experiment.corpus import Mine

log = logging.getLogger(__name__)

BATCH = 4096
"""Rows in memory at once."""


def run(experiment: Experiment, key: str) -> None:
    """Write the rows of ``data/deduplicated/<key>.parquet``, each with all its negatives, and what is known of these.

    Raises:
        Mistake: an input is missing or damaged, or no row has enough candidates.
    """
    path = DEDUPLICATED / f"{key}.parquet"
    group = next((row["group"] for rows in read_batches(path, ["group"], 1) for row in rows), None)
    with whole(MINED / key) as folder, whole(MINED / f"{key}.parquet") as part:
        folder.mkdir()
        if group == TEXTS:
            # Every source has a mined file; single texts are in it as they are, without negatives.
            _pass_through(path, part)
            (folder / "mine.json").write_text(canonical({}), encoding="utf-8")
            return
        with _scratch(key) as scratch:
            drawn, pools = experiment.drawn_from(key), dict[str, Pool]()
            seen: dict[str, Embedded] = {}
            minings = {"mine": experiment.mine, **experiment.minings_of(key)}
            # One that cannot be loaded is said before anything is embedded.
            named = {_judge(settings): settings for settings in minings.values() if settings.cross_encoder}
            judges = {by: Judge(settings) for by, settings in named.items()}
            for name, settings in minings.items():
                others = [DEDUPLICATED / f"{other}.parquet" for other in drawn.get(name, [])]
                shared = canonical(drawn.get(name, []))
                if shared not in pools:
                    pools[shared] = Pool(path, scratch / f"texts-{len(pools)}", others)
                pool = pools[shared]
                eyes = shared + canonical(settings.model_dump(include=SEES))
                by_ranks = group is not None and settings.methods[group] == "ranks"
                # What is asked of the teacher depends on this mining alone, whatever others have had embedded.
                asked = by_ranks or settings.score_random
                if asked and eyes not in seen:
                    seen[eyes] = Embedded.by(settings, pool, scratch / str(len(seen)))
                rows = part if name == "mine" else folder / f"{name}.parquet"
                judge = judges.get(_judge(settings))
                embedded = seen[eyes] if asked else None
                known = _mine(path, rows, key, name, settings, pool, embedded, judge, by_ranks=by_ranks)
                (folder / f"{name}.json").write_text(canonical(known), encoding="utf-8")


@contextmanager
def _scratch(key: str) -> Iterator[Path]:
    """Yield a folder for a source's texts and embeddings; what a start that was killed left there goes first."""
    folder = SCRATCH / f"mine-{key}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


SEES = {"teacher", "pooling", "query_prompt", "document_prompt", "max_length", "precision", "batch_tokens"}
"""Parameters that decide embeddings."""


def _judge(settings: Mine) -> str:
    """What a judge is loaded by; of equal ones there is one."""
    asked = settings.cross_encoder
    by = {"model", "max_length", "precision", "batch_size"}
    return canonical(asked.model_dump(include=by) if asked else {})


def _mine(
    path: Path,
    out: Path,
    key: str,
    name: str,
    settings: Mine,
    pool: Pool,
    embedded: Embedded | None,
    judge: Judge | None,
    *,
    by_ranks: bool,
) -> dict[str, Any]:
    """Write the rows of one mining; give what is known of its negatives."""
    choice = Choice(pool, Order(settings.seed, key), settings.negatives, settings.too_few)
    asked, judged = settings.cross_encoder, dict[str, int]()
    if by_ranks and embedded is not None:
        lacking = choice.lacking()
        found = window(settings, pool, embedded, lacking)
        if asked and judge and asked.filters:
            found, judged = accepted(settings, pool, choice.order, judge, lacking, found)
        choice.windows = np.full((len(pool.anchors), settings.last_rank - settings.first_rank), -1, np.int32)
        choice.windows[lacking] = found
    sample: Sample[tuple[int, dict[str, Any]]] = Sample(settings.sample, lambda one, _: one)
    writer = Writer(out, ROW)
    read = kept = 0
    for number, row, negatives in _chosen(path, pool, choice):
        read += 1
        if negatives is None:
            continue
        row["negatives"] = negatives
        writer.write([row])
        sample.add(draw(settings.seed, "report", row["id"]), (number, row))
        kept += 1
    counts = {
        "read": read,
        "kept": kept,
        "dropped": {"too_few_candidates": read - kept} if kept < read else {},
        "corpus": len(pool.documents),
        **{origin: choice.counts[origin] for origin in (*ORIGINS, "filled", "short")},
        **judged,
    }
    writer.close(counts)
    if not kept:
        raise Mistake(
            f"mine: of {read} rows of {key} none has {settings.negatives} negatives among its {len(pool.documents)} "
            f"documents; lower {'mine' if name == 'mine' else f'minings.{name}'}.first_rank, or leave the source out "
            "of its mixtures"
        )
    if by_ranks and len(pool.documents) < settings.last_rank:
        log.info(
            "%s: ranks %d-%d are cut, there are %d documents",
            key, settings.first_rank, settings.last_rank, len(pool.documents),
        )  # fmt: skip
    log.info(
        "%s by %s: read %d, kept %d, dropped %d, filled %d, kept short %d of too few candidates; negatives: "
        "%d provided, %d mined, %d random",
        key, name, read, kept, read - kept, counts["filled"], counts["short"], *(counts[each] for each in ORIGINS),
    )  # fmt: skip
    rows, ranks = sorted(sample, key=itemgetter(0)), (settings.first_rank, settings.last_rank)
    return {"counts": counts, **statistics(rows, pool, embedded, ranks, judge, asked.likely if asked else 0.5)}


def _chosen(path: Path, pool: Pool, choice: Choice) -> Iterator[tuple[int, dict[str, Any], list[str] | None]]:
    """Yield each row with its number and its negatives; None: it has too few candidates."""
    rows = (row for batch in read_batches(path, size=BATCH) for row in batch)
    for number, (row, own) in enumerate(zip(rows, pool.related_of_rows(np.arange(len(pool.rows))), strict=True)):
        taken = choice.of_row(number, own)
        texts = None
        if taken is not None:
            texts = [row["negatives"][each] for each in taken[0]] + [pool.documents[each] for each in taken[1]]
        yield number, row, texts


def _pass_through(path: Path, out: Path) -> None:
    writer = Writer(out, ROW)
    for rows in read_batches(path):
        writer.write(rows)
    number = number_of_rows(path)
    writer.close({"read": number, "kept": number, "dropped": {}})
