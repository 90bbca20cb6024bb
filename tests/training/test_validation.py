"""What is held out: never trained on, the same whatever else there is, its loss that of a plain formula."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.experiment.training import Contrast, Pretrain
from rosberta.texts.prefixes import PREFIXES
from rosberta.training import loop
from rosberta.training.contrastive import held_out
from rosberta.training.loop import learn
from rosberta.training.masked_language import held_out as texts_held_out
from rosberta.training.processes import dealt
from rosberta.training.schedule import HELD_OUT
from support.encoders import ENGLISH, RUSSIAN, contrastive, masked_language, mined_rows, write_roberta

ROWS = {"a": mined_rows("a", 60), "b": mined_rows("b", 45, prefix="clustering")}
TEXTS = [f"{text} {number}" for number in range(3) for text in (*RUSSIAN, *ENGLISH)]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roberta(tmp_path_factory.mktemp("encoder"), [*RUSSIAN, *ENGLISH])


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contrast(**changes: Any) -> Contrast:
    chosen = {"batch_size": 4, "devices": 2, "hard_negatives": 3, "max_length": 40, "validation": 5}
    return Contrast(**{"warmup_steps": 0, "learning_rate": 1e-3, "micro_tokens": 150} | chosen | changes)


def source_of(pairs: np.ndarray, hashes: np.ndarray) -> Any:
    """A source of these anchors and positives, by number; equal numbers are equal texts and forms."""
    both = SimpleNamespace(hashes=hashes)
    return SimpleNamespace(rows=pairs, forms=pairs.astype(np.int64), anchors=both, documents=both)


@pytest.mark.parametrize("seed", range(20))
def test_held_out_rows_have_nothing_in_common_with_the_others(seed: int) -> None:
    """Of rows that share anchors and positives; whatever their order is."""
    chance = np.random.default_rng(seed)
    pairs = np.unique(chance.integers(0, 60, (120, 2)), axis=0)
    pairs[:, 1] += 60
    hashes = chance.integers(0, 2**63, 120).astype(np.uint64)
    kept, out = held_out(source_of(pairs, hashes), 3)
    assert 1 <= len(out) <= 3
    assert len(np.unique(pairs[out, 0])) == len(np.unique(pairs[out, 1])) == len(out)
    assert len(pairs) - len(kept) <= len(pairs) // 10
    assert not set(pairs[kept].ravel()) & set(pairs[out].ravel())
    rest = np.setdiff1d(np.arange(len(pairs)), np.concatenate([kept, out]))
    assert all(set(pairs[row]) & set(pairs[out].ravel()) for row in rest)
    order = chance.permutation(len(pairs))
    _, again = held_out(source_of(pairs[order], hashes), 3)
    assert set(map(tuple, pairs[order[again]])) == set(map(tuple, pairs[out]))


@pytest.mark.parametrize(("rows", "wanted", "number"), [(9, 5, 0), (10, 5, 1), (200, 5, 5), (200, 0, 0), (0, 5, 0)])
def test_a_tenth_at_most_is_held_out(rows: int, wanted: int, number: int) -> None:
    """So that a source of a few rows is still trained on."""
    pairs = np.stack([np.arange(rows), np.arange(rows) + rows], axis=1)
    kept, out = held_out(source_of(pairs, np.arange(2 * rows + 1).astype(np.uint64)), wanted)
    assert (len(kept), len(out)) == (rows - number, number)
    store: Any = SimpleNamespace(hashes=np.arange(rows).astype(np.uint64)[::-1])
    kept, out = texts_held_out(type("Store", (), {"hashes": store.hashes, "__len__": lambda self: rows})(), wanted)
    assert sorted([*kept, *out]) == list(range(rows))
    assert len(out) == number


def test_the_schedule_leaves_them_out(encoder: Path) -> None:
    """And names them as rows of the source's file; all others are drawn once, but for what is counted."""
    work, drawn = contrastive(encoder, ROWS, contrast())
    met: dict[str, list[int]] = {name: [] for name in ROWS}
    for step in range(drawn.steps):
        for _, source, rows in drawn.step(step):
            met[source] += rows.tolist()
    for name, rows in ROWS.items():
        kept, out = held_out(work._sources[name], 5)
        assert len(out) == min(5, len(rows) // 10)
        assert len(set(met[name])) == len(met[name])
        assert set(met[name]) <= set(kept.tolist())
        assert drawn.left_out[name][HELD_OUT] == len(rows) - len(kept)
        assert len(met[name]) == len(rows) - sum(drawn.left_out[name].values())


def test_held_out_rows_that_are_false_negatives_never_meet(encoder: Path) -> None:
    """Nor does a source lose more than a tenth that says one thing in all rows."""
    rows = mined_rows("a", 40)
    for number, row in enumerate(rows):
        row["positives"] = [rows[(number + shift) % 40]["positive"] for shift in range(1, 40)]
    work, _ = contrastive(encoder, {"a": rows}, contrast(validation=4, batch_size=2))
    assert {len(which) for _, which in work._held_out} == {1}
    same = [{**row, "positive": "да"} for row in mined_rows("a", 40)]
    work, drawn = contrastive(encoder, {"a": same}, contrast(validation=4))
    assert not work._held_out
    assert HELD_OUT not in drawn.left_out.get("a", {})


def test_the_loss_of_held_out_rows_is_that_of_a_plain_formula(encoder: Path) -> None:
    """-log softmax over the documents of their batch, averaged, in NumPy; two processes share it out; no dropout."""
    settings = contrast(temperature=0.3, dropout=0.1)
    work, _ = contrastive(encoder, ROWS, settings)
    work.encoder.eval()
    with torch.no_grad():
        found = work.validate(0, 1)
        halves = [work.validate(rank, 2) for rank in range(2)]
    model = load_sentence_transformer(encoder, "cls", 40).eval()
    losses, right = [], 0
    for name, rows in ROWS.items():
        out = held_out(work._sources[name], 5)[1]
        prefix = PREFIXES[rows[0]["prefix"]]
        for which in [each for source, each in work._held_out if source is work._sources[name]]:
            assert set(which.tolist()) <= set(out.tolist())
            chosen = [rows[row] for row in which]
            documents = [row["positive"] for row in chosen] + [text for row in chosen for text in row["negatives"]]
            asked = model.encode([prefix.query + row["anchor"] for row in chosen], normalize_embeddings=True)
            answers = model.encode([prefix.document + text for text in documents], normalize_embeddings=True)
            logits = asked.astype(np.float64) @ answers.T / 0.3
            losses += [np.log(np.exp(row).sum()) - row[place] for place, row in enumerate(logits)]
            right += sum(row.argmax() == place for place, row in enumerate(logits))
    assert (found.number, found.right) == (len(losses), right)
    assert found.loss / found.number == pytest.approx(np.mean(losses), rel=1e-5)
    assert np.sum(halves, axis=0) == pytest.approx(np.array(found), rel=1e-5)
    assert all(half.number for half in halves)


def curve(encoder: Path, every: int, patch: pytest.MonkeyPatch) -> tuple[list[Any], dict[str, torch.Tensor]]:
    """A training with dropout that looks at what is held out every so many points."""
    patch.setattr(loop, "VALIDATED", every)
    settings = contrast(dropout=0.1, max_steps=7)
    work, _ = contrastive(encoder, ROWS, settings)
    points = learn(work, work.encoder, settings, Path("checkpoints", str(every)))
    torch.use_deterministic_algorithms(False)
    return points, dict(work.encoder.named_parameters())


def test_looking_changes_nothing(encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same weights to the bit; the curve tells of it first, last and in between."""
    often, weights = curve(encoder, 2, monkeypatch)
    seldom, expected = curve(encoder, 100, monkeypatch)
    assert all(torch.equal(weights[name], weight) for name, weight in expected.items())
    assert [point["step"] for point in often if "validation_loss" in point] == [1, 3, 5, 7]
    assert [point["step"] for point in seldom if "validation_accuracy" in point] == [1, 7]
    assert often[-1] == seldom[-1]
    assert often[-1]["validation_loss"] < often[0]["validation_loss"]


def test_held_out_texts_are_not_learnt(encoder: Path) -> None:
    """Over all epochs; and their loss does not depend on how they are cut into parts or shared out."""
    found = []
    for micro_tokens in (10_000, 60):
        settings = Pretrain(
            batch_size=8, epochs=2, warmup_steps=0, validation=6, micro_tokens=micro_tokens, dropout=0.1
        )
        work = masked_language(encoder, TEXTS, settings)
        out = set(work._held_out.tolist())
        assert len(out) == 6
        drawn = [text for step in range(work.steps) for text in work._drawn(8 * step, min(8 * step + 8, 108))[0]]
        assert sorted(drawn) == sorted([*(set(range(60)) - out)] * 2)
        work.model.eval()
        with torch.no_grad():
            found += [work.validate(0, 1), np.sum([work.validate(rank, 3) for rank in range(3)], axis=0)]
    assert found[0][1] > 5
    for each in found[1:]:
        assert np.array(each) == pytest.approx(np.array(found[0]), rel=1e-5)


@pytest.mark.parametrize("seed", range(10))
def test_parts_are_dealt_out_evenly(seed: int) -> None:
    """Each to one process; none has more than 4/3 of what the best of all deals gives (Graham 1969)."""
    chance = random.Random(seed)
    sizes = [chance.randint(1, 100) for _ in range(7)]
    for world in (1, 2, 3):
        found = dealt(sizes, world)
        assert sorted(itertools.chain(*found)) == list(range(7))
        best = min(
            max(sum(size for size, who in zip(sizes, deal, strict=True) if who == rank) for rank in range(world))
            for deal in itertools.product(range(world), repeat=7)
        )
        assert max(sum(sizes[part] for part in parts) for parts in found) <= 4 / 3 * best
