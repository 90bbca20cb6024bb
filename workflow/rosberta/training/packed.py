"""What both trainings compute with: transformers' model over packed micro-batches, with dropout that repeats."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch._functorch.config as functorch
from torch import Tensor, nn

from rosberta.encoder.attention import keywords, pack_attention
from rosberta.encoder.packing import Row, packed
from rosberta.texts.draws import draw

if TYPE_CHECKING:
    from rosberta.experiment.training import Training


def prepared(encoder: Any, settings: Training) -> Any:
    """Make an encoder, on its device, ready to be trained on rows.

    It gets packed attention, the dropout that the parameters name, and on a GPU, if they say so, compiled layers.
    """
    pack_attention(encoder)
    if compiles(encoder, settings):
        # What the backward pass is not given it computes again: torch's own knapsack over a layer's tensors.
        functorch.activation_memory_budget = settings.activation_budget
        for layer in encoder.encoder.layer:
            layer.compile(dynamic=True)
    for name, module in encoder.named_modules():
        if isinstance(module, nn.Dropout):
            if name.endswith("attention.self.dropout"):
                module.p = settings.attention_dropout
            elif settings.dropout is not None:
                module.p = settings.dropout
    return encoder


def compiles(encoder: Any, settings: Training) -> bool:
    """Whether the encoder's layers are compiled."""
    return settings.compiled and next(encoder.parameters()).device.type == "cuda"


def row_of(encoder: Any, texts: Sequence[np.ndarray]) -> Row:
    """The row of some texts, with the positions that the encoder was made with, on its device."""
    padding = None if encoder.config.model_type == "bert" else encoder.config.pad_token_id
    return packed(texts, padding).to(next(encoder.parameters()).device)


def states_of(encoder: Any, row: Row, settings: Training) -> Tensor:
    """The encoder's states of all tokens, (tokens, width)."""
    with precision_of(row.ids.device, settings):
        states: Tensor = encoder(**keywords(row)).last_hidden_state[0]
    return states


def fix_dropout(*what: object) -> None:
    """Let the dropout that follows depend on the seed, step and part that are named here, and on nothing before."""
    torch.manual_seed(draw(0, *map(str, what)) % (1 << 63))


def precision_of(device: torch.device, settings: Training) -> AbstractContextManager[Any]:
    """What products are rounded to, as the parameters say."""
    return torch.autocast(device.type, torch.bfloat16, enabled=settings.precision == "bf16")
