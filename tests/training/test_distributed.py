"""Two processes that train together end where one does, in weights and curve; both works, and what has no gradient."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rosberta.experiment.training import Contrast, Pretrain
from rosberta.frame.files import read_json, write_json
from rosberta.training import loop
from rosberta.training.loop import Totals, Work, learn
from safetensors.torch import load_file, save_file
from support.encoders import ENGLISH, RUSSIAN, contrastive, masked_language, mined_rows, write_roberta
from torch import nn

pytestmark = pytest.mark.distributed

STEPS, WORLD = 6, 2
ENCODER = Path("encoder")
COMMON = {
    "max_steps": STEPS, "warmup_steps": 2, "learning_rate": 1e-3, "epsilon": 1e-4, "max_length": 24,
    "weight_decay": 0.1,
}  # fmt: skip


def language() -> tuple[Any, nn.Module, Any]:
    """Masked language modelling whose steps are of several parts, with both dropouts."""
    settings = Pretrain(**COMMON, batch_size=7, micro_tokens=60, attention_dropout=0.1)
    work = masked_language(ENCODER, [*RUSSIAN, *ENGLISH], settings)
    return work, work.model, settings


def contrast() -> tuple[Any, nn.Module, Any]:
    """A contrastive training of two sources whose steps are of three device batches of unequal sizes."""
    settings = Contrast(**COMMON, batch_size=4, devices=3, hard_negatives=2, micro_tokens=120, temperature=0.2)
    work, _ = contrastive(ENCODER, {"a": mined_rows("a", 22), "b": mined_rows("b", 9)}, settings)
    return work, work.encoder, settings


def across() -> tuple[Any, nn.Module, Any]:
    """The same, with negatives from the whole step, also where a process has nothing of it."""
    settings = Contrast(
        **COMMON, batch_size=4, devices=3, hard_negatives=2, micro_tokens=120, temperature=0.2, in_batch="step"
    )
    work, _ = contrastive(ENCODER, {"a": mined_rows("a", 22), "b": mined_rows("b", 9)}, settings)
    return work, work.encoder, settings


def lonely() -> tuple[Any, nn.Module, Any]:
    """A contrastive training of one device batch a step: the second process has nothing to compute."""
    settings = Contrast(**COMMON, batch_size=4, devices=1, hard_negatives=2, temperature=0.2)
    work, _ = contrastive(ENCODER, {"a": mined_rows("a", 22)}, settings)
    return work, work.encoder, settings


class Sparse(Work):
    """A work with a weight that never has a gradient, and a step in which no weight has one."""

    where, steps = "toy@a", STEPS

    def __init__(self, model: nn.ModuleList) -> None:
        self.model = model

    def compute(self, step: int, rank: int, world: int) -> Totals:
        if rank or step == 3:
            return Totals(0, 0, 0, 0)
        loss = (self.model[0](torch.ones(1, 3)) - step).square().sum()
        loss.backward()
        return Totals(loss.item(), 1, 0, 1)


def sparse() -> tuple[Any, nn.Module, Any]:
    """A training of such a work."""
    torch.manual_seed(0)
    model = nn.ModuleList([nn.Linear(3, 2), nn.Linear(3, 2)])
    return Sparse(model), model, Pretrain(**COMMON | {"weight_decay": 1.0, "learning_rate": 0.05})


MAKE: dict[str, Callable[[], tuple[Any, nn.Module, Any]]] = {
    "language": language, "contrast": contrast, "across": across, "lonely": lonely, "sparse": sparse,
}  # fmt: skip


def train(who: str) -> None:
    """Make all trainings, and write curve and weights of each."""
    for name, make in MAKE.items():
        work, model, settings = make()
        points = learn(work, model, settings, Path("checkpoints", who, name))
        folder = Path(f"{name}-{who}")
        folder.mkdir()
        save_file({name: weight.detach() for name, weight in model.named_parameters()}, folder / "weights")
        write_json(folder / "curve", points)


def main(rank: int) -> None:
    """What each process does that a test starts, in the project that is the current directory."""
    meeting = f"file://{Path.cwd()}/meeting"
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=WORLD)
    loop.CHECKPOINT_SECONDS = -1.0
    train(str(rank))
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what one process, and each of two, make of all trainings: `NAME-alone`, `NAME-0`, `NAME-1`."""
    folder = tmp_path_factory.mktemp("trained")
    write_roberta(folder / ENCODER, [*RUSSIAN, *ENGLISH])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        # Alone first: the two find the texts cut into tokens, as processes of a stage do after the first time.
        train("alone")
        torch.use_deterministic_algorithms(False)
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        processes = [
            subprocess.Popen([sys.executable, __file__, str(rank)], env=environment, stderr=subprocess.PIPE, text=True)
            for rank in range(WORLD)
        ]
        try:
            errors = [process.communicate(timeout=300)[1] for process in processes]
        finally:
            for process in processes:
                process.kill()
    assert [process.returncode for process in processes] == [0] * WORLD, "\n".join(errors)
    return folder


def curve(folder: Path) -> dict[str, np.ndarray]:
    """Each column of a curve."""
    points = read_json(folder / "curve")
    return {name: np.array([point[name] for point in points]) for name in points[0]}


@pytest.mark.parametrize("name", ["language", "contrast", "across", "lonely", "sparse"])
def test_two_processes_end_where_one_does(trained: Path, name: str) -> None:
    """Weights and curve of two processes are those of one, but for the order of sums; both have the same bits."""
    alone, *each = (load_file(trained / f"{name}-{who}" / "weights") for who in ("alone", "0", "1"))
    for weight, expected in alone.items():
        assert torch.equal(each[0][weight], each[1][weight]), weight
        assert float((each[0][weight] - expected).abs().max()) <= 1e-6, weight
    of_one, *of_each = (curve(trained / f"{name}-{who}") for who in ("alone", "0", "1"))
    assert len(of_one["step"]) == STEPS
    for points in of_each:
        assert points.keys() == of_one.keys()
        for column, values in points.items():
            np.testing.assert_allclose(values, of_one[column], rtol=1e-5, atol=1e-6, err_msg=column)


@pytest.mark.parametrize("name", ["language", "contrast"])
def test_there_is_something_to_share(trained: Path, name: str) -> None:
    """The trainings change the weights, and only the first process keeps checkpoints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(trained)
        work, model, _ = MAKE[name]()
        shares = [work.compute(0, rank, WORLD) for rank in range(WORLD)]
    assert all(share.number for share in shares)
    learnt = load_file(trained / f"{name}-alone" / "weights")
    assert max(float((weight.detach() - learnt[part]).abs().max()) for part, weight in model.named_parameters()) > 1e-3
    assert sorted(path.name for path in (trained / "checkpoints" / "0" / name).iterdir()) == ["step-4", "step-5"]
    assert not (trained / "checkpoints" / "1").exists()


if __name__ == "__main__":
    main(int(sys.argv[1]))
