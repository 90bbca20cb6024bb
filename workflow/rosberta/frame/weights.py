"""What the path of a model's weights names."""

from __future__ import annotations

import os
import re
from pathlib import Path

from rosberta.frame.artifacts import HUB, RUNS


def pinned_model(weights: str) -> str | None:
    """Id of the pinned model that ``data/hub/models/ID.json`` names; None: the path names another artifact."""
    match = re.fullmatch(rf"{HUB}/models/(.+)\.json", weights)
    return match[1] if match else None


def own_folder(weights: str) -> Path | None:
    """The folder of one's own that a path names; None: the path is one of the artifacts in ``data/`` and ``results/``.

    No stage writes what is there, so that only its content says whether it is what it was.
    """
    path = Path(os.path.normpath(weights))
    return None if path.parts[:1] in ((HUB.parts[0],), (RUNS.parts[0],)) else path
