"""Embedding models as `sentence_transformers` loads and saves them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rosberta.frame.files import canonical, read_json
from rosberta.frame.mistakes import Mistake
from rosberta.texts.prefixes import CLASSIFICATION, CLUSTERING, SEARCH_DOCUMENT, SEARCH_QUERY

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel

ROBERTA = ("roberta", "xlm-roberta")
"""Types of models, as transformers calls them, that are RoBERTa."""

PROMPTS = {
    "search_query": SEARCH_QUERY,
    "search_document": SEARCH_DOCUMENT,
    "classification": CLASSIFICATION,
    "clustering": CLUSTERING,
    # What encode_query and encode_document ask for.
    "query": SEARCH_QUERY,
    "document": SEARCH_DOCUMENT,
}
"""Prompts of the project's models by name, as their users call them."""


def load_sentence_transformer(folder: Path, pooling: Literal["cls", "mean"], max_length: int) -> SentenceTransformer:
    """Load an embedding model from a local folder, without code or pickles of anyone's.

    Args:
        folder: of sentence-transformers' layout, which then says itself how it pools, or a plain encoder.
        pooling: of a plain encoder, whose embeddings are L2-normalised.
        max_length: tokens of a text at most; the model's own limit holds if it is lower.

    Raises:
        Mistake: the folder holds no such model.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import AutoConfig
    from transformers.utils import logging as chatter

    # Its report on loading names the pooler, which nothing reads.
    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    if not any(folder.glob("*.safetensors")):
        raise Mistake(f"{folder}: no weights (*.safetensors) there; take a revision of the model that has them")
    options: dict[str, Any] = {"use_safetensors": True}
    # A static embedding model has no transformer, and so no configuration of one.
    config = AutoConfig.from_pretrained(folder) if (folder / "config.json").is_file() else None
    if config and config.model_type in (*ROBERTA, "bert"):
        # A pooler might come with random weights, and nothing reads it. Files in half precision would set the model's.
        options |= {"add_pooling_layer": False, "dtype": "float32"}
    if (folder / "modules.json").is_file():
        model = SentenceTransformer(str(folder), model_kwargs=options, local_files_only=True)
    elif config is None:
        raise Mistake(f"{folder}: neither config.json nor modules.json there; this is no model")
    else:
        encoder = Transformer(str(folder), model_kwargs=options)
        model = SentenceTransformer(modules=[encoder, Pooling(config.hidden_size, pooling), Normalize()])
    if config:
        _check_weights(folder, model[0].auto_model)
        limits = [max_length, model.max_seq_length or max_length]
        if hasattr(config, "max_position_embeddings"):
            # sentence-transformers takes the whole table where a model does not say its length.
            limits.append(positions(config))
        model.max_seq_length = min(limits)
    return model


def _check_weights(folder: Path, encoder: Any) -> None:
    """Hold the weights in the files against those that an encoder of RoBERTa's kind needs; what lacks would be random.

    Raises:
        Mistake: the files lack a weight.
    """
    from safetensors import safe_open

    if encoder.config.model_type not in ROBERTA:
        return
    stored: set[str] = set()
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            stored |= {name.removeprefix(f"{encoder.base_model_prefix}.") for name in tensors.keys()}  # noqa: SIM118
    for name, _ in encoder.named_parameters():
        if name not in stored and not name.startswith("pooler."):
            raise Mistake(f"{folder}: the weights lack {name}; the files are not those of the model in config.json")


def weights_in(folder: Path) -> dict[str, Tensor]:
    """The weights of a model's encoder by name, of all its files, whether they hold a head besides or not.

    Raises:
        Mistake: the folder holds no safetensors.
    """
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise Mistake(f"{folder}: no weights (*.safetensors) there; run the stage that writes them")
    stored = {name: tensor for file in files for name, tensor in load_file(file).items()}
    # With a head, the encoder is a part of the model, and its weights are named so.
    return {re.sub(r"^(?:roberta|bert)\.", "", name): tensor for name, tensor in stored.items()}


def encoder_of(model: SentenceTransformer) -> PreTrainedModel:
    """The encoder of an embedding model, without its head."""
    encoder: Any = model[0].auto_model
    return encoder


def positions(config: PretrainedConfig) -> int:
    """Tokens that an encoder has positions for."""
    # RoBERTa counts positions from the padding's id on, so its table has that many rows and one too many.
    unused = config.pad_token_id + 1 if config.model_type in ROBERTA else 0
    return config.max_position_embeddings - unused


def save(model: SentenceTransformer, folder: Path, start: Path) -> None:
    """Save an embedding model with the recipe's prompts.

    Args:
        model: to be saved.
        folder: where it goes: what ``SentenceTransformer(path)`` loads.
        start: folder of the model that it was made of, whose tokenizer it has.
    """
    model.prompts, model.default_prompt_name = dict(PROMPTS), None
    model.save_pretrained(str(folder), create_model_card=False)
    # A tokenizer in use has been told to truncate and pad, and knows where it was loaded from.
    shutil.copyfile(start / "tokenizer.json", folder / "tokenizer.json")
    config = read_json(start / "tokenizer_config.json") | {"model_max_length": model.max_seq_length}
    (folder / "tokenizer_config.json").write_text(canonical(config), encoding="utf-8")
