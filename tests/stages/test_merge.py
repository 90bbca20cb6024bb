"""Stage `merge`: all weights of the contrasted model go towards its encoder by the base's share."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from rosberta.encoder.folder import load_sentence_transformer, save, weights_in
from rosberta.encoder.slerp import slerp
from rosberta.experiment.training import Merge
from rosberta.frame.artifacts import ENCODERS, RUNS
from rosberta.frame.files import digest, files_of
from rosberta.frame.mistakes import Mistake
from rosberta.stages.merge import run
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from support.encoders import ENGLISH, RUSSIAN, write_roberta

MERGED = RUNS / "a" / "merged"
CONTRASTED = RUNS / "a" / "contrasted"


def experiment(share: float) -> Any:
    return SimpleNamespace(merge_of=lambda key: Merge(base_share=share), runs={"a": SimpleNamespace(encoder="tiny")})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an encoder and a contrasted model of other weights as the current directory."""
    monkeypatch.chdir(tmp_path)
    write_roberta(ENCODERS / "tiny", [*RUSSIAN, *ENGLISH], seed=0)
    write_roberta(tmp_path / "other", [*RUSSIAN, *ENGLISH], seed=1)
    CONTRASTED.mkdir(parents=True)
    save(load_sentence_transformer(tmp_path / "other", "cls", 24), CONTRASTED, tmp_path / "other")
    for name in ("loss.jsonl", "schedule.parquet"):
        (CONTRASTED / name).write_text("{}\n")
    return tmp_path


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name.removeprefix("roberta."): tensor for name, tensor in load_file(folder / "model.safetensors").items()}


def test_every_weight_is_the_slerp(project: Path) -> None:
    """Embeddings, layers and norms: each tensor is that of the contrasted model with a tenth of the encoder's."""
    run(experiment(0.1), "a")
    merged, contrasted, encoder = (weights(folder) for folder in (MERGED, CONTRASTED, ENCODERS / "tiny"))
    assert merged.keys() == contrasted.keys()
    assert "embeddings.word_embeddings.weight" in merged
    for name, tensor in merged.items():
        assert torch.equal(tensor, slerp(contrasted[name], encoder[name], 0.1)), name
    # Biases and norms of the two are the same: both are as a model starts.
    unchanged = [name for name in merged if torch.equal(merged[name], contrasted[name])]
    assert all(name.endswith("bias") or "LayerNorm" in name for name in unchanged)


@pytest.mark.parametrize("prefix", ["", "roberta.", "bert."])
def test_weights_have_the_names_of_the_encoder(tmp_path: Path, prefix: str) -> None:
    """Whether a file holds a head besides, or the encoder alone."""
    save_file(
        {f"{prefix}embeddings.weight": torch.ones(2), "lm_head.bias": torch.ones(1)}, tmp_path / "model.safetensors"
    )
    assert set(weights_in(tmp_path)) == {"embeddings.weight", "lm_head.bias"}


@pytest.mark.parametrize(("share", "same_as"), [(0.0, CONTRASTED), (1.0, ENCODERS / "tiny")])
def test_ends(project: Path, share: float, same_as: Path) -> None:
    """Share 0 is the contrasted model, share 1 the encoder, bit by bit."""
    run(experiment(share), "a")
    merged, expected = weights(MERGED), weights(same_as)
    assert all(torch.equal(tensor, expected[name]) for name, tensor in merged.items())


def test_what_is_written_is_the_same_kind_of_model(project: Path) -> None:
    """The same files as the contrasted model has; it loads, normalises, and keeps length and prompts."""
    run(experiment(0.1), "a")
    names = [
        sorted(file.relative_to(folder).as_posix() for file in files_of(folder)) for folder in (MERGED, CONTRASTED)
    ]
    # Curve and schedule are those of the training.
    assert names[0] == [name for name in names[1] if name not in ("loss.jsonl", "schedule.parquet")]
    for file in names[0]:
        same = (MERGED / file).read_bytes() == (CONTRASTED / file).read_bytes()
        assert same == (file != "model.safetensors"), file
    model = SentenceTransformer(str(MERGED), device="cpu")
    assert np.linalg.norm(model.encode(RUSSIAN[0])) == pytest.approx(1, abs=1e-5)
    assert model.max_seq_length == 24


def test_equal_bytes_twice(project: Path) -> None:
    """Merged twice, every file is the same."""
    run(experiment(0.1), "a")
    first = digest(MERGED)
    run(experiment(0.1), "a")
    assert digest(MERGED) == first


def test_missing_input_is_a_mistake(project: Path) -> None:
    """The folder that is not there is named."""
    shutil.rmtree(CONTRASTED)
    with pytest.raises(Mistake, match="results/runs/a/contrasted: missing"):
        run(experiment(0.1), "a")
