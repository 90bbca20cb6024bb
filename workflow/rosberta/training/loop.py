"""The loop of both trainings: steps that are defined by the experiment, whatever the machine computes them with.

A training is an object that knows its steps (`Work`): it adds the gradient of a step's mean loss to the model, for the
part of the step that this process has. The loop does the rest: it adds up what several processes found, cuts the
gradient's norm, takes a step of AdamW, notes the curve, keeps checkpoints, and stops at the first number that is none.
"""

from __future__ import annotations

import logging
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from tqdm import tqdm

from rosberta.frame.mistakes import Mistake
from rosberta.training.checkpoints import newest, save
from rosberta.training.curves import POINTS, Point
from rosberta.training.processes import place

if TYPE_CHECKING:
    from rosberta.experiment.training import Training

log = logging.getLogger(__name__)

VALIDATED = 5
"""Every so many points of the curve, what is held out is looked at."""

CHECKPOINT_SECONDS = 600.0
"""Between two checkpoints. No influence on the result."""


class Totals(NamedTuple):
    """Sums over a step."""

    loss: float
    number: float
    """Anchors, or masked tokens: what the loss is the mean over."""
    right: float
    """Of these, how many are guessed right."""
    tokens: float


class Work(Protocol):
    """What is trained, step by step."""

    steps: int
    where: str
    """What a mistake names: stage and key."""

    def compute(self, step: int, rank: int, world: int) -> Totals:
        """Add the gradient of this process's part of a step, of the mean over the whole step, to the model."""

    def validate(self, rank: int, world: int) -> Totals:
        """Sum up this process's part of what is held out, without gradients; nothing, where nothing is."""
        del rank, world
        return Totals(0, 0, 0, 0)


