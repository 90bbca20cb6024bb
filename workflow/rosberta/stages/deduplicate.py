"""Stage `deduplicate`: which collected rows another row says already, within a source and across all of them.

``data/duplicates/<source>.parquet`` lists the rows to drop: ``id``, ``reason``, and the row that is kept instead
(``kept_source``, ``kept_id``). Of equal rows the one of the source that comes first stays (`deduplicate.precedence`,
then the source's name), in a source the first row. Reasons:

- ``duplicate``: anchor and positive have equal normal forms (`rosberta.texts.normalisation`);
- ``swapped duplicate``: they are those of another row the other way round, where both sides take the same prefix;
- ``near duplicate``: anchors and positives are each similar (`rosberta.texts.near_duplicates`). Not the pair as
  one text: questions on one long passage would all be alike.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from rosberta.corpus.duplicates import Rows, by_precedence, exact, forms_of, hashes_of, settle, similar, write_lists
from rosberta.frame.artifacts import DUPLICATES
from rosberta.frame.files import whole

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: None = None) -> None:  # noqa: ARG001 (every stage has a key)
    """Write the lists of all sources.

    Raises:
        Mistake: a source is missing or damaged.
    """
    settings = experiment.deduplicate
    sources = by_precedence(
        {name: each.group for name, each in experiment.collect.sources.items()}, settings.precedence
    )
    if not sources:  # models are only evaluated
        with whole(DUPLICATES) as part:
            part.mkdir()
        return
    parts = [hashes_of(name) for name in tqdm(sources, desc="read sources", unit="source")]
    starts = np.concatenate(([0], np.cumsum([len(part.pairs) for part in parts])))
    rows = Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
    del parts
    kept, reasons = exact(rows)
    similar(rows, lambda wanted: forms_of(sources, starts, wanted), settings.similarity, kept, reasons)
    settle(kept)
    with whole(DUPLICATES) as part:
        part.mkdir()
        write_lists(part, sources, starts, kept, reasons)
    counts = Counter(reason for reason in reasons if reason)
    found = ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items())) or "none"
    log.info("read %d rows of %d sources, to drop: %s", len(kept), len(sources), found)
