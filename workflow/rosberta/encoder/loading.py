"""What a model lacks is never filled up in silence: what libraries make of its files is held to these.

Which files there must be says `rosberta.encoder.files`. Here weights are held to the configuration, rows to the tokens,
and the tokenizer that a class has rebuilt to the one in the files. Code of a model's own is never run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from rosberta.encoder.files import check_folder
from rosberta.frame.mistakes import Mistake

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

LOCAL: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True}
"""What every library is told: no code of a model's own, and no network."""

PROBES = ("мост", "bridge", "1984")
"""Texts of which any tokenizer of the two languages knows at least one."""

SETTINGS = frozenset(
    {"lowercase", "strip_accents", "handle_chinese_chars", "clean_text", "add_prefix_space", "prepend_scheme"}
    | {"trim_offsets"}
)
"""What of a tokenizer's parts ``tokenizer_config.json`` may set otherwise than ``tokenizer.json``."""


_FAILURES = (
    *(OSError, ValueError, ImportError, LookupError, TypeError, AttributeError, AssertionError),
    # What torch raises over shapes, and over a pickle of more than tensors.
    *(RuntimeError, UnpicklingError),
)


@contextmanager
def loading(where: str) -> Iterator[None]:
    """Turn what libraries raise over a model's files into a `Mistake` of one line; `where` names the model."""
    from safetensors import SafetensorError

    try:
        yield
    except (*_FAILURES, SafetensorError) as error:
        words = " ".join(str(error).split())
        if "trust_remote_code" in words or "custom code" in words:
            reason = "needs code of its own (auto_map or modules.json), which is not run; choose a model without"
        else:
            reason = f"cannot be loaded ({words[:300] or type(error).__name__}); pin all of its files, or another model"
        raise Mistake(f"{where}: {reason}") from None


def load_config(folder: Path, where: str) -> PretrainedConfig:
    """A model's configuration.

    Raises:
        Mistake: it is damaged, or of a type that needs code of the model's own.
    """
    from transformers import AutoConfig

    with loading(where):
        config: PretrainedConfig = AutoConfig.from_pretrained(folder, **LOCAL)
    return config


def check_weights(
    folder: Path, config: PretrainedConfig, where: str, *, classifies: bool = False, **options: Any
) -> None:
    """Hold the files of a model to its configuration, without reading the weights.

    Args:
        folder: of the model.
        config: its configuration.
        where: names the model.
        classifies: whether it is held to be a classifier of sequences, whole; else an encoder, whose pooler may be
            missing.
        options: of `from_pretrained`.

    Raises:
        Mistake: a weight is missing, or has another shape.
    """
    from transformers import AutoModel, AutoModelForSequenceClassification

    kind = AutoModelForSequenceClassification if classifies else AutoModel
    with loading(where):
        _, report = kind.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            device_map="meta",
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **LOCAL,
            **options,
        )
    # Of a model with a decoder the encoder alone embeds.
    encoding = ("pooler.", "decoder.") if config.is_encoder_decoder else ("pooler.",)
    unused: tuple[str, ...] = () if classifies else encoding
    complain(where, [name for name in report["missing_keys"] if not name.startswith(unused)], "lack")
    complain(where, [name for name, *_ in report["mismatched_keys"]], "have another shape for")


def complain(where: str, names: Iterable[str], does: str) -> None:
    """Raise a `Mistake` that names these weights, if there are any."""
    if wrong := sorted(names):
        more = f" and {len(wrong) - 3} more" if wrong[3:] else ""
        advice = "the files are not those of the model in config.json"
        raise Mistake(f"{where}: the weights {does} {', '.join(wrong[:3])}{more}; {advice}")


def check_finite(weights: Iterable[tuple[str, Tensor]], where: str) -> None:
    """Hold every weight to be a number.

    Raises:
        Mistake: one is not; `where` names the model.
    """
    import torch

    for name, tensor in weights:
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise Mistake(
                f"{where}: {name} holds NaN or infinity; a training diverged, or the file is damaged: "
                "lower its learning rate, or fetch it again"
            )


def load_tokenizer(folder: Path, where: str) -> PreTrainedTokenizerBase:
    """The tokenizer in a model's files, as these say.

    Raises:
        Mistake: the folder is not one of a model, or its tokenizer knows no text; `where` names the model.
    """
    from transformers import AutoTokenizer

    check_folder(folder, where)
    with loading(where):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, **LOCAL)
    restore(tokenizer, folder, where)
    return tokenizer


def restore(tokenizer: Any, folder: Path, where: str) -> None:
    """Give a loaded tokenizer the parts that ``tokenizer.json`` says, where its class has rebuilt them otherwise.

    Raises:
        Mistake: no text is anything to it; `where` names the model.
    """
    from tokenizers import Tokenizer

    running = getattr(tokenizer, "backend_tokenizer", None)
    if running is None:
        return
    if (folder / "tokenizer.json").is_file():
        with loading(where):
            filed = Tokenizer.from_file(str(folder / "tokenizer.json"))
        for part in ("pre_tokenizer", "post_processor", "decoder", "normalizer"):
            meant, found = getattr(filed, part), getattr(running, part)
            if _kind(meant) != _kind(found):
                setattr(running, part, meant)
        if filed.get_vocab(with_added_tokens=False) != running.get_vocab(with_added_tokens=False):
            running.model = filed.model
    unknown = {tokenizer.unk_token_id}
    if not any(set(running.encode(probe, add_special_tokens=False).ids) - unknown for probe in PROBES):
        raise Mistake(f"{where}: its tokenizer knows no text; fetch its files again, or pin another model")


def _kind(part: Any) -> Any:
    """A part of a tokenizer without what its configuration may set."""
    return None if part is None else _without(json.loads(part.__getstate__()))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(each) for name, each in value.items() if name not in SETTINGS}
    return [_without(each) for each in value] if isinstance(value, list) else value


def check_table(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, where: str) -> None:
    """Hold a model to have a row for each of its tokenizer's ids.

    Raises:
        Mistake: it has fewer; `where` names the model.
    """
    embeddings: Any = model.get_input_embeddings()
    rows, highest = embeddings.weight.shape[0], max(tokenizer.get_vocab().values())
    if highest >= rows:
        raise Mistake(
            f"{where}: its tokenizer has the id {highest}, its embeddings {rows} rows; the two are not of one model"
        )
