"""Attention within each text of a row: one function, for the embedder and, through transformers' models, for training.

Where torch has a kernel for such attention (`torch.nn.attention.varlen`, on CUDA in half precision) that does the work;
elsewhere texts of equal length, which lie side by side in a row, are one plain batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from rosberta.encoder.packing import Row, split

if TYPE_CHECKING:
    from transformers import PreTrainedModel

PACKED = "rosberta_packed"
"""Name under which transformers' models know it."""


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    runs: Sequence[tuple[int, int]],
    *,
    first: bool = False,
    dropout: float = 0.0,
) -> Tensor:
    """Attend within each text of a row; scores over the root of the size (Vaswani et al. 2017, equation 1).

    Args:
        query: (tokens, heads, size), or (texts, heads, size) of the first tokens.
        key: (tokens, heads, size).
        value: as `key`.
        runs: `Row.runs`.
        first: whether there are queries of the first tokens only.
        dropout: share of the attention's probabilities that is dropped.

    Returns:
        As `query`.
    """
    of_queries = [(texts, 1) for texts, _ in runs] if first else runs
    attended = [
        scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), dropout_p=dropout)
        .transpose(1, 2)
        .flatten(0, 1)
        for q, k, v in zip(split(query, of_queries), split(key, runs), split(value, runs), strict=True)
    ]
    return torch.cat(attended)


@cache
def kernel_of(device: torch.device) -> Callable[..., Tensor] | None:
    """Torch's attention over rows, where it has it and the device runs it."""
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0):
        return None
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    kernel: Any = varlen_attn
    return kernel


def pack_attention(model: PreTrainedModel) -> None:
    """Have a model of transformers attend within each text of a row, which its call is given by `keywords`."""
    from transformers import AttentionInterface

    AttentionInterface.register(PACKED, _attend_packed)
    model.set_attn_implementation(PACKED)


def keywords(row: Row) -> dict[str, Any]:
    """What a model whose attention is packed is called with for a row."""
    return {
        "input_ids": row.ids,
        "position_ids": row.positions,
        "token_type_ids": torch.zeros_like(row.ids),
        "cu_seq_lens_q": row.starts,
        "max_length_q": row.longest,
        "runs": row.runs,
    }


def _attend_packed(
    module: Any,  # noqa: ARG001 (transformers' signature)
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # noqa: ARG001
    dropout: float = 0.0,
    scaling: float | None = None,  # noqa: ARG001 (the root of the size, as everywhere)
    **row: Any,
) -> tuple[Tensor, None]:
    """Transformers' interface of attention: (1, heads, tokens, size) in, (1, tokens, heads, size) out."""
    query, key, value = (each[0].transpose(0, 1) for each in (query, key, value))
    kernel = kernel_of(query.device) if query.dtype in (torch.float16, torch.bfloat16) else None
    if kernel and not dropout:
        starts, longest = row["cu_seq_lens_q"], row["max_length_q"]
        return kernel(query, key, value, starts, starts, longest, longest)[None], None
    return attend(query, key, value, row["runs"], dropout=dropout)[None], None
