"""Stage `mix`: the plan of a mixture, which is all of the corpus that training depends on.

The plan names each source with the checksum of its mined file, so training runs again when the content of one of its
sources changes, and at no other time. A second plan does the same for the cleaned files, whose texts an encoder learns.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from rosberta.frame.artifacts import DEDUPLICATED, MINE, MIXTURES, mined
from rosberta.frame.files import sha256, whole, write_json
from rosberta.frame.mistakes import Missing

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``data/mixtures/<key>.json``, ``data/mixtures/<key>.texts.json`` and the folder ``data/mixtures/<key>/``.

    The first holds the ``mixture``, all its ``rows``, and by source (``sources``) the mined file's ``sha256`` and
    ``rows``, the ``mining`` that it is of unless it is `mine`, their ``share`` of the mixture, ``group`` and
    ``prefix``; the second holds ``sha256`` and ``rows`` of the cleaned files, those of single texts included. The
    folder holds such a plan by each mining that the mixture or one of its runs chooses, ``MINING.json``.

    Raises:
        Mistake: a source is missing.
    """
    plans = {mining: _plan(experiment, key, mining) for mining in experiment.plans_of(key)}
    texts = {
        name: {
            "sha256": sha256(DEDUPLICATED / f"{name}.parquet"),
            "rows": _rows(DEDUPLICATED / f"{name}.parquet", "deduplicate"),
        }
        for name in experiment.sources_of(key)
    }
    with whole(MIXTURES / key) as folder:
        folder.mkdir()
        for mining, plan in plans.items():
            write_json(folder / f"{mining}.json", plan)
    plan = plans[experiment.mixtures[key].mining or MINE]
    write_json(MIXTURES / f"{key}.json", plan)
    write_json(MIXTURES / f"{key}.texts.json", {"sources": texts})
    log.info("%s: %d rows of %d sources; plans by %s", key, plan["rows"], len(plan["sources"]), ", ".join(plans))


def _plan(experiment: Experiment, key: str, mining: str) -> dict[str, Any]:
    names = experiment.pairs_of(key)
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
            **({"mining": mining} if mining != MINE else {}),
        }
        for name in names
    }
    return {"mixture": key, "rows": total, "sources": sources}


def _rows(path: Path, job: str) -> int:
    try:
        return pq.read_metadata(path).num_rows
    except FileNotFoundError:
        raise Missing(path, job) from None
