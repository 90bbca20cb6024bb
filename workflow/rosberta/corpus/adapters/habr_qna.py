"""Habr Q&A: question -> its best answer, or title -> description; see `_forum`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rosberta.corpus.adapters import Drop, Example
from rosberta.corpus.adapters._forum import Forum, Options
from rosberta.corpus.raw_files import Raw

__all__ = ["Options", "columns", "rows"]

FORUM = Forum(
    description="description",
    views="view_count",
    answer="body",
    votes="upvote_count",
    accepted=lambda _question, answer: bool(answer.get("accepted")),
    html=True,
)


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """What the pair needs, and the views where they count."""
    return FORUM.columns(options)


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a question."""
    return FORUM.rows(raw, options)
