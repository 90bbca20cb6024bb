"""What both trainings share: how they are set up, and how they are made to repeat."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosberta.training.checkpoints import checkpoint
from rosberta.training.curves import LOSSES

if TYPE_CHECKING:
    from transformers import Trainer

    from rosberta.experiment.training import Contrast, Pretrain

log = logging.getLogger(__name__)
CHECKPOINT_STEPS = 500
"""Steps between two checkpoints. No influence on the result."""


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


def train(trainer: Trainer, folder: Path) -> list[dict[str, float]]:
    """Train a model in place, from the newest whole checkpoint in `folder` if there is one.

    Returns:
        The points of the loss curve. The model is on the CPU then.
    """
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
    model: Any = trainer.model
    model.cpu()
    return [
        {"step": entry["step"], "loss": round(entry["loss"], 6), "learning_rate": entry["learning_rate"]}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]
