"""Presets: whole experiments to start from, and the JSON schema that editors complete them with."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rosberta import params
from rosberta.artifacts import whole
from rosberta.mistakes import Mistake, nearest

log = logging.getLogger(__name__)

PRESETS = Path(__file__).parents[1] / "presets"
SCHEMA = Path(__file__).parents[1] / "params.schema.json"


def names() -> list[str]:
    """Names of the presets."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def write(name: str, path: Path = params.PARAMS) -> None:
    """Write a preset over the parameters, and log what changes: a line a parameter, old value and new.

    Raises:
        Mistake: there is no such preset.
    """
    if name not in names():
        raise Mistake(f"preset: {name!r} is none{nearest(name, names())}")
    preset = PRESETS / f"{name}.yaml"
    before = params.read(path) if path.exists() else {}
    changes = list(differences(before, params.read(preset)))
    with whole(path) as part:
        part.write_bytes(preset.read_bytes())
    for change in changes:
        log.info("%s", change)
    log.info("%s is now the preset %s: %d parameters changed", path, name, len(changes))


def differences(before: Mapping[str, Any], after: Mapping[str, Any], where: str = "") -> Iterator[str]:
    """One sentence for each parameter that differs between two experiments."""
    for key in [*before, *(key for key in after if key not in before)]:
        place = f"{where}{key}"
        if key not in after:
            yield f"{place}: removed"
        elif key not in before:
            yield f"{place}: added"
        elif isinstance(before[key], dict) and isinstance(after[key], dict):
            yield from differences(before[key], after[key], f"{place}.")
        elif before[key] != after[key]:
            yield f"{place}: {before[key]!r} -> {after[key]!r}"


def schema_text() -> str:
    """The JSON schema of ``params.yaml`` as text."""
    return json.dumps(params.schema(), indent=1, ensure_ascii=False) + "\n"


def write_schema(path: Path = SCHEMA) -> None:
    """Write the JSON schema of ``params.yaml``."""
    with whole(path) as part:
        part.write_text(schema_text(), encoding="utf-8")
    log.info("wrote %s", path)
