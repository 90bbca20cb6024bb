"""The miniature's models: a Russian encoder, an English donor, a multilingual teacher, as their repositories hold them.

They are tiny and not trained. Their embeddings have the structure of `embeddings`, and their layers change little, so
that likeness of words survives: enough for the teacher's ranks to mean something and for the base to be worth a start.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from miniature.models.corpus import Tale, bilingual, monolingual
from miniature.sets import world_of
from miniature.world.world import World

Weights = dict[str, np.ndarray]
SPREAD = 0.02
"""Standard deviation of what is random in the layers, as RoBERTa starts."""
CARRIED = 1.0
"""How much of the mean of all tokens the layers of a RoBERTa bring to each, the first among them."""


def ru_roberta(world: World, folder: Path, rows: int) -> None:
    """`ai-forever/ruRoberta-large`: Russian byte-level BPE; ``<pad>`` has id 0, so ids must be read, not assumed."""
    matters = monolingual(world, rows, "ru")
    _roberta(folder, matters, 2000, ("<pad>", "<s>", "</s>", "<unk>", "<mask>"), [world.seed, 1])


def roberta(world: World, folder: Path, rows: int) -> None:
    """`FacebookAI/roberta-large`: English byte-level BPE, ``<mask>`` at the end; as wide as the Russian encoder."""
    matters = monolingual(world, rows, "en")
    _roberta(folder, matters, 1500, ("<s>", "<pad>", "</s>", "<unk>"), [world.seed, 2])


def ru_roberta_base(world: World, folder: Path, rows: int) -> None:
    """`deepvk/roberta-base`: a Russian encoder alone, without the head for masked language modelling."""
    matters = monolingual(world, rows, "ru")
    _roberta(folder, matters, 2000, ("<s>", "<pad>", "</s>", "<unk>", "<mask>"), [world.seed, 4], head=False)


def e5(world: World, folder: Path, rows: int) -> None:
    """`intfloat/multilingual-e5-small`: BERT with XLM-R's tokenizer, mean pooling, as a Sentence Transformer."""
    from miniature.models.embeddings import token_embeddings
    from miniature.models.tokens import unigram, write_tokenizer

    hidden, layers, feed_forward, positions = 48, 2, 96, 512
    matters = [(*ru, *en) for ru, en in bilingual(world, rows)]
    prompts = ("query: ", "passage: ")
    tokenizer = unigram([*prompts * 100, *(text for matter in matters for text in matter)], 3000)
    random = np.random.Generator(np.random.PCG64([world.seed, 3]))
    tokens = token_embeddings(tokenizer, matters, hidden, f"{world.seed}/e5", prompts)
    weights = {
        "embeddings.word_embeddings.weight": tokens,
        "embeddings.position_embeddings.weight": _normal(random, positions, hidden) * 0.1,
        "embeddings.token_type_embeddings.weight": np.zeros((2, hidden), np.float32),
        **_norm("embeddings.LayerNorm", hidden),
        **_layers(random, "encoder.layer", layers, (hidden, feed_forward)),
        **_linear(random, "pooler.dense", hidden, hidden),
    }
    config = {
        "architectures": ["BertModel"], "model_type": "bert", "vocab_size": len(tokens), "hidden_size": hidden,
        "num_hidden_layers": layers, "num_attention_heads": 2, "intermediate_size": feed_forward,
        "max_position_embeddings": positions, "type_vocab_size": 2, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "initializer_range": SPREAD, "pad_token_id": 0,
        "position_embedding_type": "absolute", "tokenizer_class": "XLMRobertaTokenizer",
    }  # fmt: skip
    _write(folder, weights, config)
    write_tokenizer(tokenizer, folder, "XLMRobertaTokenizer")
    modules = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    _write_json(
        folder / "modules.json",
        [
            {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{name}"}
            for place, (path, name) in enumerate(modules)
        ],
    )
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": 512, "do_lower_case": False})
    pooling = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}
    pooling["pooling_mode_mean_sqrt_len_tokens"] = False
    _write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": hidden, **pooling})


MODELS: dict[str, Callable[[World, Path, int], None]] = {
    "FacebookAI/roberta-base": roberta,
    "FacebookAI/roberta-large": roberta,
    "ai-forever/ruRoberta-large": ru_roberta,
    "deepvk/roberta-base": ru_roberta_base,
    "intfloat/multilingual-e5-small": e5,
    "sentence-transformers/LaBSE": e5,
}
"""What writes each model."""

IDS = tuple(MODELS)


