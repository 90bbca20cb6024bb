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
"""``SOURCE.parquet``, and ``SOURCE.json``: the sources that its negatives are drawn from, too, and their checksums."""
DUPLICATES = Path("data/duplicates")
MINED = Path("data/mined")
"""``SOURCE.parquet``, and a folder ``SOURCE`` of further minings and of what the report says of each."""
MIXTURES = Path("data/mixtures")
"""``MIXTURE.json``, ``MIXTURE.texts.json``, and a folder ``MIXTURE`` of the plans by each of its minings."""
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


MINE = "mine"
"""The mining that the block of this name is; those in `minings` differ from it."""


def mined(source: str, mining: str = MINE) -> Path:
    """The rows of a source as mined by `mine`, or by one of `minings`."""
    return MINED / f"{source}.parquet" if mining == MINE else MINED / source / f"{mining}.parquet"


def mining_report(source: str, mining: str = MINE) -> Path:
    """What is known of the negatives of a source, as mined by `mine`, or by one of `minings`."""
    return MINED / source / f"{mining}.json"
