"""Encoders without padding: texts of any lengths in one row of tokens, each token attending to its own text alone.

The layers are those of BERT (Devlin et al. 2019, section 3; Vaswani et al. 2017, section 3), run on the weights of
transformers' model. Where torch has a kernel for such attention (`torch.nn.attention.varlen`, on CUDA in half
precision) that does the work; elsewhere texts of equal length, which lie side by side in a row, are one plain batch.
Where the first token alone is pooled, the last layer computes nothing for the others but what it attends to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import layer_norm, linear

from rosberta.encoder.attention import attend, kernel_of
from rosberta.encoder.packing import Row

log = logging.getLogger(__name__)

ENCODERS = ("roberta", "xlm-roberta", "bert")
"""Types of models, as transformers calls them, that take a row."""


class Layer(NamedTuple):
    """Weight and bias of each part of a layer."""

    query: tuple[Tensor, Tensor]
    key: tuple[Tensor, Tensor]
    value: tuple[Tensor, Tensor]
    attended: tuple[Tensor, Tensor]
    attended_norm: tuple[Tensor, Tensor]
    up: tuple[Tensor, Tensor]
    down: tuple[Tensor, Tensor]
    norm: tuple[Tensor, Tensor]


class Encoder:
    """An encoder of RoBERTa's or BERT's kind, without dropout, for rows of tokens."""

    def __init__(self, encoder: Any, precision: torch.dtype) -> None:
        """Take the weights of transformers' model, which is of no use afterwards.

        Args:
            encoder: in float32.
            precision: of the products. Everything between them is computed in float32. What passes beside the products
                from layer to layer is kept in float32 as well, or, beside those in half precision, in float16, which
                is eight times finer than bfloat16 and adds nothing to the error that can be measured.
        """
        self._embeddings = encoder.embeddings
        self.padding: int | None = None if encoder.config.model_type == "bert" else encoder.config.pad_token_id
        """The id from which positions are counted, for `packed`."""
        self._heads: int = encoder.config.num_attention_heads
        self._epsilon: float = encoder.config.layer_norm_eps
        self._layers = [_taken(layer, precision) for layer in encoder.encoder.layer]
        self._activation = encoder.encoder.layer[0].intermediate.intermediate_act_fn
        encoder.encoder.layer = None
        weight = self._layers[0].up[0]
        norms = [(encoder.embeddings.LayerNorm.weight, encoder.embeddings.LayerNorm.bias)]
        norms += [norm for layer in self._layers for norm in (layer.attended_norm, layer.norm)]
        half = weight.dtype in (torch.float16, torch.bfloat16)
        self._between = torch.float16 if half and largest(norms) < torch.finfo(torch.float16).max else torch.float32
        self._kernel = kernel_of(weight.device) if half else None
        self._add_norm = _compiled(weight.device, weight.shape[1], self._between) if self._kernel else add_norm
        self._fused = bool(self._kernel) and encoder.config.hidden_act == "gelu" and hasattr(torch, FUSED)

    def __call__(self, row: Row, *, first: bool = False) -> Tensor:
        """The last layer's output.

        Args:
            row: on the device of the weights.
            first: for the first token of each text only.

        Returns:
            float32, (tokens, width), or (texts, width).
        """
        states = self._embeddings(
            input_ids=row.ids, position_ids=row.positions, token_type_ids=torch.zeros_like(row.ids)
        )[0]
        states, rounded = states.to(self._between), states.to(self._layers[0].up[0].dtype)
        for layer in self._layers[:-1]:
            states, rounded = self._run(states, rounded, layer, row, first=False)
        return self._run(states, rounded, self._layers[-1], row, first=first)[0].float()

    def _run(self, states: Tensor, rounded: Tensor, layer: Layer, row: Row, *, first: bool) -> tuple[Tensor, Tensor]:
        """One layer's output for the tokens of a row, or the first of each text; to pass on, and for the products."""
        kept, asking = (each[row.starts[:-1].long()] if first else each for each in (states, rounded))
        query, key, value = (
            linear(each, *weights).unflatten(-1, (self._heads, -1))
            for each, weights in ((asking, layer.query), (rounded, layer.key), (rounded, layer.value))
        )
        if self._kernel and first:
            each = torch.arange(len(row.starts), dtype=torch.int32, device=row.starts.device)
            attended = self._kernel(query, key, value, each, row.starts, 1, row.longest)
        elif self._kernel:
            attended = self._kernel(query, key, value, row.starts, row.starts, row.longest, row.longest)
        else:
            attended = attend(query, key, value, row.runs, first=first)
        change = linear(attended.flatten(1), *layer.attended)
        kept, inner = self._add_norm(kept, change, *layer.attended_norm, self._epsilon)
        inner = up_gelu(inner, *layer.up) if self._fused else self._activation(linear(inner, *layer.up))
        change = linear(inner, *layer.down)
        return self._add_norm(kept, change, *layer.norm, self._epsilon)


def _taken(layer: Any, precision: torch.dtype) -> Layer:
    attention = layer.attention

    def of(module: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        return module.weight.detach().to(dtype), module.bias.detach().to(dtype)

    return Layer(
        query=of(attention.self.query, precision),
        key=of(attention.self.key, precision),
        value=of(attention.self.value, precision),
        attended=of(attention.output.dense, precision),
        attended_norm=of(attention.output.LayerNorm, torch.float32),
        up=of(layer.intermediate.dense, precision),
        down=of(layer.output.dense, precision),
        norm=of(layer.output.LayerNorm, torch.float32),
    )


def largest(norms: Sequence[tuple[Tensor, Tensor]]) -> float:
    """What no output of these normalisations exceeds, whatever comes in: sqrt(width) max |weight| + max |bias|."""
    return max(
        (len(weight) ** 0.5 * weight.abs().max() + (0 if bias is None else bias.abs().max())).item()
        for weight, bias in norms
    )


def add_norm(states: Tensor, change: Tensor, weight: Tensor, bias: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """A sum, normalised (Vaswani et al. 2017, section 3.1), in float32; rounded as `states`, and as `change`."""
    normed = layer_norm(states.float() + change, states.shape[-1:], weight, bias, epsilon)
    return normed.to(states.dtype), normed.to(change.dtype)


FUSED = "_addmm_activation"
"""What torch calls a product that applies GELU before it rounds and writes."""


def up_gelu(inner: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """GELU of a product and bias, in one kernel, which saves another tenth.

    On a GPU it is GELU in its tanh form (Hendrycks and Gimpel 2016, section 2), which is off by less than what
    rounding to bfloat16 takes; applied before that rounding, embeddings come out nearer to those in float32.
    """
    product: Tensor = getattr(torch, FUSED)(bias, inner, weight.T, use_gelu=True)
    return product


@cache
def _compiled(device: torch.device, width: int, between: torch.dtype) -> Callable[..., tuple[Tensor, Tensor]]:
    """`add_norm` in one kernel, which saves a tenth of an encoder's time; as it is where none can be built.

    Nothing else is compiled: what torch makes of a whole layer is slower than this.
    """
    compiled: Callable[..., tuple[Tensor, Tensor]] = torch.compile(add_norm)
    try:
        with torch.inference_mode():
            # The first call fixes the width, the others free the number of tokens.
            for tokens in (64, 128, 192):
                states = torch.zeros(tokens, width, device=device)
                compiled(states.to(between), states.bfloat16(), states[0], states[0], 1e-5)
    except Exception as error:  # whatever a missing compiler gives rise to
        log.warning("no kernel was built for sums (%s); embedding is a tenth slower", str(error).split("\n")[0])
        return add_norm
    return compiled
