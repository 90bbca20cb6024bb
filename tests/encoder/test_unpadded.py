"""`rosberta.encoder.unpadded`: attention over a row of texts is attention in each text alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rosberta.encoder.attention import attend
from rosberta.encoder.packing import packed, split
from rosberta.encoder.unpadded import add_norm, largest, up_gelu


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("lengths", [[1], [5, 5, 5], [7, 3, 3, 1], [2, 9, 2]])
def test_attention_is_that_of_each_text_alone(lengths: list[int], first: bool) -> None:
    """Against the plain formula, softmax(QK'/sqrt(d))V, text by text; of all tokens, or of the first."""
    torch.manual_seed(0)
    row = packed([np.arange(length) for length in lengths], None)
    query, key, value = torch.randn(3, sum(lengths), 2, 4)
    ours = attend(query[row.starts[:-1].long()] if first else query, key, value, row.runs, first=first)
    plain = []
    for start, length in zip(row.starts.tolist(), lengths, strict=False):
        q, k, v = (each[start : start + length].transpose(0, 1).double() for each in (query, key, value))
        attended = torch.softmax(q @ k.transpose(1, 2) / 2, -1) @ v
        plain.append(attended.transpose(0, 1)[: 1 if first else length])
    torch.testing.assert_close(ours.double(), torch.cat(plain), atol=1e-6, rtol=0)


def test_positions_are_those_of_transformers() -> None:
    """RoBERTa counts from its padding on and passes over padding; BERT counts from zero."""
    from transformers.models.roberta.modeling_roberta import RobertaEmbeddings

    texts = [np.array([0, 5, 6, 2]), np.array([0, 7, 1, 8, 2]), np.array([0, 2])]
    row = packed(texts, 1)
    theirs = [
        RobertaEmbeddings.create_position_ids_from_input_ids(torch.from_numpy(text)[None], 1)[0] for text in texts
    ]
    assert torch.equal(row.positions[0], torch.cat(theirs))
    assert packed(texts, None).positions[0].tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 0, 1]
    assert row.starts.tolist() == [0, 4, 9, 11]
    assert (row.longest, row.runs) == (5, ((1, 4), (1, 5), (1, 2)))


@pytest.mark.parametrize("seed", range(5))
def test_no_normalisation_exceeds_the_bound(seed: int) -> None:
    """Whatever comes in; and what has one large entry comes near it."""
    generator = torch.Generator().manual_seed(seed)
    weight, bias = torch.randn(2, 64, generator=generator)
    bound = largest([(weight, bias), (weight / 2, bias)])
    states = torch.cat([torch.randn(100, 64, generator=generator) * 10.0**seed, torch.eye(64) * 1e6, -torch.eye(64)])
    found = add_norm(states, torch.zeros_like(states), weight, bias, 1e-5)[0].abs().max().item()
    assert found <= bound
    assert found > 0.7 * bound


@pytest.mark.parametrize("kept", [torch.float32, torch.float16])
def test_a_sum_is_computed_in_float32(kept: torch.dtype) -> None:
    """Against float64; only what comes out is rounded, to what came in."""
    generator = torch.Generator().manual_seed(0)
    states, change = torch.randn(50, 64, generator=generator).to(kept), torch.randn(50, 64, generator=generator)
    change = change.bfloat16()
    weight, bias = torch.randn(2, 64, generator=generator)
    both = states.double() + change.double()
    exact = (both - both.mean(1, keepdim=True)) / (both.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    exact = exact * weight + bias
    normed, rounded = add_norm(states, change, weight, bias, 1e-5)
    assert (normed.dtype, rounded.dtype) == (kept, torch.bfloat16)
    torch.testing.assert_close(normed.double(), exact, rtol=torch.finfo(kept).eps, atol=1e-6)
    torch.testing.assert_close(rounded.double(), exact, rtol=torch.finfo(torch.bfloat16).eps, atol=1e-6)


def test_gelu_in_one_kernel_is_gelu() -> None:
    """Against x Phi(x) of the product, within what the tanh form is off by."""
    inner, weight, bias = torch.randn(9, 8), torch.randn(16, 8), torch.randn(16)
    product = (inner.double() @ weight.double().T) + bias
    exact = product * torch.special.ndtr(product)
    torch.testing.assert_close(up_gelu(inner, weight, bias).double(), exact, rtol=0, atol=6e-4)


def test_split_gives_back_the_texts() -> None:
    row = torch.arange(10)[:, None]
    assert [part[..., 0].tolist() for part in split(row, ((2, 3), (4, 1)))] == [
        [[0, 1, 2], [3, 4, 5]],
        [[6], [7], [8], [9]],
    ]
