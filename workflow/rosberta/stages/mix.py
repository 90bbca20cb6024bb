"""Stage `mix`: the plan of a mixture, which is all of the corpus that training depends on.

The plan names each source with the checksum of its mined file, so training runs again when the content of one of its
sources changes, and at no other time. A second plan does the same for the cleaned files, whose texts an encoder learns.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from rosberta.frame.artifacts import DEDUPLICATED, MIXTURES, mined
from rosberta.frame.files import sha256, write_json
from rosberta.frame.mistakes import Missing

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``data/mixtures/<key>.json`` and ``data/mixtures/<key>.texts.json``.

    The first holds the ``mixture``, all its ``rows``, and by source (``sources``) the mined file's ``sha256`` and
    ``rows``, the ``mining`` that it is of unless it is `mine`, their ``share`` of the mixture, ``group`` and
    ``prefix``; the second holds ``sha256`` and ``rows`` of the cleaned files, those of single texts included.

    Raises:
        Mistake: a source is missing.
    """
    names = experiment.pairs_of(key)
    mining = experiment.mixtures[key].mining
    files = {name: mined(name, mining) for name in names}
    rows = {name: _rows(file, f"mine@{name}") for name, file in files.items()}
    total = sum(rows.values())
    sources = {
        name: {
            "sha256": sha256(files[name]),
            "rows": rows[name],
            "share": round(rows[name] / total, 6),
            "group": experiment.collect.sources[name].group,
            "prefix": experiment.collect.sources[name].prefix,
            **({"mining": mining} if mining else {}),
        }
        for name in names
    }
    texts = {
        name: {
            "sha256": sha256(DEDUPLICATED / f"{name}.parquet"),
            "rows": _rows(DEDUPLICATED / f"{name}.parquet", "deduplicate"),
        }
        for name in experiment.sources_of(key)
    }
    write_json(MIXTURES / f"{key}.json", {"mixture": key, "rows": total, "sources": sources})
    write_json(MIXTURES / f"{key}.texts.json", {"sources": texts})
    log.info("%s: %d rows of %d sources", key, total, len(names))


def _rows(path: Path, job: str) -> int:
    try:
        return pq.read_metadata(path).num_rows
    except FileNotFoundError:
        raise Missing(path, job) from None
