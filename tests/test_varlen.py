"""`rosberta.varlen`: attention over a row of texts is attention in each text alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rosberta.varlen import attend, packed, split


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


def test_split_gives_back_the_texts() -> None:
    row = torch.arange(10)[:, None]
    assert [part[..., 0].tolist() for part in split(row, ((2, 3), (4, 1)))] == [
        [[0, 1, 2], [3, 4, 5]],
        [[6], [7], [8], [9]],
    ]
