"""Loss curves."""

from __future__ import annotations

import json

LOSSES = 100
"""Points of a loss curve, about."""


def jsonl(points: list[dict[str, float]]) -> str:
    """A loss curve as ``loss.jsonl``: a line a point with step, loss and learning_rate."""
    return "".join(json.dumps(point) + "\n" for point in points)


def summary(points: list[dict[str, float]]) -> str:
    """A loss curve in a few words."""
    if not points:
        return "not trained"
    first, last = points[0], points[-1]
    return f"loss {first['loss']:.3f} at step {first['step']}, {last['loss']:.3f} at step {last['step']}"
