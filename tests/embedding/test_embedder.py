"""What the embedder gives is what sentence-transformers gives for each text alone, in any order."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from rosberta.embedding import embedder as embedder_module
from rosberta.embedding.cache import EmbeddingCache
from rosberta.embedding.embedder import Embedder, unit
from rosberta.embedding.replicas import takes_rows
from rosberta.encoder.folder import load_sentence_transformer
from rosberta.frame.mistakes import Mistake
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Pooling, StaticEmbedding, Transformer
from support.encoders import ENGLISH, RUSSIAN, texts_computed, write_roberta
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

TEXTS = [
    *RUSSIAN,
    *ENGLISH,
    "",
    "а",
    "Мост",
    # Longer than the model takes.
    " ".join(RUSSIAN),
    # A text that spells out special tokens.
    "до <pad> после </s> конца",
    RUSSIAN[0],
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_roberta(tmp_path_factory.mktemp("model"), [*RUSSIAN, *ENGLISH])


def bert(folder: Path) -> Path:
    """A tiny BERT, which counts positions otherwise."""
    words = sorted({word for text in TEXTS for word in text.lower().split()})
    tokenizer = Tokenizer(
        models.WordLevel({token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *words])}, "[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=16
    ).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(
        BertConfig(
            vocab_size=4 + len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48
        ),
        add_pooling_layer=False,
    ).save_pretrained(folder)
    return folder


def alone(model: SentenceTransformer, texts: list[str], prompt: str) -> np.ndarray:
    """What the library gives for each text by itself, so that nothing is padded."""
    return np.stack([model.encode(text, prompt=prompt, batch_size=1) for text in texts])


@pytest.mark.parametrize("batch_tokens", [1, 100, 100_000])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("prompt", ["", "search_query: "])
def test_embeddings_are_those_of_the_library(weights: Path, pooling: str, prompt: str, batch_tokens: int) -> None:
    """Whatever the batches; texts that are cut, empty ones and those with special tokens in them included."""
    model = load_sentence_transformer(weights, pooling, 40)
    ours = Embedder(model, revision="0", batch_tokens=batch_tokens)
    assert takes_rows(model)
    np.testing.assert_allclose(ours.embed(TEXTS, prompt), alone(model, TEXTS, prompt), atol=2e-6)
    whole = PreTrainedTokenizerFast.from_pretrained(weights)
    assert ours.truncated == sum(len(whole(prompt + text).input_ids) > 40 for text in dict.fromkeys(TEXTS)) > 0


def test_bert_too(tmp_path: Path) -> None:
    model = load_sentence_transformer(bert(tmp_path), "mean", 16)
    assert takes_rows(model)
    np.testing.assert_allclose(Embedder(model, revision="0").embed(TEXTS), alone(model, TEXTS, ""), atol=2e-6)


def test_a_prompt_that_is_not_pooled_is_left_out(weights: Path) -> None:
    """By the model's own `encode`, which is told where the prompt ends."""
    pooling = Pooling(32, "mean", include_prompt=False)
    model = SentenceTransformer(modules=[Transformer(str(weights)), pooling])
    assert not takes_rows(model)
    texts = [text for text in TEXTS if text]
    ours = Embedder(model, revision="0").embed(texts, "search_query: ")
    np.testing.assert_allclose(ours, alone(model, texts, "search_query: "), atol=2e-6)
    assert not np.allclose(ours, Embedder(model, revision="0").embed([f"search_query: {text}" for text in texts]))


def test_weights_in_half_precision_are_computed_with_in_full(weights: Path, tmp_path: Path) -> None:
    """As the published weights of some baselines are; also before a dense layer, which is in full precision itself."""
    load_sentence_transformer(weights, "cls", 40)[0].auto_model.half().save_pretrained(tmp_path / "half")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(weights / file, tmp_path / "half" / file)
    half = load_sentence_transformer(tmp_path / "half", "cls", 40)
    assert {weight.dtype for weight in half.parameters()} == {torch.float32}
    np.testing.assert_allclose(Embedder(half, revision="0").embed(TEXTS), alone(half, TEXTS, ""), atol=2e-6)


def test_a_model_that_says_no_length_is_held_to_its_positions(weights: Path, tmp_path: Path) -> None:
    """RoBERTa's table of positions has two rows more than a text may have tokens."""
    SentenceTransformer(modules=[Transformer(str(weights)), Pooling(32, "cls")]).save(str(tmp_path))
    (tmp_path / "sentence_bert_config.json").write_text("{}")
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config | {"model_max_length": int(1e30)}))
    model = load_sentence_transformer(tmp_path, "cls", 512)
    limit = model[0].auto_model.config.max_position_embeddings - 2
    assert model.max_seq_length == limit
    ours = Embedder(model, revision="0")
    assert np.isfinite(ours.embed(["слово " * 400])).all()
    assert ours.truncated == 1


