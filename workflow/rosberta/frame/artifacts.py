"""Where each artifact lies, and where what may vanish at any time does.

All paths are relative to the root of the project, which is the current directory of every stage.
"""

from __future__ import annotations

from pathlib import Path

CHECKED = Path("data/check")
HUB = Path("data/hub")
BENCHMARK = Path("data/benchmark")
DOCUMENTS = Path("data/documents")
"""``TASK.parquet``: the texts of all documents that a task searches."""
INDEX = Path("data/index")
COLLECTED = Path("data/collected")
CLEANED = Path("data/cleaned")
REMOVED = Path("data/removed")
SEEN = Path("data/seen")
"""``SOURCE.parquet``: which of these documents the rows of a source hold."""
DEDUPLICATED = Path("data/deduplicated")
DUPLICATES = Path("data/duplicates")
MINED = Path("data/mined")
"""``SOURCE.parquet``, and a folder ``SOURCE`` of further minings and of what the report says of each."""
MIXTURES = Path("data/mixtures")
VOCABULARY = Path("data/vocabulary")
ENCODERS = Path("results/encoders")
RUNS = Path("results/runs")
SCORES = Path("results/scores")
OWN = "own"
"""Folder of a model's scores that holds those of one's own tasks."""
REPORT = Path("results/report")
RELEASE = Path("results/release")

SCRATCH = Path(".scratch")
"""What may vanish at any time: checkpoints, caches, tasks that are scored already."""
EMBEDDINGS = SCRATCH / "embeddings"
"""Embeddings that were computed, of all models (`rosberta.embedding.cache`)."""


def mined(source: str, mining: str | None) -> Path:
    """The rows of a source as mined by one of `minings`, or by `mine`."""
    return MINED / source / f"{mining}.parquet" if mining else MINED / f"{source}.parquet"


def mining_report(source: str, mining: str | None) -> Path:
    """What is known of the negatives of a source, as mined by one of `minings`, or by `mine`."""
    return MINED / source / f"{mining or 'mine'}.json"
