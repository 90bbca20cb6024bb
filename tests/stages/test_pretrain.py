"""Stage `pretrain`: what is learnt, what is merged back, and that a killed training ends as an unbroken one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rosberta.encoder.slerp import slerp
from rosberta.experiment.training import Pretrain
from rosberta.frame.artifacts import DEDUPLICATED, ENCODERS, MIXTURES, SCRATCH, VOCABULARY
from rosberta.frame.files import digest, files_of, sha256, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import write_rows
from rosberta.stages.pretrain import run
from rosberta.training import loop, token_store
from rosberta.training.loop import Totals
from rosberta.training.masked_language import MaskedLanguage, texts_of
from safetensors.torch import load_file, save_file
from support.encoders import ENGLISH, RUSSIAN, write_roberta
from tokenizers import Tokenizer
from transformers import AutoModelForMaskedLM, AutoTokenizer

SETTINGS = {
    "max_steps": 12, "batch_size": 8, "max_length": 24, "learning_rate": 1e-2, "warmup_steps": 2, "micro_tokens": 100,
}  # fmt: skip
TRAINED = ENCODERS / "tiny"
START = VOCABULARY / "tiny"


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
    write_roberta(START, [*RUSSIAN, *ENGLISH], size=330)
    write_rows(DEDUPLICATED / "russian.parquet", rows(RUSSIAN, "Нет.", ENGLISH[0]), {})
    write_rows(DEDUPLICATED / "english.parquet", rows(ENGLISH), {})
    plan = {name: {"sha256": sha256(DEDUPLICATED / f"{name}.parquet"), "rows": 5} for name in ("russian", "english")}
    write_json(MIXTURES / "full.texts.json", {"sources": plan})
    return tmp_path


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """What a training sets for its process is not left to other tests."""
    yield
    torch.use_deterministic_algorithms(False)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def points() -> list[dict[str, float]]:
    return [json.loads(line) for line in (TRAINED / "loss.jsonl").read_text().splitlines()]


def computed(patch: pytest.MonkeyPatch, dies: int | None = None) -> list[int]:
    """A list that grows with every step that is computed; before one of them the training may die."""
    steps: list[int] = []
    compute = MaskedLanguage.compute

    def counted(work: MaskedLanguage, step: int, rank: int, world: int) -> Totals:
        if step == dies:
            raise KeyboardInterrupt
        steps.append(step)
        return compute(work, step, rank, world)

    patch.setattr(MaskedLanguage, "compute", counted)
    return steps


def test_texts_are_all_and_each_once(project: Path) -> None:
    """Anchors, positives and negatives of the plan's sources, each once, whatever source or role they come in."""
    plan = json.loads((MIXTURES / "full.texts.json").read_text())
    texts = list(texts_of(plan))
    assert sorted(texts) == sorted({*RUSSIAN, *ENGLISH, "Нет."})
    assert list(texts_of({"sources": {"english": plan["sources"]["english"]}})) == list(ENGLISH)


def test_what_is_learnt_are_these_texts(project: Path) -> None:
    """The tokens that the stage keeps are those of the texts, cut to max_length, without any prefix; all are read."""
    run(experiment(max_steps=None), "tiny")
    (place,) = token_store.STORES.iterdir()
    store = token_store.opened(place)
    tokenizer = Tokenizer.from_file(str(START / "tokenizer.json"))
    tokenizer.enable_truncation(24)
    texts = list(texts_of(json.loads((MIXTURES / "full.texts.json").read_text())))
    assert store is not None
    assert [store[text].tolist() for text in range(len(store))] == [tokenizer.encode(text).ids for text in texts]
    # 21 texts, eight a step: an epoch is three steps, which read every token.
    assert [point["step"] for point in points()] == [1, 2, 3]
    assert points()[-1]["tokens"] == store.starts[-1]


