"""Forums of questions and answers: the core of `habr_qna`, `ru_stackoverflow` and `yandex_q_full`.

A question has a title, a description, views, and answers with votes, of which one may be accepted. It makes one of two
pairs: question -> its best answer (``pair: answer``), or title -> description (``pair: description``).

The best answer is the accepted one, else the one with most votes, else the first. The recipe filters by popularity
(paper A.1.2) with thresholds that are not published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from rosberta.corpus.adapters import AdapterOptions, Drop, Example, example
from rosberta.corpus.adapters._html import text_of
from rosberta.corpus.adapters._values import entries, flaw, number
from rosberta.corpus.raw_files import Raw


class Options(AdapterOptions):
    """Which pair, and how popular a question and its answer have to be."""

    pair: Literal["answer", "description"]
    with_description: bool = True
    """For ``pair: answer``: whether the description follows the title in the anchor."""
    min_views: int = Field(0, ge=0)
    """Views of a question at least."""
    min_votes: int = Field(0, ge=0)
    """For ``pair: answer``: votes of an answer at least, unless it was accepted."""


class Scored(Options):
    """The same, where questions are voted on as well."""

    min_score: int | None = None
    """Score of a question at least, its votes for less those against; null: any."""


@dataclass(frozen=True)
class Forum:
    """What a forum calls its columns.

    Attributes:
        description, views, score: of the question; `score` is None where questions have none.
        answer, votes: of an answer in ``answers``.
        accepted: from question and answer to whether it was accepted.
        further: columns that `accepted` reads.
        html: whether descriptions and answers are HTML.
    """

    description: str
    views: str
    answer: str
    votes: str
    accepted: Callable[[Raw, Mapping[str, Any]], bool]
    score: str | None = None
    further: tuple[str, ...] = ()
    html: bool = False

    def columns(self, options: Options) -> tuple[str, ...]:
        """What the pair needs, and views and score where they count."""
        answers = ("answers", *self.further) if options.pair == "answer" else ()
        return ("title", self.description, *answers, *self._minima(options))

    def rows(self, raw: Iterable[Raw], options: Options) -> Iterator[Example | Drop]:
        """One example a question."""
        minima = self._minima(options)
        for position, row in enumerate(raw):
            short = [what for column, (what, least) in minima.items() if _count(row[column]) < least]
            if short:
                yield Drop(short[0])
            elif reason := flaw(row["title"]):
                yield Drop(reason)
            elif options.pair == "description":
                yield example(position, row["title"], self._text(row[self.description]))
            elif (answer := self._best(row, options.min_votes)) is None:
                yield Drop("no answer")
            else:
                description = self._text(row[self.description]) if options.with_description else None
                anchor = row["title"] if flaw(description) else f"{row['title']}\n{description}"
                yield example(position, anchor, answer)

    def _minima(self, options: Options) -> dict[str, tuple[str, int]]:
        """By column, what is said of a question that has less, and how much it needs."""
        minima = {self.views: ("few views", options.min_views)} if options.min_views else {}
        if self.score and isinstance(options, Scored) and options.min_score is not None:
            minima[self.score] = ("low score", options.min_score)
        return minima

    def _best(self, row: Raw, min_votes: int) -> str | None:
        """The text of the best answer that has one."""
        ranked = [
            (self.accepted(row, answer), _count(answer.get(self.votes)), answer) for answer in entries(row["answers"])
        ]
        good = [each for each in ranked if each[0] or each[1] >= min_votes]
        for _, _, answer in sorted(good, key=lambda each: each[:2], reverse=True):
            text = self._text(answer.get(self.answer))
            if flaw(text) is None:
                return text
        return None

    def _text(self, value: Any) -> Any:
        return text_of(value) if self.html else value


def _count(value: Any) -> float:
    return number(value) or 0