def learn(work: Work, model: nn.Module, settings: Training, folder: Path) -> list[Point]:
    """Train a model in place; on every process alike.

    Args:
        work: knows the steps, and the model.
        model: whose weights are learnt, on its device.
        settings: of the stage.
        folder: for checkpoints.

    Returns:
        The curve: step, loss (the mean since the point before), accuracy, gradient_norm, learning_rate, tokens, and in
        every fifth point validation_loss and validation_accuracy, if something is held out.

    Raises:
        Mistake: a loss or gradient is not finite, or the disk is full; the last checkpoint is kept.
    """
    device = _device(model)
    # On a GPU the sums of attention's gradients have no fixed order anyway.
    torch.use_deterministic_algorithms(device.type == "cpu", warn_only=True)
    rank, world = place()
    optimizer = optimizer_of(model, settings)
    points: list[Point] = []
    since, tokens, start = Totals(0, 0, 0, 0), 0.0, 0
    if found := newest(folder, device):
        start, tensors, (points, since, tokens) = found
        since = Totals(*since)
        _restore(model, optimizer, tensors)
        log.info("%s: going on behind step %d", work.where, start)
    model.train()
    saved = time.monotonic()
    with tqdm(total=work.steps, initial=start, desc=work.where, unit="step", disable=rank > 0) as bar:
        for step in range(start, work.steps):
            rate = settings.learning_rate * rate_at(step, work.steps, settings.warmup_steps, settings.decay)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            totals = _added(_device(model), work.compute(step, rank, world), world)
            _add_gradients(model, world)
            norm = float(nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm))
            if not (math.isfinite(totals.loss) and math.isfinite(norm)):
                raise Mistake(
                    f"{work.where}: step {step + 1}: loss {totals.loss / max(1.0, totals.number)}, gradient norm "
                    f"{norm}; nothing is written, and the last checkpoint stays in {folder}: lower learning_rate, or "
                    "take precision fp32"
                )
            optimizer.step()
            since, tokens = Totals(*map(sum, zip(since, totals, strict=True))), tokens + totals.tokens
            if (step + 1) % max(1, work.steps // POINTS) == 0 or step == 0 or step + 1 == work.steps:
                points.append(_point(step + 1, since, norm, rate, tokens))
                if len(points) % VALIDATED == 1 or step + 1 == work.steps:
                    points[-1] |= _validated(work, model, rank, world)
                bar.set_postfix(loss=points[-1]["loss"], refresh=False)
                since = Totals(0, 0, 0, 0)
            bar.update()
            if rank == 0 and time.monotonic() - saved > CHECKPOINT_SECONDS and step + 1 < work.steps:
                _keep(folder, step + 1, model, optimizer, [points, since, tokens])
                saved = time.monotonic()
    if not all(bool(weight.isfinite().all()) for weight in model.parameters()):
        raise Mistake(f"{work.where}: the last step left weights that are no numbers; lower learning_rate")
    model.eval()
    return points


def rate_at(step: int, steps: int, warmup: int, decay: str = "linear") -> float:
    """Share of the peak learning rate in a step, from 0: linear warm-up, then a linear decay to 0, or none."""
    if step < warmup:
        return step / max(1, warmup)
    return 1.0 if decay == "none" else max(0.0, (steps - step) / max(1, steps - warmup))


def optimizer_of(model: nn.Module, settings: Training) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019, algorithm 2), whose decay spares biases and norms."""
    weights = [each for each in model.parameters() if each.requires_grad]
    groups = [
        {"params": [each for each in weights if each.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [each for each in weights if each.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = _device(model).type == "cuda"
    betas = (settings.beta1, settings.beta2)
    return torch.optim.AdamW(groups, settings.learning_rate, betas, settings.epsilon, fused=fused)


def _added(device: torch.device, totals: Totals, world: int) -> Totals:
    """Add up what all processes found."""
    if world == 1:
        return totals
    summed = torch.tensor(totals, dtype=torch.float64, device=device)
    torch.distributed.all_reduce(summed)
    return Totals(*summed.tolist())


def _add_gradients(model: nn.Module, world: int) -> None:
    """Add up the gradients of all processes."""
    if world == 1:
        return
    weights = list(model.parameters())
    # A weight that no process has a gradient of keeps none, as in one process: AdamW would decay it otherwise.
    reached = torch.tensor([weight.grad is not None for weight in weights], dtype=torch.int32, device=_device(model))
    torch.distributed.all_reduce(reached)
    for weight, processes in zip(weights, reached.tolist(), strict=True):
        if processes:
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            torch.distributed.all_reduce(weight.grad)


def _validated(work: Work, model: nn.Module, rank: int, world: int) -> Point:
    """The part of a point that tells of what is held out."""
    model.eval()
    with torch.no_grad():
        found = _added(_device(model), work.validate(rank, world), world)
    model.train()
    if not found.number:
        return {}
    return {
        "validation_loss": round(found.loss / found.number, 6),
        "validation_accuracy": round(found.right / found.number, 6),
    }


def _point(step: int, sums: Totals, norm: float, rate: float, tokens: float) -> Point:
    return {
        "step": step,
        "loss": round(sums.loss / max(1.0, sums.number), 6),
        "accuracy": round(sums.right / max(1.0, sums.number), 6),
        "gradient_norm": float(f"{norm:.6g}"),
        "learning_rate": rate,
        "tokens": int(tokens),
    }


def _keep(folder: Path, step: int, model: nn.Module, optimizer: torch.optim.AdamW, state: list[object]) -> None:
    tensors = {f"model.{name}": weight for name, weight in model.named_parameters()}
    names = {id(weight): name for name, weight in model.named_parameters()}
    for weight, held in optimizer.state.items():
        for part, value in held.items():
            tensors[f"optimizer.{part}.{names[id(weight)]}"] = value
    save(folder, step, tensors, state)


def _restore(model: nn.Module, optimizer: torch.optim.AdamW, tensors: dict[str, Tensor]) -> None:
    for name, weight in model.named_parameters():
        with torch.no_grad():
            weight.copy_(tensors[f"model.{name}"])
        parts = {part: f"optimizer.{part}.{name}" for part in ("step", "exp_avg", "exp_avg_sq")}
        if parts["step"] in tensors:
            optimizer.state[weight] = {part: tensors[key] for part, key in parts.items()}
            optimizer.state[weight]["step"] = tensors[parts["step"]].cpu()


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
