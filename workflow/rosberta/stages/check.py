"""Stage `check`: every parameter is typed, in range, and names things that exist; then each job gets its slice.

The parameters are checked before any stage runs; this one is the first, so that a mistake stops both doors. What it
writes is all that other stages depend on of parameters and code (`rosberta.frame.slices`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rosberta.frame.artifacts import (
    CHECKED,
    CLEANED,
    COLLECTED,
    DEDUPLICATED,
    ENCODERS,
    MINED,
    MIXTURES,
    RUNS,
    SCORES,
    SEEN,
)
from rosberta.frame.files import canonical, whole
from rosberta.frame.slices import slices

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: None = None) -> None:  # noqa: ARG001 (every stage has a key)
    """Write ``data/check/<job>.json`` for every job of the experiment."""
    jobs = slices(experiment.resolved())
    # Folders that jobs read as a whole are there where nothing is written to them, too: DVC asks for them.
    for folder in (COLLECTED, CLEANED, SEEN, DEDUPLICATED, MINED, MIXTURES, ENCODERS, RUNS, SCORES):
        folder.mkdir(parents=True, exist_ok=True)
    with whole(CHECKED) as part:
        part.mkdir()
        for job, slice in jobs.items():
            (part / f"{job}.json").write_text(canonical(slice), encoding="utf-8")
    log.info("the parameters are valid; %d jobs", len(jobs) + 1)
