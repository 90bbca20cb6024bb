"""Stage `benchmark`: lay out every task so that mteb reads it without a network, and list its test texts.

``data/benchmark/<Task>/`` holds copies of the pinned files that the task reads, byte for byte (one's own tables of text
as parquet), a ``README.md`` that names them as mteb expects, and ``texts.parquet``: what must not be trained on
(`TEXTS`).
``data/documents/<Task>.parquet`` lists all that a task of search looks through.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tqdm import tqdm

from rosberta.evaluation.layout import check_pin, lay_out
from rosberta.evaluation.libraries import fresh_cache
from rosberta.evaluation.tasks import faults
from rosberta.frame.artifacts import BENCHMARK, DOCUMENTS
from rosberta.frame.files import whole
from rosberta.frame.mistakes import Mistake

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: None = None) -> None:  # noqa: ARG001 (every stage has a key)
    """Lay out all tasks of the experiment.

    Raises:
        Mistake: a file or column that a task needs is missing, or its pin is not the revision that mteb evaluates.
    """
    tasks = experiment.benchmark.tasks
    wrong = [sentence for name, entry in tasks.items() for sentence in faults(name, entry)]
    if wrong:
        raise Mistake("\n".join(wrong))
    from datasets import disable_progress_bars

    disable_progress_bars()
    counted = 0
    with whole(BENCHMARK) as part, whole(DOCUMENTS) as corpora, fresh_cache() as another:
        part.mkdir()
        corpora.mkdir()
        for name, entry in tqdm(tasks.items(), desc="lay out tasks", unit="task"):
            another()
            if entry.category is None:
                check_pin(name, entry, experiment.hub.datasets)
            counted += lay_out(name, entry, part / name, corpora)
    log.info("laid out %d tasks with %d distinct test texts", len(tasks), counted)
