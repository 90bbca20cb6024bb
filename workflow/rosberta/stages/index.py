"""Stage `index`: what must not be trained on, sorted once, so that every source is searched for it in no time to start.

``data/index/`` holds the distinct test texts of all tasks and the hashes by which they are found
(`rosberta.corpus.indexing`), as arrays that are read in place: jobs of one machine share one copy in memory, and none
loads it whole.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tqdm import tqdm

from rosberta.corpus.indexing import build, texts_of
from rosberta.frame.artifacts import INDEX
from rosberta.frame.files import whole

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: None = None) -> None:  # noqa: ARG001 (every stage has a key)
    """Write ``data/index/``; where nothing is trained on, of no texts.

    Raises:
        Mistake: the texts of a task are missing or damaged.
    """
    tasks = experiment.held_out()
    with whole(INDEX) as part:
        part.mkdir()
        texts = tqdm(texts_of(tasks), desc="index test texts", unit="text")
        number = build(texts, experiment.clean.overlap, part)
    log.info("%d distinct texts of %d tasks", number, len(tasks))
