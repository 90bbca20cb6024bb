"""The loss of contrastive training."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import nn

    from rosberta.experiment.training import Contrast


def loss_of(model: SentenceTransformer, settings: Contrast) -> nn.Module:
    """InfoNCE over the hard negatives and the batch; with cached gradients where texts are embedded in parts."""
    from sentence_transformers.sentence_transformer.losses import (
        CachedMultipleNegativesRankingLoss,
        MultipleNegativesRankingLoss,
    )

    scale = 1 / settings.temperature
    if settings.mini_batch is None:
        return MultipleNegativesRankingLoss(model, scale=scale)
    return CachedMultipleNegativesRankingLoss(model, scale=scale, mini_batch_size=settings.mini_batch)
