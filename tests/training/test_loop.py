"""The loop: AdamW as it is written down, a curve that says what was learnt, and a killed training ends as unbroken."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rosberta.experiment.training import Contrast, Pretrain, Training
from rosberta.frame.mistakes import Mistake
from rosberta.training import loop
from rosberta.training.checkpoints import KEPT, scratch
from rosberta.training.curves import Point, jsonl, summary
from rosberta.training.loop import Totals, Work, learn, rate_at
from support.encoders import ENGLISH, RUSSIAN, contrastive, masked_language, mined_rows, write_roberta
from torch import Tensor, nn
from transformers import get_constant_schedule_with_warmup, get_linear_schedule_with_warmup

STEPS = 12


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project as the current directory; what training sets in torch is set back."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    torch.use_deterministic_algorithms(False)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roberta(tmp_path_factory.mktemp("encoder"), [*RUSSIAN, *ENGLISH])


class Line(nn.Module):
    """A matrix, a norm and a bias."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 1))
        # As transformers loads a model.
        self.double().eval()


class Regression(Work):
    """Least squares on points that a step draws for itself, with dropout that it seeds."""

    where = "toy@a"

    def __init__(self, model: Line, steps: int = STEPS, scale: float = 1.0) -> None:
        self.model, self.steps, self.scale = model, steps, scale
        self.computed: list[int] = []

    def compute(self, step: int, rank: int, world: int) -> Totals:
        assert self.model.training
        self.computed.append(step)
        chance = torch.Generator().manual_seed(step)
        points = torch.randn(8 + step, 3, generator=chance, dtype=torch.float64)
        squares = (self.model.layers(points)[:, 0] - points.sum(dim=1)) ** 2 * self.scale
        squares.mean().backward()
        return Totals(float(squares.detach().sum()), len(points), float((squares < 1).sum()), 3 * len(points))


class Dying(Work):
    """A work that dies when it is to compute a step."""

    def __init__(self, work: Work, last: int) -> None:
        self.work, self.steps, self.where, self.last = work, work.steps, work.where, last

    def compute(self, step: int, rank: int, world: int) -> Totals:
        if step == self.last:
            raise KeyboardInterrupt
        return self.work.compute(step, rank, world)


def setting(**changes: Any) -> Training:
    return Training(**{"learning_rate": 0.05, "warmup_steps": 2, "weight_decay": 0.1} | changes)


def toy(**changes: Any) -> tuple[Regression, nn.Module, Training]:
    model = Line()
    return Regression(model), model, setting(**changes)


Made = tuple[Work, nn.Module, Training]


def language(encoder: Path) -> Made:
    settings = Pretrain(
        batch_size=6, max_steps=7, warmup_steps=2, learning_rate=1e-2, max_length=24, micro_tokens=50,
        attention_dropout=0.1,
    )  # fmt: skip
    work = masked_language(encoder, [*RUSSIAN, *ENGLISH], settings)
    return work, work.model, settings


def contrast(encoder: Path) -> Made:
    settings = Contrast(
        batch_size=4, devices=2, max_steps=7, warmup_steps=2, learning_rate=1e-2, max_length=24, hard_negatives=2,
        micro_tokens=120,
    )  # fmt: skip
    work, _ = contrastive(encoder, {"a": mined_rows("a", 12), "b": mined_rows("b", 9)}, settings)
    return work, work.encoder, settings


WORKS = pytest.mark.parametrize(
    "make", [lambda encoder: toy(), language, contrast], ids=["toy", "language", "contrast"]
)
SLOWER = pytest.mark.parametrize("make", [language, contrast])


def outcome(points: list[Point], model: nn.Module) -> tuple[str, dict[str, Tensor]]:
    """The curve as it is written, and the weights."""
    return jsonl(points), {name: weight.detach().clone() for name, weight in model.named_parameters()}


def assert_same(one: tuple[str, dict[str, Tensor]], other: tuple[str, dict[str, Tensor]]) -> None:
    """Bit for bit."""
    assert one[0] == other[0]
    assert one[1].keys() == other[1].keys()
    assert all(torch.equal(one[1][name], other[1][name]) for name in one[1])


def killed(made: Made, last: int, folder: Path) -> None:
    """Train until a step, from 0, and die there, with a checkpoint of every step before."""
    work, model, settings = made
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
        with pytest.raises(KeyboardInterrupt):
            learn(Dying(work, last), model, settings, folder)


def steps_kept(folder: Path) -> list[str]:
    return sorted((path.name for path in folder.iterdir()), key=lambda name: int(name.removeprefix("step-")))


@pytest.mark.parametrize("last", range(STEPS))
@pytest.mark.parametrize("points", [2, 100])
def test_killed_after_any_step(project: Path, monkeypatch: pytest.MonkeyPatch, last: int, points: int) -> None:
    """Killed before any step and started again, the training computes only what is left, and ends as unbroken.

    So it does where it is killed between two points of the curve.
    """
    monkeypatch.setattr(loop, "POINTS", points)
    work, model, settings = toy()
    unbroken = outcome(learn(work, model, settings, project / "none"), model)
    folder = project / "kept"
    killed(toy(), last, folder)
    if last:
        assert steps_kept(folder) == [f"step-{step}" for step in range(max(1, last - KEPT + 1), last + 1)]
    work, model, settings = toy()
    assert_same(outcome(learn(work, model, settings, folder), model), unbroken)
    assert work.computed == list(range(last, STEPS))
    assert not model.training


