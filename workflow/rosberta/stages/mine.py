"""Stage `mine`: hard negatives, so that every row has the same number.

Ranks follow the convention of `sentence_transformers.util.mine_hard_negatives`: what belongs to an anchor is removed
first, then ranks are counted from 0, and the candidates are those from `first_rank` (included) to `last_rank` (not
included). The recipe's ranks 20-100 are thus the 80 documents after the first 20 (paper 4.1).
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from rosberta.experiment.blocks import TEXTS
from rosberta.frame.artifacts import DEDUPLICATED, MINED
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_rows, write_rows
from rosberta.mining.candidates import mine
from rosberta.mining.teacher import teacher_ranks

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``data/mined/<key>.parquet``: the rows of ``data/deduplicated/<key>.parquet``, each with all its negatives.

    Raises:
        Mistake: an input is missing or damaged, or no row has enough candidates.
    """
    settings = experiment.mine
    cleaned = read_rows(DEDUPLICATED / f"{key}.parquet").to_pylist()
    groups = {row["group"] for row in cleaned}
    if TEXTS in groups:
        # Every source has a mined file; single texts are in it as they are, without negatives.
        write_rows(MINED / f"{key}.parquet", cleaned, {"read": len(cleaned), "kept": len(cleaned), "dropped": {}})
        return
    by_rank = any(settings.methods[group] == "ranks" for group in groups)
    rows, counts = mine(
        cleaned, settings.negatives, settings.seed, partial(teacher_ranks, settings) if by_rank else None
    )
    if not rows:
        raise Mistake(
            f"mine: of {len(cleaned)} rows of {key} none has {settings.negatives} negatives among its "
            f"{counts['corpus']} documents; lower mine.first_rank, or leave the source out of its mixtures"
        )
    write_rows(MINED / f"{key}.parquet", rows, counts)
    if by_rank and counts["corpus"] < settings.last_rank:
        log.info(
            "%s: ranks %d-%d are cut, there are %d documents",
            key, settings.first_rank, settings.last_rank, counts["corpus"],
        )  # fmt: skip
    log.info(
        "%s: read %d, kept %d, dropped %d with too few candidates; negatives: %d provided, %d mined, %d random",
        key, counts["read"], counts["kept"], counts["dropped"].get("too_few_candidates", 0),
        counts["provided"], counts["mined"], counts["random"],
    )  # fmt: skip
