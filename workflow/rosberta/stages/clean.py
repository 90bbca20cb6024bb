"""Stage `clean`: what a training row must be, and that it holds nothing of the benchmark's test texts.

``data/cleaned/<source>.parquet`` holds the rows that are fit to train on, ``data/removed/<source>.parquet`` every row
that is not, as collected, with the reason, and ``data/seen/<source>.parquet`` what the first ones hold of documents
that tasks search, which are no test texts and may be trained on.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rosberta.corpus.overlap import Benchmark
from rosberta.corpus.rules import Rules, clean
from rosberta.corpus.seen import Listing, corpora
from rosberta.corpus.similarity import cosine_of
from rosberta.frame.artifacts import CLEANED, COLLECTED, INDEX, REMOVED, SEEN
from rosberta.frame.files import whole
from rosberta.frame.mistakes import Mistake
from rosberta.outside.pins import fetch
from rosberta.texts.token_lengths import overlong, tokenizer_of

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``data/cleaned/<key>.parquet``, ``data/removed/<key>.parquet`` and ``data/seen/<key>.parquet``.

    Raises:
        Mistake: an input is missing or damaged, or no row is left.
    """
    settings, source = experiment.clean, experiment.collect.sources[key]
    assert settings.tokenizer is not None, "the doors see to it where there are sources"
    path = COLLECTED / f"{key}.parquet"
    tokenizer = tokenizer_of(fetch("model", settings.tokenizer))
    held = Benchmark(INDEX, settings.overlap)
    with (
        whole(CLEANED / f"{key}.parquet") as kept,
        whole(REMOVED / f"{key}.parquet") as removed,
        whole(SEEN / f"{key}.parquet") as seen,
    ):
        listing = Listing(seen, corpora(INDEX))
        rules = Rules(
            min_characters=settings.min_characters,
            overlong=lambda texts: overlong(texts, tokenizer, settings.max_tokens),
            overlap=held.find,
            keep_lines=settings.keep_lines,
            seen=listing.add,
            language=source.language if settings.check_language else None,
            cosine=None if source.min_cosine is None else cosine_of(experiment),
            min_cosine=-1.0 if source.min_cosine is None else source.min_cosine,
        )
        counts = clean(path, kept, removed, rules)
        listing.close()
        dropped = ", ".join(f"{number} {reason}" for reason, number in sorted(counts["dropped"].items())) or "none"
        if not counts["kept"]:
            raise Mistake(
                f"clean: of {counts['read']} rows of {key} none is left ({dropped}); check its adapter's options"
            )
    log.info("%s: read %d, kept %d, dropped: %s", key, counts["read"], counts["kept"], dropped)
