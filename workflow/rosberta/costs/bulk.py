"""How much a source holds: as artifacts say, else as the parameters allow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq

from rosberta.frame.artifacts import CLEANED, COLLECTED, DEDUPLICATED, HUB
from rosberta.frame.files import read_json
from rosberta.frame.rows import number_of_rows, readable
from rosberta.outside.pins import Kind

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

TOKENS_PER_TEXT = 90.0
"""Of a training text that is not there yet: a billion tokens (poster) in 11 thousand batches of 1,024 texts (paper
4.2)."""

CHARACTERS_PER_TOKEN = 4.0
"""Of the recipe's tokenizer, about. Not published: ours."""

TEXTS_PER_ROW = 3
"""Distinct texts that a row of pairs brings: 11.3 million texts of 3.8 million pairs (paper 4.2, Table 6)."""


class Bulk(NamedTuple):
    """How much a source holds."""

    rows: int
    tokens: float
    """Of a text."""
    measured: bool
    """Whether an artifact says so."""


def bulk(experiment: Experiment, source: str) -> Bulk:
    """How much a source holds: as deduplicated, else as cleaned, else as collected, else as the parameters allow."""
    cap = experiment.collect.sources[source].cap or experiment.collect.cap
    dataset = experiment.collect.sources[source].dataset
    other = (HUB / "datasets" / f"{dataset}.json").is_file() and not manifest_of(experiment, "dataset", dataset)
    for folder in (DEDUPLICATED, CLEANED, COLLECTED):
        path = folder / f"{source}.parquet"
        if path.is_file() and not other:
            return Bulk(min(cap, number_of_rows(path)), _tokens(path), measured=True)
    return Bulk(cap, TOKENS_PER_TEXT, measured=False)


def manifest_of(experiment: Experiment, kind: Kind, id: str) -> dict[str, Any] | None:
    """The manifest of a pin; None if there is none, or that of another experiment."""
    path = HUB / f"{kind}s" / f"{id}.json"
    pin = (experiment.hub.datasets if kind == "dataset" else experiment.hub.models)[id]
    manifest = read_json(path) if path.is_file() else {}
    found: dict[str, Any] | None = manifest or None
    return (
        found if (manifest.get("origin"), manifest.get("revision")) == (experiment.hub.origin, pin.revision) else None
    )


def _tokens(path: Path) -> float:
    """Tokens of an anchor or positive of a file of rows, on average over its first row group."""
    with readable(path), pq.ParquetFile(path) as file:
        if not file.num_row_groups:
            return TOKENS_PER_TEXT
        texts = file.read_row_group(0, columns=["anchor", "positive"])
    means = [pc.mean(pc.utf8_length(column)).as_py() for column in texts.columns]
    known = [mean for mean in means if mean is not None]
    return sum(known) / len(known) / CHARACTERS_PER_TOKEN if known else TOKENS_PER_TEXT
