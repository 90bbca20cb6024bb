"""Every shape of a model's folder gets one verdict, in the same words, at every door."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rosberta.doors.named_model import fetched, named_model
from rosberta.encoder.cross_encoder import load_cross_encoder
from rosberta.encoder.files import check_folder, fault_of_tokenizer, fault_of_weights
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.encoder.loading import load_tokenizer
from rosberta.encoder.vocabulary import masked_lm
from rosberta.evaluation.models import load_model, weights_of
from rosberta.frame.mistakes import Mistake
from rosberta.outside.mirror import MIRROR
from safetensors.torch import load_file, save_file
from support.encoders import ENGLISH, RUSSIAN, write_roberta
from transformers import RobertaConfig, RobertaForSequenceClassification

COMMIT = "0123456789abcdef0123456789abcdef01234567"
INDEX = "model.safetensors.index.json"


def rename(old: str, new: str | None) -> Callable[[Path], Any]:
    return lambda folder: (folder / old).rename(folder / new) if new else (folder / old).unlink()


def write(name: str, content: Any) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def edit(name: str, **values: Any) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | values))


def indexed(content: Any) -> Callable[[Path], Any]:
    """Weights in one part, and an index of them."""

    def spoil(folder: Path) -> None:
        rename("model.safetensors", "model-00001-of-00002.safetensors")(folder)
        write(INDEX, content)(folder)

    return spoil


def dense(config: Any, weights: dict[str, torch.Tensor] | None = None) -> Callable[[Path], Any]:
    """A model of the library's layout that ends in a product."""

    def spoil(folder: Path) -> None:
        kinds = {
            "": "base.modules.transformer.Transformer",
            "1_Pooling": "sentence_transformer.modules.pooling.Pooling",
        }
        kinds["2_Dense"] = "base.modules.dense.Dense"
        modules = [
            {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.{kind}"}
            for place, (path, kind) in enumerate(kinds.items())
        ]
        write("modules.json", modules)(folder)
        for name in ("1_Pooling", "2_Dense"):
            (folder / name).mkdir()
        write("1_Pooling/config.json", {"word_embedding_dimension": 32, "pooling_mode_cls_token": True})(folder)
        write("2_Dense/config.json", config)(folder)
        if weights is not None:
            save_file(weights, folder / "2_Dense/model.safetensors", {"format": "pt"})

    return spoil


PARTS = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
SHAPES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no weights": (rename("model.safetensors", None), "no weights (*.safetensors) there; take a revision"),
    "half precision by name": (
        rename("model.safetensors", "model.fp16.safetensors"),
        "model.fp16.safetensors is not read; take a revision of the model that has model.safetensors",
    ),
    "an adapter alone": (rename("model.safetensors", "adapter_model.safetensors"), "an adapter, not a model; merge it"),
    "an adapter beside its base": (
        write("adapter_config.json", {"base_model_name_or_path": "some/base"}),
        "an adapter of some/base, not a model; merge it",
    ),
    "a part without its index": (
        rename("model.safetensors", "model-00001-of-00002.safetensors"),
        f"model-00001-of-00002.safetensors is a part of the weights, but {INDEX} is missing; fetch it too",
    ),
    "an index without a map": (indexed({"metadata": {}}), f"{INDEX} has no weight_map"),
    "an index that is a list": (indexed([]), f"{INDEX} has no weight_map"),
    "an index of nothing": (indexed({"weight_map": {}}), f"{INDEX} has no weight_map"),
    "an index of numbers": (indexed({"weight_map": {"a": 1}}), f"{INDEX} has no weight_map"),
    "an index that is no JSON": (indexed("{"), f"{INDEX} has no weight_map"),
    "an index without a part": (
        indexed(PARTS),
        f"model-00002-of-00002.safetensors, a part of the weights that {INDEX}",
    ),
    "a pickle alone": (rename("model.safetensors", "pytorch_model.bin"), "pytorch_model.bin is not read; take a"),
    "tensorflow alone": (rename("model.safetensors", "tf_model.h5"), "tf_model.h5 is not read; take a revision"),
    "a pointer": (
        write("model.safetensors", "version https://git-lfs.github.com/spec/v1\n"),
        "model.safetensors is a pointer of Git LFS, not the file; fetch it (git lfs pull)",
    ),
    "weights that broke off": (
        lambda folder: (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:5000]),
        "model.safetensors is damaged (",
    ),
    "no tokenizer": (rename("tokenizer.json", None), "no tokenizer there; fetch tokenizer.json, or vocab.json and"),
    "a vocabulary alone": (rename("tokenizer.json", "vocab.json"), "vocab.json alone is no tokenizer; fetch"),
    "merges alone": (rename("tokenizer.json", "merges.txt"), "merges.txt alone is no tokenizer; fetch"),
    "no configuration": (rename("config.json", None), "neither config.json nor modules.json there; this is no model"),
    "a configuration that is a list": (write("config.json", "[]"), "config.json is no JSON object; fetch it again"),
    "a configuration cut off": (write("config.json", '{"model_type": "rob'), "config.json is no JSON object"),
    "code of its own": (
        edit("config.json", auto_map={"AutoModel": "own.Model"}),
        "its config.json asks for code of its own (own.Model), which is not run",
    ),
    "code of its own for the head": (
        edit("config.json", auto_map={"AutoModelForMaskedLM": "own.Model"}),
        "its config.json asks for code of its own (own.Model), which is not run",
    ),
    "a module of its own": (
        write("modules.json", [{"idx": 0, "path": "", "type": "own.Transformer"}]),
        "its module own.Transformer is code of its own, which is not run",
    ),
    "modules that are none": (write("modules.json", {"a": 1}), "modules.json is no list of modules"),
    "modules without a type": (write("modules.json", [{"path": ""}]), "its module None is code of its own"),
    "a judge's activation of its own": (
        edit("config.json", sentence_transformers={"activation_fn": "own.Act"}),
        "config.json asks for code of its own (own.Act), which is not run",
    ),
    "a judge's activation of its own, as it was once written": (
        edit("config.json", sbert_ce_default_activation_function="own.Act"),
        "config.json asks for code of its own (own.Act), which is not run",
    ),
    "a judge's activation of its own, in the library's file": (
        write("config_sentence_transformers.json", {"activation_fn": "own.Act"}),
        "config_sentence_transformers.json asks for code of its own (own.Act), which is not run",
    ),
    "a module's activation of its own": (
        dense({"in_features": 32, "out_features": 32, "activation_function": "own.Act"}),
        "2_Dense/config.json asks for code of its own (own.Act), which is not run",
    ),
    "a RoBERTa without padding": (edit("config.json", pad_token_id=None), "config.json has pad_token_id: null"),
}