def test_what_follows_the_pooling_is_applied(weights: Path) -> None:
    """A dense layer and a normalisation, as LaBSE has them."""
    torch.manual_seed(0)
    encoder = Transformer(str(weights))
    model = SentenceTransformer(modules=[encoder, Pooling(32, "cls"), Dense(32, 8), Normalize()])
    ours = Embedder(model, revision="0")
    assert ours.dimension == 8
    np.testing.assert_allclose(ours.embed(TEXTS), alone(model, TEXTS, ""), atol=2e-6)


def test_another_kind_of_model_goes_its_own_way() -> None:
    """Static embeddings have no rows of tokens; their own `encode` answers."""
    tokenizer = Tokenizer(
        models.WordLevel({"[UNK]": 0, **{w: i for i, w in enumerate(RUSSIAN[0].split(), 1)}}, "[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    model = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)])
    assert not takes_rows(model)
    texts = [text for text in TEXTS if text]
    ours = Embedder(model, revision="0").embed(texts, "clustering: ")
    np.testing.assert_allclose(ours, alone(model, texts, "clustering: "), atol=2e-6)


def test_order_and_company_do_not_matter(weights: Path) -> None:
    """Equal calls are equal bit by bit, in whatever order the texts come; a text alone is equal up to the last bits."""
    ours = Embedder(load_sentence_transformer(weights, "cls", 64), revision="0", batch_tokens=100)
    whole = ours.embed(TEXTS)
    assert np.array_equal(ours.embed(TEXTS[::-1])[::-1], whole)
    np.testing.assert_allclose(np.concatenate([ours.embed([text]) for text in TEXTS]), whole, atol=2e-6)


def test_equal_texts_are_embedded_once(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = Embedder(load_sentence_transformer(weights, "cls", 64), revision="0")
    seen: list[int] = []
    cut = Embedder._cut
    monkeypatch.setattr(Embedder, "_cut", lambda self, places, *rest: seen.extend(places) or cut(self, places, *rest))
    assert ours.embed(TEXTS * 3).shape == (3 * len(TEXTS), ours.dimension)
    assert len(seen) == len(set(TEXTS))


def test_several_devices_share_the_work(weights: Path) -> None:
    """Two devices give what one gives."""
    model = load_sentence_transformer(weights, "cls", 64)
    one = Embedder(model, revision="0", batch_tokens=50).embed(TEXTS)
    two = Embedder(model, revision="0", batch_tokens=50, devices=["cpu", "cpu"]).embed(TEXTS)
    assert np.array_equal(one, two)


def test_the_model_given_stays_as_it_was(weights: Path) -> None:
    """Its copy runs, in whatever precision; the model itself still answers as before."""
    model = load_sentence_transformer(weights, "cls", 64)
    before, state = model.encode(TEXTS), copy.deepcopy(model.state_dict())
    near = Embedder(model, revision="0", precision="bf16").embed(TEXTS)
    assert near.dtype == np.float32
    # Had the precision been passed over, it would be equal.
    assert not np.allclose(near, Embedder(model, revision="0").embed(TEXTS), atol=1e-5)
    assert all(torch.equal(state[name], weight) for name, weight in model.state_dict().items())
    assert np.array_equal(model.encode(TEXTS), before)
    assert np.einsum("ij,ij->i", unit(near), unit(before)).min() > 0.999


def test_states_too_large_for_float16_stay_finite(weights: Path) -> None:
    """What passes from layer to layer is then kept in float32."""
    model = load_sentence_transformer(weights, "cls", 64)
    for layer in model[0].auto_model.encoder.layer:
        layer.output.LayerNorm.weight.data *= 1e5
    near = Embedder(model, revision="0", precision="bf16").embed(TEXTS)
    assert np.einsum("ij,ij->i", unit(near), unit(model.encode(TEXTS))).min() > 0.99


def test_a_cache_answers_instead_of_the_model(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bit by bit what was computed, for this model, precision, limit of tokens and prompt only."""
    model = load_sentence_transformer(weights, "cls", 64)
    cache = EmbeddingCache(tmp_path, 10**9)
    first = Embedder(model, revision="a", cache=cache).embed(TEXTS, "query: ")
    computed = texts_computed(monkeypatch)
    again = Embedder(model, revision="a", cache=cache)
    assert np.array_equal(again.embed(TEXTS[3:], "query: "), first[3:])
    unique = len(set(TEXTS))
    again.embed(TEXTS, "passage: ")
    again.embed(TEXTS, "")
    Embedder(model, revision="b", cache=cache).embed(TEXTS, "query: ")
    Embedder(model, revision="a", precision="bf16", cache=cache).embed(TEXTS, "query: ")
    Embedder(load_sentence_transformer(weights, "cls", 16), revision="a", cache=cache).embed(TEXTS, "query: ")
    assert computed == [0, *[unique] * 5]


def test_no_texts(weights: Path) -> None:
    assert Embedder(load_sentence_transformer(weights, "cls", 64), revision="0").embed([]).shape == (0, 32)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_embedding_that_is_no_number_is_refused(weights: Path, tmp_path: Path, value: float) -> None:
    """With its text, and the cache keeps none."""
    model = load_sentence_transformer(weights, "cls", 40)
    model.append(Spoilt(value))
    cache = EmbeddingCache(tmp_path / "cache", 10**9)
    for _ in range(2):
        with pytest.raises(Mistake, match=f"an embedding holds NaN or infinity, first that of '{RUSSIAN[0]}'"):
            Embedder(model, revision="0", cache=cache).embed(RUSSIAN)


class Spoilt(torch.nn.Module):
    """Half precision that overflows in one place."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, features: dict) -> dict:
        spoilt = features["sentence_embedding"].clone()
        spoilt[:, 3] = self.value
        return {**features, "sentence_embedding": spoilt}


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_on_one_thread_company_does_not_move_a_bit(tmp_path: Path, pooling: Literal["cls", "mean"]) -> None:
    """Texts of few tokens, whose products alone would be of few rows, in a model wide enough for it to matter."""
    folder = write_roberta(tmp_path, [*RUSSIAN, *ENGLISH], hidden=384)
    texts = ["да", "нет", "мост", "a b c", *TEXTS]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        together = Embedder.load(folder, pooling, 64).embed(texts)
        alone = Embedder.load(folder, pooling, 64, batch_tokens=1, devices=["cpu", "cpu"]).embed(texts)
        few = Embedder.load(folder, pooling, 64).embed(texts[:1])
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(together, alone)
    assert np.array_equal(together[:1], few)


def test_who_pools_otherwise_or_is_computed_otherwise_finds_nothing(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity holds pooling and head by name, length, precision, packages and code, whatever the revision says."""

    def identity(pooling: str = "cls", length: int = 64, precision: str = "fp32") -> str:
        return Embedder(load_sentence_transformer(weights, pooling, length), revision="0", precision=precision).identity

    known = [identity(), identity("mean"), identity(length=32), identity(precision="bf16")]
    headless = load_sentence_transformer(weights, "cls", 64)
    del headless[-1]
    known.append(Embedder(headless, revision="0").identity)
    code = embedder_module.code_of("rosberta.embedding.embedder")
    assert {f"rosberta/embedding/{name}.py" for name in ("embedder", "replicas")} <= set(code)
    assert "rosberta/encoder/unpadded.py" in code
    embedder_module._method.cache_clear()
    monkeypatch.setattr(embedder_module, "code_of", lambda *_: {**code, "rosberta/encoder/unpadded.py": "edited"})
    known.append(identity())
    monkeypatch.undo()
    embedder_module._method.cache_clear()
    assert len(set(known)) == len(known)
    assert identity() == known[0]


def test_a_processor_is_no_gpu(weights: Path) -> None:
    """What embeds on it leaves nothing for fits to take."""
    model = load_sentence_transformer(weights, "cls", 64)
    assert not Embedder(model, revision="0").on_gpu
    assert not Embedder(model, revision="0", devices=["cpu", "cpu"]).on_gpu


def test_a_corpus_that_is_not_to_be_kept_leaves_the_cache_alone(weights: Path, tmp_path: Path) -> None:
    model = load_sentence_transformer(weights, "cls", 64)
    cache = EmbeddingCache(tmp_path, 10**9)
    ours = Embedder(model, revision="a", cache=cache)
    ours.embed(TEXTS, keep=False)
    assert not list(tmp_path.rglob("*.safetensors"))
    assert ours.kept(10)
    assert not ours.kept(10**9)
    assert not Embedder(model, revision="a").kept(1)
