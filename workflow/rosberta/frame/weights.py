"""What the path of a model's weights names."""

from __future__ import annotations

import re

from rosberta.frame.artifacts import HUB


def pinned_model(weights: str) -> str | None:
    """Id of the pinned model that ``data/hub/models/ID.json`` names; None: the path names another artifact."""
    match = re.fullmatch(rf"{HUB}/models/(.+)\.json", weights)
    return match[1] if match else None
