"""Cross-encoders as `sentence_transformers` loads them: one score of two texts that are read together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosberta.encoder.files import check_folder
from rosberta.encoder.folder import positions
from rosberta.encoder.loading import (
    LOCAL,
    check_finite,
    check_table,
    check_weights,
    load_config,
    loading,
    restore,
)
from rosberta.frame.mistakes import Mistake

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

    from rosberta.experiment.blocks import Precision


def load_cross_encoder(folder: Path, max_length: int, precision: Precision, device: str) -> CrossEncoder:
    """Load a cross-encoder from a local folder, without code or pickles of anyone's.

    Args:
        folder: of a model that classifies sequences, with one label.
        max_length: tokens of a pair at most; the model's own limit holds if it is lower.
        precision: of the model.
        device: where it computes.

    Raises:
        Mistake: the folder holds no such model; a head that is missing would be made up.
    """
    from sentence_transformers import CrossEncoder
    from transformers.utils import logging as chatter

    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    where = str(folder)
    check_folder(folder, where)
    config = load_config(folder, where)
    check_weights(folder, config, where, classifies=True)
    if config.num_labels != 1:
        raise Mistake(f"{where}: gives {config.num_labels} scores of a pair; pin a cross-encoder that gives one")
    dtype = "bfloat16" if precision == "bf16" else "float32"
    told: dict[str, Any] = {"config_kwargs": {**LOCAL}, "processor_kwargs": {**LOCAL}}
    with loading(where):
        model = CrossEncoder(
            where, device=device, model_kwargs={"use_safetensors": True, "dtype": dtype, **LOCAL}, **told, **LOCAL
        )
    check_finite(model.named_parameters(), where)
    restore(model.tokenizer, folder, where)
    encoder: Any = model.model
    check_table(encoder, model.tokenizer, where)
    if model.tokenizer.pad_token is None:
        raise Mistake(f"{where}: its tokenizer has no pad_token, which pairs are filled up with; pin another model")
    limits = [max_length, model.max_length or max_length]
    if hasattr(config, "max_position_embeddings"):
        limits.append(positions(config))
    model.max_length = min(limits)
    return model
