"""The filter of mined translations: the cosine of both sides in an embedding model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rosberta.outside.pins import fetch

if TYPE_CHECKING:
    from rosberta.experiment import Experiment


def cosine_of(experiment: Experiment) -> Callable[[Sequence[str], Sequence[str]], np.ndarray]:
    """The cosine of pairs in the model that the parameters name."""
    from rosberta.embedding.embedder import Embedder, unit

    settings = experiment.clean.similarity
    assert settings.model is not None
    model = Embedder.load(
        fetch("model", settings.model),
        settings.pooling,
        settings.max_length,
        precision=settings.precision,
        batch_tokens=settings.batch_tokens,
    )

    def cosine(anchors: Sequence[str], positives: Sequence[str]) -> np.ndarray:
        sides = (unit(model.embed(side, settings.prompt)) for side in (anchors, positives))
        return np.einsum("ij,ij->i", *sides)

    return cosine