@SLOWER
def test_real_trainings_killed(project: Path, encoder: Path, make: Callable[[Path], Made]) -> None:
    """Killed twice, a real training, dropout and all, ends as unbroken; its loss falls, its curve has every step."""
    work, model, settings = make(encoder)
    unbroken = outcome(learn(work, model, settings, project / "none"), model)
    folder = project / "kept"
    killed(make(encoder), 3, folder)
    killed(make(encoder), 5, folder)
    work, model, settings = make(encoder)
    assert_same(outcome(learn(work, model, settings, folder), model), unbroken)
    points = [json.loads(line) for line in unbroken[0].splitlines()]
    assert [point["step"] for point in points] == list(range(1, 8))
    assert list(points[0]) == ["step", "loss", "accuracy", "gradient_norm", "learning_rate", "tokens"]
    assert points[-1]["loss"] < points[0]["loss"]


def cut_tensors(place: Path) -> None:
    content = (place / "tensors").read_bytes()
    (place / "tensors").write_bytes(content[: len(content) // 2])


def flip_a_bit(place: Path) -> None:
    content = bytearray((place / "tensors").read_bytes())
    content[-1] ^= 1
    (place / "tensors").write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "tensors cut": cut_tensors,
    "one bit": flip_a_bit,
    "tensors gone": lambda place: (place / "tensors").unlink(),
    "state cut": lambda place: (place / "state.json").write_text('{"step": 4, "ten'),
    "state empty": lambda place: (place / "state.json").write_text(""),
    "state no text": lambda place: (place / "state.json").write_bytes(b"\xff\x00\xff"),
    "state of another kind": lambda place: (place / "state.json").write_text("null"),
    "state lacks a part": lambda place: (place / "state.json").write_text('{"step": 4}'),
    "of another step": lambda place: shutil.copytree(place.with_name("step-3"), place, dirs_exist_ok=True),
    "all gone": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_checkpoint(project: Path, damage: Callable[[Path], object]) -> None:
    """Where the newest checkpoint is not as it was written, the one before serves, and the result is the same."""
    work, model, settings = toy()
    unbroken = outcome(learn(work, model, settings, project / "none"), model)
    folder = project / "kept"
    killed(toy(), 4, folder)
    damage(folder / "step-4")
    work, model, settings = toy()
    assert_same(outcome(learn(work, model, settings, folder), model), unbroken)
    assert work.computed == list(range(3, STEPS))


def test_all_checkpoints_damaged(project: Path) -> None:
    """Where no checkpoint is whole, the training starts anew."""
    work, model, settings = toy()
    unbroken = outcome(learn(work, model, settings, project / "none"), model)
    folder = project / "kept"
    killed(toy(), 4, folder)
    cut_tensors(folder / "step-3")
    cut_tensors(folder / "step-4")
    (folder / ".step-5.77.part").mkdir()
    work, model, settings = toy()
    assert_same(outcome(learn(work, model, settings, folder), model), unbroken)
    assert work.computed == list(range(STEPS))


def test_checkpoints_are_rare(project: Path) -> None:
    """Between two checkpoints is time, and there is none behind the last step."""
    work, model, settings = toy()
    learn(work, model, settings, project / "kept")
    assert not (project / "kept").exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
        work, model, settings = toy()
        learn(work, model, settings, project / "kept")
    assert steps_kept(project / "kept") == ["step-10", "step-11"]


class Wild(Regression):
    """Once, in step 4, a loss or gradient that is no number."""

    def __init__(self, model: Line, loss: float, gradient: float) -> None:
        super().__init__(model)
        self.loss, self.gradient = loss, gradient

    def compute(self, step: int, rank: int, world: int) -> Totals:
        totals = super().compute(step, rank, world)
        if step != 3:
            return totals
        next(iter(self.model.parameters())).grad[0, 0] *= self.gradient
        return totals._replace(loss=totals.loss * self.loss)


@pytest.mark.parametrize(
    ("loss", "gradient"), [(math.nan, 1.0), (math.inf, 1.0), (1.0, math.inf), (1.0, math.nan)], ids=str
)
def test_no_number_is_a_mistake(project: Path, monkeypatch: pytest.MonkeyPatch, loss: float, gradient: float) -> None:
    """A loss or gradient that is no number ends the training at that step; it goes on from what was kept before."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    _, model, settings = toy()
    work = Wild(model, loss, gradient)
    with pytest.raises(Mistake, match=r"^toy@a: step 4: loss .* stays in .*kept: lower learning_rate"):
        learn(work, model, settings, project / "kept")
    assert work.computed == [0, 1, 2, 3]
    assert steps_kept(project / "kept") == ["step-2", "step-3"]
    unbroken = toy()
    expected = outcome(learn(*unbroken, project / "none"), unbroken[1])
    again = toy()
    assert_same(outcome(learn(*again, project / "kept"), again[1]), expected)


@pytest.mark.parametrize("warmup", [0, 1, 5, 40])
def test_rate(warmup: int) -> None:
    """In every step the rate is that of transformers' schedules."""
    for steps in (1, 5, 6, 40):
        for decay, make in (
            ("linear", partial(get_linear_schedule_with_warmup, num_training_steps=steps)),
            ("none", get_constant_schedule_with_warmup),
        ):
            optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 1.0)
            reference = make(optimizer, num_warmup_steps=warmup)
            for step in range(steps):
                assert rate_at(step, steps, warmup, decay) == pytest.approx(reference.get_last_lr()[0], abs=1e-12)
                optimizer.step()
                reference.step()


def by_hand(settings: Training, steps: int, scale: float) -> tuple[dict[str, np.ndarray], list[float]]:
    """AdamW (Loshchilov and Hutter 2019, algorithm 2) in NumPy, and the gradients' norms before they are cut."""
    model = Line()
    work = Regression(model.train(), steps, scale)
    names = dict(model.named_parameters())
    weights = {name: weight.detach().numpy().copy() for name, weight in names.items()}
    first = {name: np.zeros_like(weight) for name, weight in weights.items()}
    second = {name: np.zeros_like(weight) for name, weight in weights.items()}
    norms = []
    for step in range(steps):
        with torch.no_grad():
            for name, weight in names.items():
                weight.copy_(torch.from_numpy(weights[name]))
        model.zero_grad()
        work.compute(step, 0, 1)
        gradients = {name: weight.grad.numpy() for name, weight in names.items()}
        norms.append(float(np.sqrt(sum((each**2).sum() for each in gradients.values()))))
        factor = min(1.0, settings.clip_norm / norms[-1])
        warmup = settings.warmup_steps
        share = (
            step / warmup if step < warmup else (steps - step) / (steps - warmup) if settings.decay == "linear" else 1
        )
        rate = settings.learning_rate * share
        for name, weight in weights.items():
            gradient = factor * gradients[name]
            first[name] = settings.beta1 * first[name] + (1 - settings.beta1) * gradient
            second[name] = settings.beta2 * second[name] + (1 - settings.beta2) * gradient**2
            mean = first[name] / (1 - settings.beta1 ** (step + 1))
            square = second[name] / (1 - settings.beta2 ** (step + 1))
            decay = settings.weight_decay if weight.ndim == 2 else 0.0
            weights[name] = weight - rate * (mean / (np.sqrt(square) + settings.epsilon) + decay * weight)
    return weights, norms


CHANGES: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0.0},
    {"weight_decay": 2.0},
    {"clip_norm": 1e-3, "epsilon": 1e-2},
    {"beta1": 0.5},
    {"beta2": 0.9},
    {"epsilon": 0.3},
    {"decay": "none"},
    {"warmup_steps": 0},
    {"learning_rate": 0.01},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
