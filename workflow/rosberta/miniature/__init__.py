"""The miniature: a hub in small that the project makes itself, so that everything runs without a network.

Its data sets and models have the names, layouts and schemas of the real ones. Their content is a made-up bilingual
world (`world`), so scores on it say that the pipeline works, and nothing else. Likenesses to real places and people are
chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rosberta.mistakes import Mistake, nearest


def build(folder: Path, datasets: Sequence[str], models: Sequence[str], seed: int, rows: int) -> None:
    """Write data sets and models into ``<folder>/datasets/<id>`` and ``<folder>/models/<id>``.

    Equal arguments give equal bytes. A training source has about `rows` rows, and the benchmark's tasks grow with it.

    Raises:
        Mistake: an id that the miniature does not have.
    """
    from rosberta.miniature import benchmark, sources
    from rosberta.miniature import models as encoders

    known = (*sources.IDS, *benchmark.IDS)
    for id in datasets:
        if id not in known:
            raise Mistake(f"hub.datasets: the miniature has no {id}{nearest(id, known)}")
    for id in models:
        if id not in encoders.IDS:
            raise Mistake(f"hub.models: the miniature has no {id}{nearest(id, encoders.IDS)}")
    for id in datasets:
        maker = sources if id in sources.IDS else benchmark
        maker.write_dataset(id, folder / "datasets" / id, seed, rows)
    for id in models:
        encoders.write_model(id, folder / "models" / id, seed, rows)