def test_training_lowers_the_loss(project: Path) -> None:
    """After training, the masked tokens of the corpus are likelier than before; the log says so, step by step."""
    run(experiment(max_steps=60, base_share=0.0), "tiny")
    curve = points()
    assert [point["step"] for point in curve] == list(range(1, 61))
    assert all(
        set(point) == {"step", "loss", "accuracy", "gradient_norm", "learning_rate", "tokens"} for point in curve
    )
    assert curve[1]["learning_rate"] < curve[2]["learning_rate"] > curve[-1]["learning_rate"]
    assert all(one["tokens"] < other["tokens"] for one, other in pairwise(curve))
    first, last = (sum(point["loss"] for point in part) / 10 for part in (curve[:10], curve[-10:]))
    assert last < 0.8 * first
    tokenizer = AutoTokenizer.from_pretrained(TRAINED)
    batch = tokenizer([*RUSSIAN], return_tensors="pt", padding=True)
    losses = [
        AutoModelForMaskedLM.from_pretrained(folder).eval()(**batch, labels=batch["input_ids"]).loss.item()
        for folder in (START, TRAINED)
    ]
    assert losses[1] < losses[0]


def test_whole_words_train_too(project: Path) -> None:
    """Masks over whole words are other masks, of about as many tokens."""
    curves = []
    for whole_words in (False, True):
        run(experiment(whole_words=whole_words), "tiny")
        curves.append([point["loss"] for point in points()])
    assert all(one != other for one, other in zip(*curves, strict=True))


def test_only_the_layers_are_merged_back(project: Path) -> None:
    """Encoder layers lie on the arc back to the start by the base's share; all other weights are the trained ones."""
    run(experiment(base_share=0.0), "tiny")
    trained, start = weights(TRAINED), weights(START)
    run(experiment(base_share=0.25), "tiny")
    merged = weights(TRAINED)
    assert merged.keys() == start.keys()
    layers = [name for name in merged if name.startswith("roberta.encoder.layer.")]
    assert len(layers) == 2 * 16
    for name, tensor in merged.items():
        expected = slerp(trained[name], start[name], 0.25) if name in layers else trained[name]
        assert torch.equal(tensor, expected), name
        assert not torch.equal(trained[name], start[name]), f"{name} was not trained"


def test_micro_batches_have_no_influence(project: Path) -> None:
    """Without dropout the losses are the same, step by step, however few tokens are computed at once."""
    losses = []
    for micro_tokens in (16_384, 30):
        run(experiment(micro_tokens=micro_tokens, dropout=0.0, learning_rate=1e-3), "tiny")
        losses.append([point["loss"] for point in points()])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_no_steps_no_change(project: Path) -> None:
    """With max_steps 0 the weights are the vocabulary's, and so is the tokenizer; no source is read."""
    for file in DEDUPLICATED.iterdir():
        file.unlink()
    run(experiment(max_steps=0), "tiny")
    before, after = weights(START), weights(TRAINED)
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert points() == []


def test_the_tokenizer_is_the_start_s(project: Path) -> None:
    """Its files are copied byte by byte, though the training cuts texts."""
    run(experiment(), "tiny")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        assert sha256(START / file) == sha256(TRAINED / file)


def test_equal_bytes_twice_and_the_seed_counts(project: Path) -> None:
    """Trained twice, every file is the same; with another seed it is not. Nothing that could hold code is written."""
    run(experiment(), "tiny")
    first = digest(TRAINED)
    assert {file.name for file in files_of(TRAINED)} == {
        "config.json", "loss.jsonl", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
    }  # fmt: skip
    assert str(project) not in "".join(file.read_text() for file in TRAINED.glob("*.json*"))
    # Once with the tokens that the first training kept, once without.
    run(experiment(), "tiny")
    assert digest(TRAINED) == first
    shutil.rmtree(token_store.STORES)
    run(experiment(), "tiny")
    assert digest(TRAINED) == first
    parts = {name: sha256(TRAINED / name) for name in ("model.safetensors", "loss.jsonl")}
    run(experiment(seed=1), "tiny")
    assert all(sha256(TRAINED / name) != sum for name, sum in parts.items())