@pytest.mark.parametrize("scale", [0.01, 1.0])
def test_adamw_by_hand(project: Path, change: dict[str, Any], scale: float) -> None:
    """Weights are those of AdamW by hand with these settings; matrices decay, biases and norms do not."""
    settings = setting(**change)
    model = Line()
    points = learn(Regression(model, 9, scale), model, settings, project / "none")
    expected, norms = by_hand(settings, 9, scale)
    for name, weight in model.named_parameters():
        np.testing.assert_allclose(weight.detach().numpy(), expected[name], rtol=1e-5, atol=1e-7, err_msg=name)
    assert [point["gradient_norm"] for point in points] == pytest.approx(norms, rel=1e-4)
    if change:
        base = by_hand(setting(), 9, scale)[0]
        assert max(np.abs(base[name] - each).max() for name, each in expected.items()) > 1e-5, "the setting matters"


def test_frozen_weights_stay(project: Path) -> None:
    """A weight that takes no gradient, or gets none, is left as it is, whatever the decay."""
    work, model, settings = toy(weight_decay=5.0)
    model.layers[0].weight.requires_grad_(False)
    model.spare = nn.Linear(2, 2).double()
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    learn(work, model, settings, project / "none")
    for name, weight in model.named_parameters():
        assert torch.equal(weight, before[name]) == (name == "layers.0.weight" or name.startswith("spare")), name


def test_no_steps(project: Path) -> None:
    """A training of no steps changes nothing, and says so."""
    model = Line()
    before = outcome([], model)
    points = learn(Regression(model, 0), model, setting(), project / "none")
    assert_same(outcome(points, model), before)
    assert summary(points) == "not trained"


def test_other_settings_start_anew(project: Path) -> None:
    """A checkpoint of other settings is not gone on from."""
    killed(toy(), 4, scratch("toy", "a", {"learning_rate": 0.05}))
    work, model, settings = toy(learning_rate=0.01)
    learn(work, model, settings, scratch("toy", "a", {"learning_rate": 0.01}))
    assert work.computed == list(range(STEPS))
