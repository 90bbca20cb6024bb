"""Attention without padding: texts of any lengths in one row of tokens, each token attending to its own text alone.

`attend` stands behind transformers' attention interface, so that its encoders run unchanged on such a row (`Row`), a
batch of one. Where torch has a kernel for it (`torch.nn.attention.varlen`, on CUDA in half precision) that does the
work; elsewhere texts of equal length, which lie side by side in a row, are one plain batch of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

if TYPE_CHECKING:
    from transformers import PreTrainedModel

NAME = "rosberta_varlen"
"""Of this attention, as transformers knows it."""

ENCODERS = ("roberta", "xlm-roberta", "bert")
"""Types of models, as transformers calls them, that take a row."""


class Row(NamedTuple):
    """The tokens of some texts, one text after the other. Fast where texts of equal length are neighbours."""

    ids: Tensor
    """int64, (1, tokens)."""
    positions: Tensor
    """int64, (1, tokens): rows of the encoder's table of positions."""
    starts: Tensor
    """int32, (texts + 1): where each text starts, and the last one ends."""
    longest: int
    """Tokens of the longest text."""
    runs: tuple[tuple[int, int], ...]
    """Neighbours of equal length: how many texts, and of how many tokens each."""

    def to(self, device: torch.device) -> Row:
        """The row on a device; the host does not wait for the copy."""
        if device.type != "cuda":
            return self
        ids, positions, starts = (each.pin_memory().to(device, non_blocking=True) for each in self[:3])
        return self._replace(ids=ids, positions=positions, starts=starts)


def packed(texts: Sequence[np.ndarray], padding: int | None) -> Row:
    """Lay the token ids of texts into one row.

    Args:
        texts: token ids of each text, with its special tokens.
        padding: of RoBERTa's kind of encoder the id of padding, from which it counts positions; else None.
    """
    lengths = np.array([len(text) for text in texts])
    starts = np.concatenate([[0], lengths.cumsum()])
    ids = np.concatenate(texts).astype(np.int64)
    if padding is None:
        positions = np.arange(len(ids)) - starts[:-1].repeat(lengths)
    else:
        # As in RoBERTa itself, a text that spells out the padding token has no position there.
        counted = ids != padding
        before = np.concatenate([[0], counted.cumsum()])
        positions = (before[1:] - before[starts[:-1]].repeat(lengths)) * counted + padding
    return Row(
        torch.from_numpy(ids)[None],
        torch.from_numpy(positions)[None],
        torch.from_numpy(starts.astype(np.int32)),
        int(lengths.max()),
        tuple((sum(1 for _ in run), length) for length, run in groupby(lengths.tolist())),
    )


def prepare(encoder: PreTrainedModel) -> None:
    """Have an encoder attend within the texts of a row; from then on it takes nothing but rows."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, attend)
    encoder.set_attn_implementation(NAME)


def hidden(encoder: PreTrainedModel, row: Row) -> Tensor:
    """The last layer's output for the tokens of a row, (tokens, width)."""
    states = encoder(
        input_ids=row.ids,
        position_ids=row.positions,
        token_type_ids=torch.zeros_like(row.ids),
        cu_seq_lens_q=row.starts,
        cu_seq_lens_k=row.starts,
        max_length_q=row.longest,
        max_length_k=row.longest,
        runs=row.runs,
    )
    return states.last_hidden_state[0]


def attend(
    module: torch.nn.Module,  # noqa: ARG001 (the interface's)
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,  # noqa: ARG001 (there is no padding to mask)
    *,
    cu_seq_lens_q: Tensor,
    max_length_q: int,
    runs: Sequence[tuple[int, int]],
    dropout: float = 0.0,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend within each text of a row, as transformers' attention interface wants it; scores over root of the size.

    Args:
        module: whose attention it is.
        query: (1, heads, tokens, size), as `key` and `value`.
        key: as `query`.
        value: as `query`.
        attention_mask: none.
        cu_seq_lens_q: `Row.starts`.
        max_length_q: `Row.longest`.
        runs: `Row.runs`.
        dropout: none but 0.

    Returns:
        (1, tokens, heads, size), and no weights.
    """
    if dropout:
        raise ValueError("attention over rows knows no dropout")
    rows = [each[0].transpose(0, 1) for each in (query, key, value)]
    if (kernel := _kernel(query.device)) and query.dtype in (torch.float16, torch.bfloat16):
        return kernel(*rows, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q)[None], None
    attended = [
        scaled_dot_product_attention(*(each.transpose(1, 2) for each in run)).transpose(1, 2).flatten(0, 1)
        for run in zip(*(split(each, runs) for each in rows), strict=True)
    ]
    return torch.cat(attended)[None], None


def split(row: Tensor, runs: Sequence[tuple[int, int]]) -> Iterator[Tensor]:
    """Yield each run of a tensor over a row's tokens, (tokens, ...), as a batch (texts, tokens of each, ...)."""
    start = 0
    for texts, length in runs:
        yield row[start : start + texts * length].unflatten(0, (texts, length))
        start += texts * length


@cache
def _kernel(device: torch.device) -> Callable[..., Tensor] | None:
    """Torch's attention over rows, where it has it and the device runs it."""
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0):
        return None
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return varlen_attn
