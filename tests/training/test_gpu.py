"""On a GPU: the step of the CPU, in bf16; what is compiled, cut into parts or shared out changes rounding alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rosberta.experiment.training import Contrast
from rosberta.training.loop import learn
from support.encoders import ENGLISH, RUSSIAN, contrastive, mined_rows, write_roberta
from torch import Tensor

ROWS = {"a": mined_rows("a", 44), "b": mined_rows("b", 18, prefix="clustering")}
STEPS = 6


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Heads of 32, which the kernel for packed rows takes; with larger weights than at random."""
    return write_roberta(tmp_path_factory.mktemp("encoder"), [*RUSSIAN, *ENGLISH], hidden=64, scale=2)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(**changes: Any) -> Contrast:
    chosen = {"batch_size": 8, "devices": 4, "hard_negatives": 3, "max_length": 40, "temperature": 0.2, "dropout": 0.0}
    return Contrast(**chosen | {"warmup_steps": 1, "learning_rate": 1e-3, "max_steps": STEPS} | changes)


def step_on(device: str, encoder: Path, **changes: Any) -> tuple[float, Tensor]:
    """Mean loss and all gradients of a step."""
    work, _ = contrastive(encoder, ROWS, settings())
    # Prepared again, on the device that it is on now.
    work = type(work)(work.encoder.to(device), work._sources, work._schedule, settings(**changes), 0, "contrast@a")
    work.encoder.train()
    totals = work.compute(0, 0, 1)
    gradients = [
        weight.grad.flatten().double().cpu() for weight in work.encoder.parameters() if weight.grad is not None
    ]
    return totals.loss / totals.number, torch.cat(gradients)


def off(found: Tensor, expected: Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.gpu
@pytest.mark.parametrize(
    ("changes", "loss_off", "gradient_off"),
    [
        ({}, 1e-5, 1e-3),
        ({"micro_tokens": 120}, 1e-5, 1e-3),
        ({"precision": "bf16"}, 1e-2, 5e-2),
        ({"precision": "bf16", "micro_tokens": 120}, 1e-2, 5e-2),
        ({"precision": "bf16", "micro_tokens": 120, "compiled": True}, 1e-2, 5e-2),
        ({"precision": "bf16", "compiled": True, "activation_budget": 0.5}, 1e-2, 5e-2),
    ],
    ids=str,
)
def test_a_step_is_that_of_the_cpu(
    encoder: Path, changes: dict[str, Any], loss_off: float, gradient_off: float
) -> None:
    """Loss and gradient: to rounding in fp32, to that of bf16 in bf16, packed kernel, parts and compiling or not."""
    expected, gradient = step_on("cpu", encoder)
    found, ours = step_on("cuda", encoder, **changes)
    assert found == pytest.approx(expected, rel=loss_off)
    assert off(ours, gradient) < gradient_off


@pytest.mark.gpu
@pytest.mark.parametrize("compiled", [False, True])
def test_what_is_embedded_twice_has_the_same_dropout(encoder: Path, compiled: bool) -> None:
    """Cached gradients are those of the loss, also where compiled layers draw the dropout."""
    changes = {"precision": "bf16", "dropout": 0.3, "compiled": compiled, "micro_tokens": 120}
    work, _ = contrastive(encoder, ROWS, settings())
    work = type(work)(work.encoder.to("cuda"), work._sources, work._schedule, settings(**changes), 0, "contrast@a")
    work.encoder.train()
    part = work._part
    seen: dict[tuple[Any, ...], list[Tensor]] = {}

    def noted(batch: Any, parts: Any, number: int) -> Tensor:
        found = part(batch, parts, number)
        seen.setdefault((*batch.name, number), []).append(found.detach().clone())
        return found

    work._part = noted  # type: ignore[method-assign]
    work.compute(0, 0, 1)
    assert len(seen) > 4
    for first, second in seen.values():
        assert torch.equal(first, second)
    one, other = list(seen.values())[:2]
    assert one[0].shape != other[0].shape or not torch.equal(one[0], other[0])


def curve(encoder: Path, device: str, folder: str, **changes: Any) -> list[float]:
    work, _ = contrastive(encoder, ROWS, settings())
    chosen = settings(**changes)
    work = type(work)(work.encoder.to(device), work._sources, work._schedule, chosen, 0, "contrast@a")
    return [point["loss"] for point in learn(work, work.encoder, chosen, Path(folder))]


@pytest.mark.gpu
def test_a_curve_is_that_of_the_cpu(encoder: Path) -> None:
    """In fp32 to 1e-3, over steps that change the weights."""
    expected = curve(encoder, "cpu", "one")
    found = curve(encoder, "cuda", "two", micro_tokens=200)
    assert expected[-1] < 0.9 * expected[0]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


@pytest.mark.gpu(count=2)
@pytest.mark.distributed
def test_two_gpus_have_the_curve_of_one(encoder: Path, project: Path) -> None:
    """In bf16 to 1e-3."""
    expected = curve(encoder, "cuda", "one", precision="bf16")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "WORLD_SIZE": "2"}
    environment |= {"ROSBERTA_MEETING": (project / "meeting").as_uri()}
    processes = [
        subprocess.Popen(
            [sys.executable, __file__, str(encoder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=environment | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]  # fmt: skip
    # Not `communicate`, which closes what they listen on.
    found = [json.loads(process.stdout.readline()) for process in processes if process.stdout]
    assert [process.wait(60) for process in processes] == [0, 0]
    for each in found:
        np.testing.assert_allclose(each, expected, rtol=1e-3)


if __name__ == "__main__":
    from rosberta.training.processes import met, place

    with met() as here:
        told = curve(Path(sys.argv[1]), str(here), f"checkpoints-{place()[0]}", precision="bf16")
    sys.stdout.write(json.dumps(told) + "\n")
