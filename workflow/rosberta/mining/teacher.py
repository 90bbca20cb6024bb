"""The teacher's ranks: for each anchor the documents that it finds likely, but not likeliest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rosberta.outside.pins import fetch

if TYPE_CHECKING:
    from rosberta.experiment.corpus import Mine


def teacher_ranks(
    settings: Mine, anchors: Sequence[str], documents: Sequence[str], excluded: Sequence[Sequence[int]]
) -> list[Sequence[int]]:
    """For each anchor the documents from `first_rank` to `last_rank` in the teacher's order."""
    from rosberta.embedding.embedder import Embedder, unit
    from rosberta.embedding.ranks import ranked

    assert settings.teacher is not None, "the doors see to it where there are sources"
    teacher = Embedder.load(
        fetch("model", settings.teacher),
        "mean",
        settings.max_length,
        revision=settings.teacher,
        precision=settings.precision,
        batch_tokens=settings.batch_tokens,
    )
    queries = unit(teacher.embed(anchors, settings.query_prompt, progress="embed anchors"))
    corpus = unit(teacher.embed(documents, settings.document_prompt, progress="embed documents"))
    ranks = ranked(queries, corpus, excluded, settings.last_rank)
    return [indices[settings.first_rank :].tolist() for indices in ranks]
