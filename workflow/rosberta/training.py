"""What the two training stages share: where a killed one goes on, how they are made to repeat, and what they log."""

from __future__ import annotations

import json
import logging
import math
import re
import shutil
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosberta.artifacts import canonical

if TYPE_CHECKING:
    from transformers import Trainer

    from rosberta.params import Contrast, Pretrain

log = logging.getLogger(__name__)

SCRATCH = Path(".scratch")
CHECKPOINT_STEPS = 500
"""Steps between two checkpoints. No influence on the result."""
LOSSES = 100
"""Points of a loss curve, about."""


def arguments(settings: Pretrain | Contrast, seed: int, rows: int, folder: Path) -> dict[str, Any]:
    """What both trainers are told: AdamW, linear warm-up and decay, bfloat16 where there is a GPU.

    Args:
        settings: of the stage.
        seed: of order, dropout and masking.
        rows: training rows of one epoch.
        folder: for checkpoints.
    """
    import torch

    gpu = torch.cuda.is_available()
    steps = settings.max_steps or math.ceil(settings.epochs * rows / settings.batch_size)
    return {
        "output_dir": str(folder),
        "num_train_epochs": settings.epochs,
        "max_steps": settings.max_steps or -1,
        "learning_rate": settings.learning_rate,
        "weight_decay": settings.weight_decay,
        "warmup_steps": settings.warmup_steps,
        "lr_scheduler_type": "linear",
        "seed": seed,
        "bf16": gpu,
        "use_cpu": not gpu,
        "logging_strategy": "steps",
        "logging_steps": max(1, steps // LOSSES),
        "save_strategy": "steps",
        "save_steps": CHECKPOINT_STEPS,
        "save_total_limit": 2,
        "report_to": "none",
        "disable_tqdm": False,
    }


def scratch(stage: str, key: str, inputs: Mapping[str, Any]) -> Path:
    """The folder for the checkpoints of a training, named after all that decides its result.

    Args:
        stage: the stage's name.
        key: its key.
        inputs: settings and checksums, as plain data.
    """
    return SCRATCH / stage / f"{key}-{blake2b(canonical(inputs).encode(), digest_size=8).hexdigest()}"


def train(trainer: Trainer, folder: Path) -> list[dict[str, float]]:
    """Train, from the newest whole checkpoint in `folder` if there is one; return the points of the loss curve."""
    import torch
    from transformers import ProgressCallback

    class Bar(ProgressCallback):
        def on_log(self, *arguments: Any, **options: Any) -> None:
            """Leave losses to the file that they go to."""

    torch.use_deterministic_algorithms(True, warn_only=True)
    trainer.remove_callback(ProgressCallback)
    trainer.add_callback(Bar())
    newest = checkpoint(folder)
    if newest:
        log.info("going on from %s", newest)
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    return [
        {"step": entry["step"], "loss": round(entry["loss"], 6), "learning_rate": entry["learning_rate"]}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]


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


def lines(points: list[dict[str, float]]) -> str:
    """A loss curve as ``loss.jsonl``: a line a point with step, loss and learning_rate."""
    return "".join(json.dumps(point) + "\n" for point in points)


def told(points: list[dict[str, float]]) -> str:
    """A loss curve in a few words."""
    if not points:
        return "not trained"
    first, last = points[0], points[-1]
    return f"loss {first['loss']:.3f} at step {first['step']}, {last['loss']:.3f} at step {last['step']}"
