"""Stage `deduplicate`: of rows that say the same one is kept, and of each source no more than its cap.

It looks across all sources at once, at rows that are fit: a row never goes for one that is not fit itself, or over the
cap of its source. Reasons (`rosberta.corpus.duplicates`):

- ``duplicate``: anchor and positive have equal normal forms (`rosberta.texts.normalisation`);
- ``swapped duplicate``: they are those of another row the other way round, where both rows take the same prefix on both
  sides;
- ``near duplicate``: anchors and positives are each similar, either way round as above, and neither numbers nor
  negations differ. Not the pair as one text: questions on one long passage would all be alike;
- ``over the cap``: the seeded sample of the source has no place for it.
"""

from __future__ import annotations

import logging
from itertools import chain
from typing import TYPE_CHECKING

from rosberta.corpus.duplicates import Source, forms_of, hashes_of, in_order, settle, write
from rosberta.experiment.blocks import TEXTS
from rosberta.frame.artifacts import COLLECTED, DEDUPLICATED, DUPLICATES
from rosberta.frame.files import sha256, whole, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_counts

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: None = None) -> None:  # noqa: ARG001 (every stage has a key)
    """Write ``data/deduplicated/<source>.parquet`` and ``data/duplicates/<source>.parquet`` of all sources.

    The first holds the rows that are kept, with counts: ``read``, ``kept``, ``dropped`` by reason. The second lists the
    rows that others say: ``id``, ``reason``, and the row that is kept instead (``kept_source``, ``kept_id``).
    ``data/deduplicated/<source>.json`` names the other sources that its negatives are drawn from, with the checksums of
    their files, so that it is mined again when one of these changes, and at no other time.

    Raises:
        Mistake: a source is missing or damaged, or others say all that it holds.
    """
    settings, collect = experiment.deduplicate, experiment.collect
    of_mixture = {name: experiment.sources_of(name) for name in experiment.mixtures}
    drawn = {name: sorted({*chain(*experiment.drawn_from(name).values())}) for name in collect.sources}
    # A corpus that negatives are drawn from yields no text to a source that is not drawn from with it.
    corpora = {f"{name}/": others for name, others in drawn.items()}
    sources = in_order(
        [
            (
                Source(
                    name,
                    each.cap or collect.cap,
                    frozenset(
                        held
                        for held, names in (of_mixture | (corpora if each.group == TEXTS else {})).items()
                        if name in names
                    ),
                ),
                each.group,
            )
            for name, each in collect.sources.items()
        ],
        settings.precedence,
    )
    if not sources:  # models are only evaluated
        with whole(DEDUPLICATED) as kept, whole(DUPLICATES) as lists:
            kept.mkdir()
            lists.mkdir()
        return
    near = settings.similarity is not None
    starts, rows = hashes_of(sources, collect.seed, near=near)
    caps = {source.name: source.cap for source in sources}
    settled = settle(sources, starts, rows, lambda wanted: forms_of(sources, starts, wanted), settings.similarity)
    with whole(DEDUPLICATED) as kept, whole(DUPLICATES) as lists:
        kept.mkdir()
        lists.mkdir()
        counts = write(kept, lists, sources, starts, settled)
        for name, others in drawn.items():
            write_json(kept / f"{name}.json", {other: sha256(kept / f"{other}.parquet") for other in others})
        for name, count in counts.items():
            dropped = ", ".join(f"{number} {reason}" for reason, number in count["dropped"].items()) or "none"
            if not count["kept"]:
                raise Mistake(f"deduplicate: of {count['read']} rows of {name} none is left ({dropped})")
            log.info("%s: read %d, kept %d, dropped: %s", name, count["read"], count["kept"], dropped)
            short = caps[name] - count["kept"]
            if short > 0:
                more = read_counts(COLLECTED / f"{name}.parquet").get("dropped", {}).get("over the cap", 0)
                log.info(
                    "%s: %d rows under its cap; %s", name, short,
                    f"{more} more could be collected: raise collect.surplus" if more else "its files hold no more",
                )  # fmt: skip
