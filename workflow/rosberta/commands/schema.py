"""Command `schema`: write the JSON schema of params.yaml, by which editors complete and explain every field."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

from rosberta.experiment import Experiment
from rosberta.frame.files import whole

log = logging.getLogger(__name__)

SCHEMA = Path(__file__).parents[2] / "params.schema.json"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take nothing."""


def run(asked: argparse.Namespace) -> int:  # noqa: ARG001
    """Write it."""
    with whole(SCHEMA) as part:
        part.write_text(schema(), encoding="utf-8")
    log.info("wrote %s", SCHEMA)
    return 0


def schema() -> str:
    """The JSON schema of ``params.yaml`` as text."""
    built = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Experiment.model_json_schema()}
    return json.dumps(built, indent=1, ensure_ascii=False) + "\n"
