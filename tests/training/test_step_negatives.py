"""In-batch negatives from the whole step: a plain formula over strings, its gradient, and the default apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.experiment.training import Contrast
from rosberta.texts.normalisation import normal
from rosberta.texts.prefixes import PREFIXES
from rosberta.training.contrastive import Contrastive
from rosberta.training.schedule import Schedule
from support.encoders import ENGLISH, RUSSIAN, contrastive, mined_rows, write_roberta

# Twins across sources and rows of one anchor with several positives, which other device batches bring as documents.
ROWS = {"a": mined_rows("a", 20), "b": mined_rows("b", 12, prefix="clustering")}
for number in range(4):
    ROWS["a"][number + 8]["anchor"] = ROWS["a"][number]["anchor"].upper()
    ROWS["a"][number + 12]["negatives"][0] = ROWS["a"][number]["positive"]
    ROWS["b"][number]["negatives"][1] = ROWS["a"][number]["positive"]
    ROWS["b"][number + 4]["positive"] = ROWS["a"][number + 4]["positive"]
    ROWS["a"][number + 16]["positives"] = [ROWS["a"][number + 4]["positive"]]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roberta(tmp_path_factory.mktemp("encoder"), [*RUSSIAN, *ENGLISH])


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty project as the current directory."""
    monkeypatch.chdir(tmp_path)


def made(encoder: Path, **changes: Any) -> tuple[Contrastive, Schedule]:
    chosen = {"batch_size": 4, "devices": 4, "hard_negatives": 3, "max_length": 40, "dropout": 0.0, "temperature": 0.3}
    return contrastive(encoder, ROWS, Contrast(**chosen | {"warmup_steps": 0, "in_batch": "step"} | changes))


def plain(encoder: Path, drawn: Schedule, step: int) -> tuple[list[float], int]:
    """-log softmax of each anchor's positive among all documents of the step that are not known to be relevant."""
    model = load_sentence_transformer(encoder, "cls", 40).eval()
    batches = [(source, [ROWS[source][row] for row in rows]) for _, source, rows in drawn.step(step)]
    documents = [
        (source, row, place, text)
        for source, rows in batches
        for row in rows
        for place, text in enumerate([row["positive"], *row["negatives"]])
    ]
    answers = model.encode(
        [PREFIXES[ROWS[source][0]["prefix"]].document + text for source, *_, text in documents],
        normalize_embeddings=True,
    )
    losses, left_out = [], 0
    for source, rows in batches:
        for row in rows:
            relevant = {normal(row["anchor"])}
            for other in ROWS[source]:
                if normal(other["anchor"]) == normal(row["anchor"]):
                    relevant |= {normal(text) for text in (other["positive"], *other.get("positives", ()))}
            asked = model.encode(PREFIXES[ROWS[source][0]["prefix"]].query + row["anchor"], normalize_embeddings=True)
            logits, own = [], 0.0
            for (where, whose, place, text), answer in zip(documents, answers, strict=True):
                logit = float(asked.astype(np.float64) @ answer) / 0.3
                if whose is row and place == 0:
                    own = logit
                elif (normal(text) in relevant) if where == source else (text in (row["anchor"], row["positive"])):
                    left_out += 1
                    continue
                logits.append(logit)
            losses.append(float(np.log(np.exp(logits).sum()) - own))
    return losses, left_out


@pytest.mark.parametrize("micro_tokens", [16_384, 90])
def test_the_loss_is_a_plain_formula(encoder: Path, micro_tokens: int) -> None:
    """Over steps whose device batches are of both sources, where some documents are known to be relevant."""
    work, drawn = made(encoder, micro_tokens=micro_tokens)
    work.encoder.train()
    hidden = 0
    for step in range(drawn.steps):
        losses, left_out = plain(encoder, drawn, step)
        found = work.compute(step, 0, 1)
        assert found.number == len(losses)
        assert found.loss == pytest.approx(sum(losses), rel=1e-5)
        hidden += left_out
    assert hidden > 5


def test_gradients_are_those_of_the_loss(encoder: Path) -> None:
    """By central differences along the gradient, over cached parts."""
    work, _ = made(encoder, micro_tokens=90)
    work.encoder.train()
    weights = list(work.encoder.parameters())

    def loss() -> float:
        found = work.compute(0, 0, 1)
        return found.loss / found.number

    loss()
    gradients = [torch.zeros_like(weight) if weight.grad is None else weight.grad.clone() for weight in weights]
    length = float(torch.cat([each.flatten() for each in gradients]).norm())
    size, at = 0.05, []
    for shift in (size, -2 * size):
        with torch.no_grad():
            for weight, each in zip(weights, gradients, strict=True):
                weight.add_(each, alpha=shift / length)
        at.append(loss())
    assert length > 1e-3
    assert (at[0] - at[1]) / (2 * size) == pytest.approx(length, rel=2e-2)


def test_of_one_device_batch_both_ways_are_one(encoder: Path) -> None:
    """Loss and gradients."""
    found = []
    for way in ("step", "device"):
        work, _ = made(encoder, in_batch=way, devices=1, micro_tokens=90)
        totals = work.compute(0, 0, 1)
        found.append((totals, [weight.grad for weight in work.encoder.parameters()]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        assert one is None or torch.allclose(one, other, atol=1e-6)


def test_the_default_takes_its_device_batch_alone(encoder: Path) -> None:
    """The paper's way: fewer negatives, so a lower loss."""
    step, device = (made(encoder, in_batch=way)[0] for way in ("step", "device"))
    assert device.compute(0, 0, 1).loss < 0.9 * step.compute(0, 0, 1).loss
    assert Contrast().in_batch == "device"
