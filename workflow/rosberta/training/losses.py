"""The losses: InfoNCE over a device batch (van den Oord et al. 2018, equation 4), and the words behind masks."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def info_nce(
    anchors: Tensor, documents: Tensor, columns: Tensor, temperature: float, left_out: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Sum over the anchors of -log softmax of their positive among all documents of the batch, by cosine.

    Args:
        anchors: (rows, dimension).
        documents: (distinct documents, dimension).
        columns: int64, (candidates,): of each candidate its document; candidate i is the positive of anchor i, and
            behind all positives come all negatives, as often as rows bring them.
        temperature: that cosines are divided by.
        left_out: bool, (rows, distinct documents): what is no negative of an anchor; its positive stays.

    Returns:
        The sum, and how many anchors are nearest to their positive.
    """
    cosines = normalize(anchors.float(), dim=-1) @ normalize(documents.float(), dim=-1).T
    logits = cosines[:, columns] / temperature
    labels = torch.arange(len(anchors), device=logits.device)
    if left_out is not None:
        hidden = left_out[:, columns]
        hidden[labels, labels] = False
        logits = logits.masked_fill(hidden, -torch.inf)
    return cross_entropy(logits, labels, reduction="sum"), (logits.detach().argmax(dim=1) == labels).sum()


def masked_words(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over masked places of the cross entropy, and how many are guessed right.

    Args:
        logits: (places, vocabulary).
        labels: int64, (places,).
    """
    loss = cross_entropy(logits.float(), labels, reduction="sum")
    return loss, (logits.detach().argmax(dim=1) == labels).sum()