def write_model(id: str, folder: Path, seed: int, rows: int) -> None:
    """Write a model as its repository holds it.

    Args:
        id: the model's id on the hub.
        folder: where its files go.
        seed: of the world that its tokenizer knows.
        rows: texts of each genre that its tokenizer is trained on, beside the world's facts.

    Raises:
        KeyError: the miniature has no such model.
    """
    write = MODELS[id]
    folder.mkdir(parents=True, exist_ok=True)
    write(world_of(seed), folder, rows)


def _roberta(
    folder: Path, matters: list[Tale], size: int, first: tuple[str, ...], seed: list[int], *, head: bool = True
) -> None:
    from miniature.models.embeddings import token_embeddings
    from miniature.models.tokens import BOS, EOS, PAD, byte_level, write_tokenizer

    hidden, layers, feed_forward, positions = 64, 2, 128, 514
    tokenizer = byte_level([text for matter in matters for text in matter], size, first)
    random = np.random.Generator(np.random.PCG64(seed))
    tokens = token_embeddings(tokenizer, matters, hidden, f"roberta/{seed}")
    pad = tokenizer.token_to_id(PAD)
    tokens[pad] = 0
    weights = {
        # as long as tokens of a trained RoBERTa are for their width
        "roberta.embeddings.word_embeddings.weight": tokens * np.float32(0.6),
        "roberta.embeddings.position_embeddings.weight": _normal(random, positions, hidden),
        "roberta.embeddings.token_type_embeddings.weight": np.zeros((1, hidden), np.float32),
        **_norm("roberta.embeddings.LayerNorm", hidden),
        **_layers(random, "roberta.encoder.layer", layers, (hidden, feed_forward), CARRIED),
        **_linear(random, "lm_head.dense", hidden, hidden),
        **_norm("lm_head.layer_norm", hidden),
        "lm_head.bias": np.zeros(len(tokens), np.float32),
    }
    weights["roberta.embeddings.position_embeddings.weight"][pad] = 0
    if not head:
        weights = {
            name.removeprefix("roberta."): values for name, values in weights.items() if not name.startswith("lm_head.")
        }
    architecture = "RobertaForMaskedLM" if head else "RobertaModel"
    config = {
        "architectures": [architecture], "model_type": "roberta", "vocab_size": len(tokens),
        "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": 2, "intermediate_size": feed_forward,
        "max_position_embeddings": positions, "type_vocab_size": 1, "hidden_act": "gelu", "layer_norm_eps": 1e-05,
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "initializer_range": SPREAD,
        "pad_token_id": pad, "bos_token_id": tokenizer.token_to_id(BOS), "eos_token_id": tokenizer.token_to_id(EOS),
        "position_embedding_type": "absolute",
    }  # fmt: skip
    _write(folder, weights, config)
    write_tokenizer(tokenizer, folder, "RobertaTokenizer")


def _layers(
    random: np.random.Generator, name: str, layers: int, sizes: tuple[int, int], carried: float = 0.0
) -> Weights:
    """Layers near the identity; their attention adds `carried` times the mean of all tokens to each of them.

    `sizes` are those of the hidden states and of the feed-forward part.
    """
    hidden, feed_forward = sizes
    weights: Weights = {}
    identity = np.eye(hidden, dtype=np.float32)
    for layer in range(layers):
        at = f"{name}.{layer}"
        for part in ("query", "key", "value"):
            weights |= _linear(random, f"{at}.attention.self.{part}", hidden, hidden)
        weights |= _linear(random, f"{at}.attention.output.dense", hidden, hidden)
        weights[f"{at}.attention.self.value.weight"] += identity
        weights[f"{at}.attention.output.dense.weight"] += np.float32(carried) * identity
        weights |= _norm(f"{at}.attention.output.LayerNorm", hidden)
        weights |= _linear(random, f"{at}.intermediate.dense", feed_forward, hidden)
        weights |= _linear(random, f"{at}.output.dense", hidden, feed_forward)
        weights |= _norm(f"{at}.output.LayerNorm", hidden)
    return weights


def _linear(random: np.random.Generator, name: str, outputs: int, inputs: int) -> Weights:
    return {f"{name}.weight": _normal(random, outputs, inputs), f"{name}.bias": np.zeros(outputs, np.float32)}


def _norm(name: str, size: int) -> Weights:
    return {f"{name}.weight": np.ones(size, np.float32), f"{name}.bias": np.zeros(size, np.float32)}


def _normal(random: np.random.Generator, *shape: int) -> np.ndarray:
    return (random.standard_normal(shape) * SPREAD).round(6).astype(np.float32)


def _write(folder: Path, weights: Weights, config: dict[str, Any]) -> None:
    from safetensors.numpy import save_file

    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    _write_json(folder / "config.json", config)


def _write_json(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