DOORS: dict[str, Callable[[Path], Any]] = {
    "score and try, a folder": lambda folder: named_model(str(folder)),
    "evaluate": lambda folder: weights_of(str(folder)),
    "evaluate, loading": lambda folder: load_model(folder, 64),
    "teacher, contrast": lambda folder: load_sentence_transformer(folder, "cls", 64),
    "vocabulary, tokenizer": lambda folder: load_tokenizer(folder, "encoders.ru.base (some/model)"),
    "vocabulary, weights": lambda folder: masked_lm(folder, "encoders.ru.base (some/model)"),
    "mine, a judge": lambda folder: load_cross_encoder(folder, 64, "fp32", "cpu"),
    "try, an id of the hub": lambda _: fetched(named_model(f"some/model@{COMMIT}")),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is one at every door: with a head for masked language, and one that gives a score."""
    folder = write_roberta(tmp_path_factory.mktemp("written") / "model", [*RUSSIAN, *ENGLISH])
    weights = load_file(folder / "model.safetensors")
    with torch.random.fork_rng():
        judge = RobertaForSequenceClassification(RobertaConfig.from_pretrained(folder, num_labels=1))
    weights |= {name: each for name, each in judge.state_dict().items() if name.startswith("classifier.")}
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    edit("config.json", id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0})(folder)
    return folder


@pytest.fixture
def model(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model in a mirror."""
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(written, tmp_path / "mirror/models/some/model"))