def test_killed_and_started_again_is_as_unbroken(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that dies goes on from its last whole checkpoint, and ends in the same bytes; then scratch is gone."""
    run(experiment(), "tiny")
    unbroken = digest(TRAINED)
    assert not list(SCRATCH.rglob("step-*"))
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    with monkeypatch.context() as patch:
        computed(patch, dies=8)
        with pytest.raises(KeyboardInterrupt):
            run(experiment(), "tiny")
    assert digest(TRAINED) == unbroken
    (folder,) = (SCRATCH / "pretrain" / "tiny").iterdir()
    assert {path.name for path in folder.iterdir()} == {"step-7", "step-8"}
    # As if it had died while writing the newer checkpoint.
    (folder / "step-8" / "state.json").write_text('{"step": 8, "ten')
    with monkeypatch.context() as patch:
        steps = computed(patch)
        run(experiment(), "tiny")
        assert steps == [7, 8, 9, 10, 11]
    assert digest(TRAINED) == unbroken
    assert not list(SCRATCH.rglob("step-*"))


def test_changed_or_missing_sources_are_mistakes(project: Path) -> None:
    """A cleaned file that is not the plan's, or not there, is named, with what to do; no encoder is written."""
    write_rows(DEDUPLICATED / "english.parquet", rows(ENGLISH[:4]), {})
    with pytest.raises(Mistake, match=r"data/deduplicated/english\.parquet: .* run `dvc repro mix@full`"):
        run(experiment(), "tiny")
    (DEDUPLICATED / "english.parquet").unlink()
    with pytest.raises(Mistake, match=r"data/deduplicated/english\.parquet: missing"):
        run(experiment(), "tiny")
    assert not list(SCRATCH.rglob("ids.bin")), "no tokens are kept of a part of the texts"
    assert not TRAINED.exists()


def test_missing_start_and_plan_are_mistakes(project: Path) -> None:
    """They are named."""
    (MIXTURES / "full.texts.json").unlink()
    with pytest.raises(Mistake, match=r"data/mixtures/full\.texts\.json: missing"):
        run(experiment(), "tiny")
    START.rename(VOCABULARY / "elsewhere")
    with pytest.raises(Mistake, match=r"data/vocabulary/tiny: missing; run `dvc repro vocabulary@tiny`"):
        run(experiment(), "tiny")
    assert not TRAINED.exists()


def test_no_number_is_a_mistake(project: Path) -> None:
    """A weight that is no number ends the training in its first step, and nothing is written."""
    tensors = weights(START)
    tensors["roberta.encoder.layer.0.output.dense.weight"][0, 0] = float("nan")
    save_file(tensors, START / "model.safetensors", {"format": "pt"})
    with pytest.raises(Mistake, match=r"pretrain@tiny: step 1: loss nan.*nothing is written.*lower learning_rate"):
        run(experiment(), "tiny")
    assert not TRAINED.exists()


def test_a_training_that_bursts_is_a_mistake(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an absurd learning rate losses end in no number; the last checkpoint stays, and nothing is written."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1)
    with pytest.raises(Mistake, match=r"pretrain@tiny: step [34]: loss .*nothing is written"):
        run(experiment(learning_rate=1e30), "tiny")
    assert not TRAINED.exists()
    assert list(SCRATCH.rglob("step-1"))


def test_no_mask_is_a_mistake(project: Path) -> None:
    """A tokenizer without a mask cannot be pretrained with."""
    file = START / "tokenizer.json"
    file.write_text(file.read_text().replace("<mask>", "<gap>"))
    with pytest.raises(Mistake, match="pretrain@tiny: its tokenizer has no mask"):
        run(experiment(), "tiny")
    assert not TRAINED.exists()
