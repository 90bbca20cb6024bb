"""Weights in a pickle alone: tensors are read, nothing is run, and the model is as it was."""

from __future__ import annotations

import collections
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from rosberta.commands import pins
from rosberta.doors import parameters
from rosberta.doors.named_model import fetched, named_model
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.evaluation.models import load_model, weights_of
from rosberta.experiment import Experiment
from rosberta.experiment.hub import Hub
from rosberta.frame.files import digest, read_json
from rosberta.frame.mistakes import Mistake
from rosberta.outside.mirror import MIRROR
from rosberta.outside.pins import fetch
from rosberta.stages import hub
from safetensors.torch import load_file
from support.encoders import ENGLISH, RUSSIAN, write_roberta
from support.trees import ROOT

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Runs:
    """What runs when a pickle is opened without restraint."""

    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> Any:
        return Path.touch, (self.ran,)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model in a mirror, and a current directory to work in."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    folder = tmp_path / "mirror/models/some/model"
    write_roberta(folder, [*RUSSIAN, *ENGLISH])
    return folder


def pinned() -> Experiment:
    whole = parameters.check(parameters.read(ROOT / "params.yaml"))
    block = {"origin": "hub", "datasets": {}, "models": {"some/model": {"revision": COMMIT}}}
    experiment: Experiment = whole.model_copy(update={"hub": Hub.model_validate(block)})
    return experiment


def resolve() -> None:
    hub.run(pinned())


def pickled(folder: Path, parts: int = 1) -> dict[str, torch.Tensor]:
    """Put a model's weights into pickles, in so many parts; two of the tensors share their memory."""
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.decoder.weight"] = weights["roberta.embeddings.word_embeddings.weight"]
    (folder / "model.safetensors").unlink()
    names, index = sorted(weights), {}
    for number in range(parts):
        file = "pytorch_model.bin" if parts == 1 else f"pytorch_model-0000{number + 1}-of-0000{parts}.bin"
        held = {name: weights[name] for name in names[number::parts]}
        torch.save(collections.OrderedDict(held), folder / file)
        index |= dict.fromkeys(held, file)
    if parts > 1:
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    return weights


@pytest.mark.parametrize("parts", [1, 2])
def test_a_pickle_alone_is_converted(model: Path, parts: int, caplog: pytest.LogCaptureFixture) -> None:
    """Once, into the hub's artifact, and said; what is loaded then is what the pickle held."""
    expected = load_sentence_transformer(model, "cls", 64).encode(RUSSIAN[0])
    weights = pickled(model, parts)
    resolve()
    assert "has no safetensors beside it: its tensors, and they alone, are read" in caplog.text
    folder = fetch("model", "some/model")
    assert folder == Path("data/hub/converted/models/some/model")
    found = load_file(folder / "model.safetensors")
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[name], weights[name]) for name in weights)
    assert (load_sentence_transformer(folder, "cls", 64).encode(RUSSIAN[0]) == expected).all()
    assert not any(file["path"].endswith((".bin", ".bin.index.json")) for file in manifest()["files"])
    first = digest(Path("data/hub"))
    resolve()
    assert digest(Path("data/hub")) == first


def manifest() -> dict[str, Any]:
    return read_json(Path("data/hub/models/some/model.json"))


def test_where_there_are_safetensors_no_pickle_is_taken(model: Path, tmp_path: Path) -> None:
    """Beside them; and of pickles in other folders only those that are a module's weights."""
    ran = tmp_path / "ran"
    names = ("pytorch_model.bin", "training_args.bin", "2_Dense/optimizer.pt", "2_Dense/rust_model.bin")
    (model / "2_Dense").mkdir()
    for name in names:
        (model / name).write_bytes(pickle.dumps(Runs(ran)))
    resolve()
    assert manifest()["origin"] == "hub"
    assert not {file["path"] for file in manifest()["files"]} & set(names)
    torch.save({"linear.weight": torch.ones(2, 2)}, model / "2_Dense/pytorch_model.bin")
    resolve()
    folder = fetch("model", "some/model")
    assert torch.equal(load_file(folder / "2_Dense/model.safetensors")["linear.weight"], torch.ones(2, 2))
    assert not ran.exists()


