"""Yandex Q with all that its site tells: question -> its best answer, or title -> body; see `_forum`.

The question names its approved answer by id. The set of bare answers, `its5Q/yandex-q`, is one for `pairs`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rosberta.corpus.adapters import Drop, Example
from rosberta.corpus.adapters._forum import Forum
from rosberta.corpus.adapters._forum import Scored as Options
from rosberta.corpus.raw_files import Raw

__all__ = ["Options", "columns", "rows"]


def _approved(question: Raw, answer: Mapping[str, Any]) -> bool:
    return question["approved_answer"] is not None and question["approved_answer"] == answer.get("id")


FORUM = Forum(
    description="text_plain",
    views="views",
    score="votes",
    answer="text_plain",
    votes="votes",
    accepted=_approved,
    further=("approved_answer",),
)


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """What the pair needs, and views and score where they count."""
    return FORUM.columns(options)


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a question."""
    return FORUM.rows(raw, options)
