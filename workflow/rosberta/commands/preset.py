"""Command `preset`: write a preset over params.yaml, and say what changes.

Presets are whole experiments to start from.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from rosberta.doors import parameters
from rosberta.frame.files import whole
from rosberta.frame.mistakes import Mistake, nearest

log = logging.getLogger(__name__)

PRESETS = Path(__file__).parents[2] / "presets"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the preset's name."""
    parser.add_argument("name", metavar="NAME", help=", ".join(names()))


def run(asked: argparse.Namespace) -> int:
    """Write it."""
    write(asked.name)
    return 0


def names() -> list[str]:
    """Names of the presets."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def write(name: str, path: Path = parameters.PARAMS) -> None:
    """Write a preset over the parameters, and log what changes: a line a parameter, old value and new.

    Raises:
        Mistake: there is no such preset.
    """
    if name not in names():
        raise Mistake(f"preset: {name!r} is none{nearest(name, names())}")
    preset = PRESETS / f"{name}.yaml"
    try:
        before = parameters.read(path)
    except Mistake:  # there is none, or none that can be read: it is written over
        before = {}
    changes = list(parameters.differences(before, parameters.read(preset)))
    with whole(path) as part:
        part.write_bytes(preset.read_bytes())
    for change in changes:
        log.info("%s", change)
    log.info("%s is now the preset %s: %d parameters changed", path, name, len(changes))
