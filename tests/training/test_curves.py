"""A curve says what was learnt: means over anchors or tokens, of all steps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rosberta.experiment.training import Training
from rosberta.training.curves import POINTS, jsonl, summary
from rosberta.training.loop import Totals, Work, learn, rate_at
from torch import nn


class Counted(Work):
    """Sums that a test knows, on a model that hardly matters."""

    where = "toy@a"

    def __init__(self, model: nn.Module, sums: list[Totals]) -> None:
        self.model, self.sums, self.steps = model, sums, len(sums)

    def compute(self, step: int, rank: int, world: int) -> Totals:
        next(iter(self.model.parameters())).sum().backward()
        return self.sums[step]


@pytest.mark.parametrize("steps", [1, 2, 99, 230, 457])
def test_curve(tmp_path: Path, steps: int) -> None:
    """Of each stretch a point: means over all its anchors or tokens, not over steps; first and last step have one."""
    chance = np.random.default_rng(0)
    sums = []
    for _ in range(steps):
        number = int(chance.integers(0, 50))
        sums.append(Totals(float(chance.random() * number), number, int(chance.integers(0, number + 1)), number * 7))
    model, settings = nn.Linear(1, 1), Training(learning_rate=0.05, warmup_steps=3, weight_decay=0.1)
    points = learn(Counted(model, sums), model, settings, tmp_path / "none")
    ends = [point["step"] for point in points]
    assert ends == sorted(set(ends))
    assert (ends[0], ends[-1]) == (1, steps)
    assert min(steps, POINTS) <= len(points) <= 2 * POINTS + 2
    for start, point in zip([0, *ends[:-1]], points, strict=True):
        loss, number, right, _ = (sum(each) for each in zip(*sums[start : int(point["step"])], strict=True))
        assert point["loss"] == pytest.approx(loss / max(1, number), abs=1e-6)
        assert point["accuracy"] == pytest.approx(right / max(1, number), abs=1e-6)
        assert point["tokens"] == sum(each.tokens for each in sums[: int(point["step"])])
        assert point["learning_rate"] == settings.learning_rate * rate_at(int(point["step"]) - 1, steps, 3)
        assert point["gradient_norm"] == pytest.approx(1.0)
    assert [json.loads(line) for line in jsonl(points).splitlines()] == points
    assert summary(points).startswith(f"loss {points[0]['loss']:.3f} at step 1, ")
