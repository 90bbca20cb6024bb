"""Embedding models as `sentence_transformers` loads and saves them."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rosberta.encoder.files import ROBERTA, check_folder, says_pooling, weight_files
from rosberta.encoder.loading import LOCAL, check_finite, check_table, check_weights, load_config, loading, restore
from rosberta.frame.files import canonical, read_json
from rosberta.frame.mistakes import Mistake
from rosberta.texts.prefixes import CLASSIFICATION, CLUSTERING, SEARCH_DOCUMENT, SEARCH_QUERY

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel

_TOLD: dict[str, dict[str, Any]] = {
    "model_kwargs": {"use_safetensors": True},
    "config_kwargs": {},
    "processor_kwargs": {},
}

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
    from transformers.utils import logging as chatter

    # Its report on loading names the pooler, which nothing reads.
    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    where = str(folder)
    home = check_folder(folder, where)
    # A static embedding model has no transformer, and so no configuration of one.
    config = load_config(home, where) if (home / "config.json").is_file() else None
    options: dict[str, Any] = {}
    if config:
        # A pooler might come with random weights, and nothing reads it.
        options = {"add_pooling_layer": False} if config.model_type in (*ROBERTA, "bert") else {}
        check_weights(home, config, where, **options)
    if options:
        options["dtype"] = "float32"  # files in half precision would set the model's
    told: dict[str, Any] = {name: {**LOCAL, **more} for name, more in _TOLD.items()}
    told["model_kwargs"] |= options
    with loading(where):
        if says_pooling(folder):
            model = SentenceTransformer(str(folder), **told, **LOCAL)
        else:
            assert config is not None, "a folder without modules has a configuration"
            encoder = Transformer(str(folder), **told)
            model = SentenceTransformer(modules=[encoder, Pooling(config.hidden_size, pooling), Normalize()])
    check_finite(model.named_parameters(), where)
    if (numbers := model.truncate_dim) is not None and (type(numbers) is not int or numbers < 1):
        raise Mistake(f"{where}: its truncate_dim is {numbers!r}; write how many numbers of an embedding are kept")
    if config:
        _restore_tokenizer(model[0], home, where)
        check_table(encoder_of(model), model.tokenizer, where)
        limits = [max_length, model.max_seq_length or max_length]
        if hasattr(config, "max_position_embeddings"):
            # sentence-transformers takes the whole table where a model does not say its length.
            limits.append(positions(config))
        model.max_seq_length = min(limits)
    return model


def _restore_tokenizer(encoder: Any, home: Path, where: str) -> None:
    """Let the tokenizer that runs be the one in the files; whether texts are put in lower case first is the model's."""
    from tokenizers.normalizers import Lowercase, Sequence

    restore(encoder.tokenizer, home, where)
    running = getattr(encoder.tokenizer, "backend_tokenizer", None)
    if running is not None and encoder.do_lower_case and "Lowercase" not in repr(running.normalizer):
        running.normalizer = Sequence([Lowercase(), *([running.normalizer] if running.normalizer else [])])


def weights_in(folder: Path) -> dict[str, Tensor]:
    """The weights of a model's encoder by name, of all its files, whether they hold a head besides or not.

    Raises:
        Mistake: the folder holds no safetensors, or a weight is no number.
    """
    from safetensors.torch import load_file

    files = weight_files(folder, str(folder))
    stored = {name: tensor for file in files for name, tensor in load_file(file).items()}
    check_finite(stored.items(), str(folder))
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
