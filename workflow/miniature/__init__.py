"""The miniature: a hub in small that the project makes itself, so that everything runs without a network.

Its data sets and models have the names, layouts and schemas of the real ones. Their content is a made-up bilingual
world (`miniature.world`), so scores on it say that the pipeline works, and nothing else. Likenesses to real places and
people are chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def dataset_ids() -> tuple[str, ...]:
    """Ids of the data sets that the miniature has."""
    from miniature import benchmark, sets

    return (*sets.IDS, *benchmark.IDS)


def model_ids() -> tuple[str, ...]:
    """Ids of the models that the miniature has."""
    from miniature import models

    return models.IDS


def build(folder: Path, dataset_ids: Sequence[str], model_ids: Sequence[str], seed: int, rows: int) -> None:
    """Write data sets and models into ``<folder>/datasets/<id>`` and ``<folder>/models/<id>``.

    Equal arguments give equal bytes. A training source has about `rows` rows, and the benchmark's tasks grow with it.

    Raises:
        KeyError: an id that the miniature does not have.
    """
    from miniature import benchmark, models, sets

    for id in [*dataset_ids, *model_ids]:
        if id not in (*sets.IDS, *benchmark.IDS, *models.IDS):
            raise KeyError(id)
    for id in dataset_ids:
        maker = sets if id in sets.IDS else benchmark
        maker.write_dataset(id, folder / "datasets" / id, seed, rows)
    for id in model_ids:
        models.write_model(id, folder / "models" / id, seed, rows)
