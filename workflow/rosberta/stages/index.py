"""Stage `index`: what must not be trained on, sorted once, so that every source is searched for it in no time to start.

``data/index/`` holds the distinct test texts of all tasks and the hashes by which they are found
(`rosberta.corpus.indexing`), as arrays that are read in place: jobs of one machine share one copy in memory, and none
loads it whole. The hashes of all documents that tasks search are there, too, so that it can be told which of them are
trained on.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tqdm import tqdm

from rosberta.corpus.indexing import build, texts_of, write_documents
from rosberta.frame.artifacts import DOCUMENTS, INDEX
from rosberta.frame.files import whole
from rosberta.frame.mistakes import Missing

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: None = None) -> None:  # noqa: ARG001 (every stage has a key)
    """Write ``data/index/``; where nothing is trained, of no texts.

    Raises:
        Mistake: the texts or documents of a task are missing or damaged.
    """
    tasks = experiment.held_out()
    if tasks and not DOCUMENTS.is_dir():
        raise Missing(DOCUMENTS, "benchmark")
    with whole(INDEX) as part:
        part.mkdir()
        settings = experiment.clean.overlap
        texts = texts_of(tasks, distractors=settings.distractors)
        number = build(tqdm(texts, desc="index test texts", unit="text"), settings, part)
        (part / "documents").mkdir()
        documents = write_documents(tqdm(tasks, desc="hash documents", unit="task"), part / "documents")
    log.info("%d distinct texts of %d tasks", number, len(tasks))
    for task, each in documents.items():
        log.info("%s searches %d distinct documents", task, each)
