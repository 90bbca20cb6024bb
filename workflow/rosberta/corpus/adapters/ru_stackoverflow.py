"""Stack Overflow in Russian: question -> its best answer, or title -> body; see `_forum`.

Texts are Markdown, and stay so: code is what the answers are about.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rosberta.corpus.adapters import Drop, Example
from rosberta.corpus.adapters._forum import Forum
from rosberta.corpus.adapters._forum import Scored as Options
from rosberta.corpus.raw_files import Raw

__all__ = ["Options", "columns", "rows"]

FORUM = Forum(
    description="text_markdown",
    views="views",
    score="score",
    answer="text_markdown",
    votes="score",
    accepted=lambda _question, answer: bool(answer.get("is_accepted")),
)


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """What the pair needs, and views and score where they count."""
    return FORUM.columns(options)


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a question."""
    return FORUM.rows(raw, options)
