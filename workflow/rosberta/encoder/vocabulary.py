"""Vocabularies united: a byte-level BPE tokenizer learns another's tokens, the model the other's embeddings of them.

The union keeps the base's ids and merges; the donor's tokens that the base lacks follow in the order of the donor's
ids, its merges after the base's in their order. A word is thus first cut as the base cuts it, and the donor's merges
only join what the base has left apart (paper 4.2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rosberta.encoder.files import ROBERTA, check_folder
from rosberta.encoder.loading import LOCAL, check_finite, complain, load_config, loading
from rosberta.frame.files import canonical
from rosberta.frame.mistakes import Mistake

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Union(NamedTuple):
    """Two tokenizers made one."""

    state: dict[str, Any]
    """The union as ``tokenizer.json`` has it."""
    first: int
    """Id of the first added token."""
    added: list[str]
    """The added tokens, in the order of their ids."""
    donor_ids: list[int]
    """Their ids in the donor."""
    counts: dict[str, int]
    """Tokens: ``base``, ``donor``, ``shared``, ``added``. Merges: ``base_merges``, ``added_merges``."""


def unite(base: Mapping[str, Any], donor: Mapping[str, Any]) -> Union:
    """Unite two byte-level BPE tokenizers, given as their ``tokenizer.json``; all but tokens and merges is the base's.

    The donor's special tokens are not taken. Of its merges those are whose parts and result the union has and which
    the base has not.
    """
    special = {token["content"] for token in donor["added_tokens"]}
    # Added tokens go into the model's own vocabulary: else their ids would follow its size, which now changes.
    vocabulary = base["model"]["vocab"] | {token["content"]: token["id"] for token in base["added_tokens"]}
    donor_vocabulary = donor["model"]["vocab"] | {token["content"]: token["id"] for token in donor["added_tokens"]}
    first = max(vocabulary.values()) + 1
    added = sorted(
        (token for token in donor_vocabulary if token not in vocabulary and token not in special),
        key=donor_vocabulary.__getitem__,
    )
    union = vocabulary | {token: first + place for place, token in enumerate(added)}
    merges = [tuple(merge) for merge in base["model"]["merges"]]
    known = set(merges)
    added_merges = [
        (left, right)
        for left, right in donor["model"]["merges"]
        if (left, right) not in known and left in union and right in union and left + right in union
    ]
    return Union(
        {**base, "model": {**base["model"], "vocab": union, "merges": [*merges, *added_merges]}},
        first,
        added,
        [donor_vocabulary[token] for token in added],
        {
            "base": len(vocabulary),
            "donor": len(donor_vocabulary),
            "shared": sum(token in vocabulary for token in donor_vocabulary),
            "added": len(added),
            "base_merges": len(merges),
            "added_merges": len(added_merges),
        },
    )


def alone(tokenizer: PreTrainedTokenizerBase) -> Union:
    """A tokenizer united with itself, as it is: nothing is added, so that it may be of any kind."""
    tokens = tokenizer.get_vocab()
    state = json.loads(backend(tokenizer).to_str())
    counts = {"base": len(tokens), "donor": len(tokens), "shared": len(tokens), "added": 0}
    merges = {"base_merges": len(state["model"].get("merges", ())), "added_merges": 0}
    return Union(state, max(tokens.values()) + 1, [], [], counts | merges)


def state_of(tokenizer: PreTrainedTokenizerBase, where: str) -> dict[str, Any]:
    """A tokenizer's ``tokenizer.json``.

    Raises:
        Mistake: it is no byte-level BPE; `where` names it.
    """
    state = json.loads(backend(tokenizer).to_str())
    if state["model"]["type"] != "BPE" or "ByteLevel" not in json.dumps(state["pre_tokenizer"]):
        raise Mistake(f"{where}: its tokenizer is no byte-level BPE ({state['model']['type']}); choose a RoBERTa")
    return state


def backend(tokenizer: PreTrainedTokenizerBase) -> Tokenizer:
    """What really cuts texts."""
    return tokenizer.backend_tokenizer


def masked_lm(folder: Path, where: str) -> tuple[PreTrainedModel, bool]:
    """Load a RoBERTa, or a BERT, for masked language modelling in float32; its encoder comes from its files.

    Returns:
        The model, and whether its head comes from its files, too. Where they have none at all, it is initialised, the
        same each time.

    Raises:
        Mistake: the files lack weights of the encoder, or a part of the head; `where` names the model.
    """
    import torch
    from transformers import AutoModelForMaskedLM

    check_folder(folder, where)
    config = load_config(folder, where)
    if config.model_type not in (*ROBERTA, "bert"):
        raise Mistake(f"{where}: is a {config.model_type}; choose a RoBERTa, whose layers the merge back knows")
    torch.manual_seed(0)
    with loading(where):
        model, report = AutoModelForMaskedLM.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **LOCAL,
        )
    complain(where, [name for name, *_ in report["mismatched_keys"]], "have another shape for")
    encoder = f"{model.base_model_prefix}."
    head = {name for name, _ in model.named_parameters() if not name.startswith(encoder)}
    missing = set(report["missing_keys"])
    partial = missing and head - missing
    complain(where, (name for name in missing if partial or name.startswith(encoder)), "lack")
    check_finite(model.named_parameters(), where)
    return model, not missing


def extend(model: PreTrainedModel, donor: PreTrainedModel, first: int, donor_ids: list[int]) -> None:
    """Give a model, from the id `first` on, the donor's rows: of the embeddings, and of the output's weight and bias.

    Rows that the model has beyond its tokens are overwritten. Tied weights stay tied, whether the donor's are or not.
    """
    import torch

    model.resize_token_embeddings(max(first + len(donor_ids), model.config.vocab_size), mean_resizing=False)
    new = slice(first, first + len(donor_ids))
    with torch.no_grad():
        # Embeddings last: where they are the output's weight, too, they are what counts.
        for mine, theirs in zip(_tables(model), _tables(donor), strict=True):
            mine[new] = theirs[donor_ids]


def _tables(model: PreTrainedModel) -> list[nn.Parameter]:
    """What has a row for each token: the output's bias and weight, and the embeddings, with which it may be tied."""
    output: Any = model.get_output_embeddings()
    embeddings: Any = model.get_input_embeddings()
    return [output.bias, output.weight, embeddings.weight]


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, state: Mapping[str, Any], folder: Path) -> None:
    """Save a tokenizer's settings with another ``tokenizer.json``."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    settings = {name: value for name, value in config.items() if name not in {"is_local", "local_files_only"}}
    path.write_text(canonical(settings), encoding="utf-8")
    (folder / "tokenizer.json").write_text(json.dumps(state, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def reachable(folder: Path, tokens: list[str]) -> int:
    """Count the tokens that the saved tokenizer makes of their own characters, and do so as one token.

    Raises:
        RuntimeError: the tokenizer that `transformers` loads is not the one that was saved.
    """
    from tokenizers import Tokenizer
    from transformers import AutoTokenizer

    saved = Tokenizer.from_file(str(folder / "tokenizer.json"))
    if (
        json.loads(backend(AutoTokenizer.from_pretrained(folder, **LOCAL)).to_str())["model"]
        != json.loads(saved.to_str())["model"]
    ):
        raise RuntimeError(f"transformers changes the tokenizer in {folder}")
    return sum(len(saved.model.tokenize(token)) == 1 for token in tokens)
