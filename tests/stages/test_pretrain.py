"""Stage `pretrain`: what is learnt, what is merged back, and that a killed training ends as an unbroken one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rosberta.encoder.slerp import slerp
from rosberta.experiment.training import Pretrain
from rosberta.frame import artifacts
from rosberta.frame.artifacts import CLEANED, ENCODERS, MIXTURES, VOCABULARY
from rosberta.frame.files import digest, files_of, sha256, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import write_rows
from rosberta.stages.pretrain import run
from rosberta.training import trainer
from rosberta.training.masked_language import texts_of
from rosberta.training.masking import Masking
from safetensors.torch import load_file
from support.encoders import ENGLISH, RUSSIAN, write_roberta
from transformers import AutoModelForMaskedLM, AutoTokenizer, Trainer

SETTINGS = {
    "max_steps": 12, "batch_size": 8, "gradient_accumulation": 2, "max_length": 24, "learning_rate": 1e-2,
    "warmup_steps": 2,
}  # fmt: skip


def experiment(**changes: Any) -> Any:
    return SimpleNamespace(
        pretrain_of=lambda key: Pretrain(**SETTINGS | changes), encoders={"tiny": SimpleNamespace(mixture="full")}
    )


def rows(texts: tuple[str, ...], *negatives: str) -> list[dict[str, Any]]:
    place = {"task": "retrieval", "prefix": "search", "language": "ru", "source": "s", "group": "retrieval"}
    pairs = zip(texts[::2], texts[1::2], strict=True)
    return [
        {"anchor": anchor, "positive": positive, "negatives": list(negatives), **place, "id": f"s:{n}"}
        for n, (anchor, positive) in enumerate(pairs)
    ]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a vocabulary, two cleaned sources and their plan as the current directory."""
    monkeypatch.chdir(tmp_path)
    write_roberta(VOCABULARY / "tiny", [*RUSSIAN, *ENGLISH], size=330)
    write_rows(CLEANED / "russian.parquet", rows(RUSSIAN, "Нет.", ENGLISH[0]), {})
    write_rows(CLEANED / "english.parquet", rows(ENGLISH), {})
    plan = {name: {"sha256": sha256(CLEANED / f"{name}.parquet"), "rows": 5} for name in ("russian", "english")}
    write_json(MIXTURES / "full.texts.json", {"sources": plan})
    return tmp_path


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_texts_are_all_and_each_once(project: Path) -> None:
    """Anchors, positives and negatives of the plan's sources, each once, whatever source or role they come in."""
    plan = json.loads((MIXTURES / "full.texts.json").read_text())
    assert texts_of(plan, "full") == sorted({*RUSSIAN, *ENGLISH, "Нет."})


def test_training_lowers_the_loss(project: Path) -> None:
    """After training, the masked tokens of the corpus are likelier than before; the log says so, step by step."""
    run(experiment(max_steps=60, base_share=0.0), "tiny")
    points = [json.loads(line) for line in (ENCODERS / "tiny" / "loss.jsonl").read_text().splitlines()]
    assert [point["step"] for point in points] == list(range(1, 61))
    assert all(set(point) == {"step", "loss", "learning_rate"} for point in points)
    assert points[1]["learning_rate"] < points[2]["learning_rate"] > points[-1]["learning_rate"]
    first, last = (sum(point["loss"] for point in part) / 10 for part in (points[:10], points[-10:]))
    assert last < 0.8 * first
    tokenizer = AutoTokenizer.from_pretrained(ENCODERS / "tiny")
    batch = tokenizer([*RUSSIAN], return_tensors="pt", padding=True)
    losses = [
        AutoModelForMaskedLM.from_pretrained(folder).eval()(**batch, labels=batch["input_ids"]).loss.item()
        for folder in (VOCABULARY / "tiny", ENCODERS / "tiny")
    ]
    assert losses[1] < losses[0]


def test_masks(project: Path) -> None:
    """Of all tokens but special ones 15% are chosen, most of these masked; batch and seed decide alone."""
    tokenizer = AutoTokenizer.from_pretrained(VOCABULARY / "tiny")
    examples = [tokenizer(text, return_special_tokens_mask=True) for text in (*RUSSIAN, *ENGLISH) * 20]

    def masked(seed: int) -> dict[str, torch.Tensor]:
        return Masking(tokenizer, 0.15, seed)([dict(example) for example in examples])

    batch = masked(0)
    chosen = batch["labels"] != -100
    ids = torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(example["input_ids"]) for example in examples], True, tokenizer.pad_token_id
    )
    special = torch.isin(ids, torch.tensor(tokenizer.all_special_ids))
    assert not (chosen & special).any()
    assert torch.equal(batch["labels"][chosen], ids[chosen])
    assert torch.equal(batch["input_ids"][~chosen], ids[~chosen])
    assert chosen.sum() / (~special).sum() == pytest.approx(0.15, abs=0.01)
    assert (batch["input_ids"][chosen] == tokenizer.mask_token_id).float().mean() == pytest.approx(0.8, abs=0.04)
    state = torch.get_rng_state()
    assert torch.equal(masked(0)["labels"], batch["labels"])
    assert torch.equal(torch.get_rng_state(), state), "the common random numbers are untouched"
    assert not torch.equal(masked(1)["labels"], batch["labels"])


