"""Checkpoints: where a killed training goes on."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

from rosberta.frame.artifacts import SCRATCH
from rosberta.frame.files import canonical

log = logging.getLogger(__name__)


def scratch(stage: str, key: str, inputs: Mapping[str, Any]) -> Path:
    """The folder for the checkpoints of a training, named after all that decides its result.

    Args:
        stage: the stage's name.
        key: its key.
        inputs: settings and checksums, as plain data.
    """
    return SCRATCH / stage / f"{key}-{blake2b(canonical(inputs).encode(), digest_size=8).hexdigest()}"


def checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint in a folder that was written to its end."""
    found = {
        int(match[1]): path for path in folder.glob("*") if (match := re.fullmatch(r"checkpoint-(\d+)", path.name))
    }
    for step in sorted(found, reverse=True):
        try:
            # The trainer writes this file last.
            if json.loads((found[step] / "trainer_state.json").read_text())["global_step"] == step:
                return found[step]
        except (OSError, ValueError, KeyError):
            log.info("%s was not written to its end", found[step])
    return None


def finish(folder: Path) -> None:
    """Remove the checkpoints of a training whose result is kept."""
    shutil.rmtree(folder, ignore_errors=True)