@pytest.mark.parametrize("parts", [1, 2])
def test_weights_are_never_mixed(model: Path, parts: int) -> None:
    """Of other precision, averaged, or of another state in parts: what the whole says is taken, and it alone."""
    weights = pickled(model, parts)
    other = {name: tensor.half() + 1 for name, tensor in weights.items()}
    beside = ["pytorch_model.fp16.bin", "pytorch_model_ema.bin", "pytorch_model-1-of-2.bin"]
    for name in beside + ["pytorch_model-00001-of-00001.bin"] * (parts == 1):
        torch.save(other, model / name)
    resolve()
    found = load_file(fetch("model", "some/model") / "model.safetensors")
    assert {name: tensor.dtype for name, tensor in found.items()} == {
        name: each.dtype for name, each in weights.items()
    }
    assert all(torch.equal(found[name], weights[name]) for name in weights)


CONTENTS = {
    "code": lambda ran: {"weight": torch.ones(2), "more": Runs(ran)},
    "code alone": Runs,
    "a number": lambda _: {"weight": torch.ones(2), "step": 3},
    "a list": lambda _: [torch.ones(2)],
    "a number for a name": lambda _: {"weight": torch.ones(2), 3: torch.ones(2)},
}
UNUSABLE = {
    "sparse": lambda: torch.zeros(3, 3).to_sparse(),
    "quantised": lambda: torch.quantize_per_tensor(torch.zeros(3, 3), 0.1, 0, torch.qint8),
    "meta": lambda: torch.zeros(3, device="meta"),
}


@pytest.mark.parametrize("case", [*CONTENTS, "plain pickle", "cut", "empty"])
def test_anything_but_tensors_is_refused_and_not_run(case: str, model: Path, tmp_path: Path) -> None:
    """In one line that names model and file."""
    ran, file = tmp_path / "ran", model / "pytorch_model.bin"
    weights = pickled(model)
    if case in CONTENTS:
        torch.save(CONTENTS[case](ran), file)
    elif case == "plain pickle":
        file.write_bytes(pickle.dumps(Runs(ran)))
    else:
        torch.save(weights, file)
        file.write_bytes(file.read_bytes()[: 2000 if case == "cut" else 0])
    with pytest.raises(
        Mistake, match=f"model some/model @ {COMMIT}: pytorch_model.bin holds more than tensors"
    ) as caught:
        resolve()
    assert "\n" not in str(caught.value)
    assert not ran.exists()
    assert not Path("data/hub").exists()


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_tensor_that_safetensors_cannot_hold_is_named(kind: str, model: Path) -> None:
    torch.save({**pickled(model), "odd": UNUSABLE[kind]()}, model / "pytorch_model.bin")
    with pytest.raises(Mistake, match=r"some/model @ \w+: pytorch_model\.bin holds odd, which is sparse, quantised or"):
        resolve()


def test_a_pickle_alone_is_converted_at_every_door(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Through `try`, once into what may vanish; and as `score` has it, through the stage: the same tensors."""
    pickled(model, 2)
    expected = {"pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin", "pytorch_model.bin.index.json"}
    tried = fetched(named_model(f"some/model@{COMMIT}"))
    assert tried.is_relative_to(".scratch")
    assert not {path.name for path in tried.iterdir()} & expected
    assert {path.name for path in model.iterdir()} > expected
    assert fetched(named_model(f"some/model@{COMMIT}")) == tried
    assert caplog.text.count("has no safetensors beside it") == 1
    resolve()
    scored = weights_of("data/hub/models/some/model.json")
    assert (scored / "model.safetensors").read_bytes() == (tried / "model.safetensors").read_bytes()
    assert (load_model(scored, 64).encode(RUSSIAN[0]) == load_model(tried, 64).encode(RUSSIAN[0])).all()
    torch.save([1], model / "pytorch_model-00001-of-00002.bin")
    with pytest.raises(
        Mistake, match=f"some/model @ {COMMIT}: pytorch_model-00001-of-00002.bin holds more than tensors"
    ):
        fetched(named_model(f"some/model@{COMMIT}"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("model.safetensors", "model.fp16.safetensors", "model.fp16.safetensors is not read"),
        ("model.safetensors", "model-00001-of-00002.safetensors", "is a part of the weights, but model.safetensors.i"),
        ("model.safetensors", "adapter_model.safetensors", "an adapter, not a model"),
        ("tokenizer.json", "vocab.json", "vocab.json alone is no tokenizer"),
    ],
)
def test_what_a_model_lacks_is_said_before_it_is_fetched(model: Path, old: str, new: str, words: str) -> None:
    """By the names of its files, with the words that its folder would get; a tokenizer alone is pinned for itself."""
    (model / old).rename(model / new)
    with pytest.raises(Mistake, match=f"model some/model @ {COMMIT}: .*{words}"):
        resolve()
    table, complete = pins.check(pinned())
    assert not complete
    assert words in table
    (model / new).unlink()
    if old == "model.safetensors":
        resolve()