def test_a_whole_folder_passes_every_door(model: Path) -> None:
    assert check_folder(model) == model
    for enter in DOORS.values():
        enter(model)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_gets_one_verdict_in_the_same_words(shape: str, model: Path) -> None:
    spoil, words = SHAPES[shape]
    spoil(model)
    said = set()
    for door, enter in DOORS.items():
        if door == "try, an id of the hub" and shape in ("a pickle alone", "tensorflow alone"):
            continue  # the first is converted, the second not fetched
        with pytest.raises(Mistake) as caught:
            enter(model)
        where, _, verdict = str(caught.value).partition(": ")
        assert "model" in where, door
        said.add(verdict)
    assert len(said) == 1
    assert said.pop().startswith(words)


PRODUCT = {"linear.weight": torch.ones(16, 32), "linear.bias": torch.ones(16)}
SETTINGS = {"in_features": 32, "out_features": 16, "activation_function": "torch.nn.modules.activation.Tanh"}


def pickled(folder: Path) -> None:
    dense(SETTINGS)(folder)
    torch.save({"linear.weight": Path()}, folder / "2_Dense/pytorch_model.bin")


@pytest.mark.parametrize(
    "spoil",
    [
        dense(SETTINGS | {"out_features": 8}, PRODUCT),
        dense(SETTINGS, {"linear.weight": torch.ones(16, 32)}),
        dense([], PRODUCT),
        dense(SETTINGS),
        pickled,
        write("tokenizer_config.json", "[]"),
    ],
    ids=["another shape", "no bias", "a list for settings", "no weights", "a pickle of more", "a list for a tokenizer"],
)
def test_what_a_library_stumbles_over_is_one_line(spoil: Callable[[Path], Any], model: Path) -> None:
    spoil(model)
    with pytest.raises(Mistake, match=r"^.*model: cannot be loaded \(.*\); pin all of its files, or another model$"):
        load_sentence_transformer(model, "cls", 64)


def test_a_product_is_loaded(model: Path) -> None:
    dense(SETTINGS, PRODUCT)(model)
    assert load_sentence_transformer(model, "cls", 64).encode(RUSSIAN[0]).shape == (16,)


def test_a_judge_is_held_to_what_it_needs(model: Path) -> None:
    """Weights that are numbers, a row for each token, padding; and no more tokens than it has positions."""
    assert load_cross_encoder(model, 10**6, "fp32", "cpu").max_length == 64
    weights = load_file(model / "model.safetensors")

    def refused(words: str) -> None:
        with pytest.raises(Mistake, match=rf"^.*model: .*{words}.*$"):
            load_cross_encoder(model, 64, "fp32", "cpu")

    name = "classifier.dense.bias"
    save_file(weights | {name: weights[name] / 0}, model / "model.safetensors", {"format": "pt"})
    refused(f"{name} holds NaN or infinity")
    name, before = "roberta.embeddings.word_embeddings.weight", (model / "config.json").read_text()
    few = {name: weights[name][:300].clone(), "lm_head.bias": weights["lm_head.bias"][:300].clone()}
    save_file(weights | few, model / "model.safetensors", {"format": "pt"})
    edit("config.json", vocab_size=300)(model)
    refused("its embeddings 300 rows; the two are not of one model")
    save_file(weights, model / "model.safetensors", {"format": "pt"})
    (model / "config.json").write_text(before)
    edit("tokenizer_config.json", pad_token=None)(model)
    refused("has no pad_token")


def test_the_names_of_files_say_what_is_lacking_before_they_are_fetched() -> None:
    """As the stage `hub` asks, which has their names alone."""
    assert fault_of_weights({"model.safetensors", "x.bin"}) is None
    assert fault_of_weights({INDEX}) is None
    assert str(fault_of_weights({"flax_model.msgpack"})).startswith("flax_model.msgpack is not read")
    assert fault_of_tokenizer({"vocab.txt"}) is None
    assert fault_of_tokenizer({"vocab.json", "merges.txt"}) is None
    assert fault_of_tokenizer({"config.json"}) is not None