def test_only_the_layers_are_merged_back(project: Path) -> None:
    """Encoder layers lie on the arc back to the start by the base's share; all other weights are the trained ones."""
    run(experiment(base_share=0.0), "tiny")
    trained, start = weights(ENCODERS / "tiny"), weights(VOCABULARY / "tiny")
    run(experiment(base_share=0.25), "tiny")
    merged = weights(ENCODERS / "tiny")
    layers = [name for name in merged if name.startswith("roberta.encoder.layer.")]
    assert len(layers) == 2 * 16
    for name, tensor in merged.items():
        expected = slerp(trained[name], start[name], 0.25) if name in layers else trained[name]
        assert torch.equal(tensor, expected), name
        assert not torch.equal(trained[name], start[name]) or "token_type" in name, f"{name} was not trained"


def test_no_steps_no_change(project: Path) -> None:
    """With max_steps 0 the weights are the vocabulary's, and so is the tokenizer."""
    run(experiment(max_steps=0), "tiny")
    before, after = weights(VOCABULARY / "tiny"), weights(ENCODERS / "tiny")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        assert sha256(VOCABULARY / "tiny" / file) == sha256(ENCODERS / "tiny" / file)
    assert (ENCODERS / "tiny" / "loss.jsonl").read_text() == ""


def test_equal_bytes_twice_and_the_seed_counts(project: Path) -> None:
    """Trained twice, every file is the same; with another seed it is not. Nothing that could hold code is written."""
    run(experiment(), "tiny")
    first = digest(ENCODERS / "tiny")
    assert {file.name for file in files_of(ENCODERS / "tiny")} == {
        "config.json", "loss.jsonl", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert str(project) not in "".join(file.read_text() for file in (ENCODERS / "tiny").glob("*.json*"))
    run(experiment(), "tiny")
    assert digest(ENCODERS / "tiny") == first
    run(experiment(seed=1), "tiny")
    assert digest(ENCODERS / "tiny") != first


def test_killed_and_started_again_is_as_unbroken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that dies goes on from its last whole checkpoint, and ends in the same bytes; then scratch is gone."""
    run(experiment(), "tiny")
    unbroken = digest(ENCODERS / "tiny")
    assert not list(artifacts.SCRATCH.rglob("checkpoint-*"))

    monkeypatch.setattr(trainer, "CHECKPOINT_STEPS", 4)
    step, real = 0, Trainer.training_step

    def dying(self: Trainer, *arguments: Any, **options: Any) -> torch.Tensor:
        nonlocal step
        step += 1
        if step > 2 * 10:  # two parts a step
            raise KeyboardInterrupt
        return real(self, *arguments, **options)

    monkeypatch.setattr(Trainer, "training_step", dying)
    before = digest(ENCODERS / "tiny")
    with pytest.raises(KeyboardInterrupt):
        run(experiment(), "tiny")
    assert digest(ENCODERS / "tiny") == before
    (folder,) = (artifacts.SCRATCH / "pretrain").iterdir()
    assert {path.name for path in folder.iterdir()} == {"checkpoint-4", "checkpoint-8"}
    # As if it had died while writing the newer checkpoint.
    (folder / "checkpoint-8" / "trainer_state.json").write_text('{"global_')
    step, done = 0, []
    monkeypatch.setattr(Trainer, "training_step", lambda *a, **o: done.append(1) or real(*a, **o))
    run(experiment(), "tiny")
    assert len(done) == 2 * 8
    assert digest(ENCODERS / "tiny") == unbroken
    assert not folder.exists()


def test_changed_source_is_a_mistake(project: Path) -> None:
    """A cleaned file that is not the plan's is named, with what to do; no encoder is written."""
    write_rows(CLEANED / "english.parquet", rows(ENGLISH[:4]), {})
    with pytest.raises(Mistake, match=r"data/cleaned/english\.parquet: .* run `dvc repro mix@full`"):
        run(experiment(), "tiny")
    assert not (ENCODERS / "tiny").exists()
