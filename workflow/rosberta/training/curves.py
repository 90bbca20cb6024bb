"""Curves of a training: a line a point, with step, loss, accuracy, gradient norm, learning rate and tokens."""

from __future__ import annotations

import json

Point = dict[str, float]

POINTS = 100
"""Points of a curve, about."""


def jsonl(points: list[Point]) -> str:
    """A curve as ``loss.jsonl``."""
    return "".join(json.dumps(point) + "\n" for point in points)


def summary(points: list[Point]) -> str:
    """A curve in a few words."""
    if not points:
        return "not trained"
    first, last = points[0], points[-1]
    return f"loss {first['loss']:.3f} at step {first['step']}, {last['loss']:.3f} at step {last['step']}"
