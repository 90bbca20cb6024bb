"""Habr Q&A: question -> its best answer (``pair: answer``), or title -> description (``pair: description``).

The best answer is the accepted one, else the one with most votes, else the first. Descriptions and answers are HTML.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field

from rosberta.raw import Raw
from rosberta.sources import AdapterOptions, Drop, Example, entries, example, flaw

BLOCKS = ("p", "div", "pre", "blockquote", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6")


class Options(AdapterOptions):
    """Which pair, and how popular a question has to be."""

    pair: Literal["answer", "description"]
    with_description: bool = True
    """For ``pair: answer``: whether the description follows the title in the anchor."""
    min_views: int = Field(0, ge=0)
    """Views of a question at least. The recipe filters by popularity (paper A.1.2) with thresholds not published."""
    min_votes: int = Field(0, ge=0)
    """For ``pair: answer``: votes of an answer at least, unless it was accepted."""


def columns(options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """What the pair needs, and the views where they count."""
    answers = ("answers",) if options.pair == "answer" else ()
    views = ("view_count",) if options.min_views else ()
    return ("title", "description", *answers, *views)


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a question."""
    for position, row in enumerate(raw):
        if options.min_views and _count(row["view_count"]) < options.min_views:
            yield Drop("few views")
        elif reason := flaw(row["title"]):
            yield Drop(reason)
        elif options.pair == "description":
            yield example(position, row["title"], text_of(row["description"]))
        elif (answer := _best(entries(row["answers"]), options.min_votes)) is None:
            yield Drop("no answer")
        else:
            description = text_of(row["description"]) if options.with_description else None
            anchor = row["title"] if flaw(description) else f"{row['title']}\n{description}"
            yield example(position, anchor, answer)


def text_of(html: Any) -> Any:
    """The text of a piece of HTML, with a line break where a block ends; what is no string is returned as it is."""
    if not isinstance(html, str) or not re.search(r"[<&]", html):
        return html
    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        # Beautiful Soup takes short answers for addresses or names of files, and warns.
        warnings.simplefilter("ignore")
        soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all("br"):
        tag.replace_with("\n")
    for tag in soup.find_all(BLOCKS):
        tag.append("\n")
    return soup.get_text().strip()


def _best(answers: list[Mapping[str, Any]], min_votes: int) -> str | None:
    """The text of the best answer that has one."""
    good = [answer for answer in answers if _accepted(answer) or _count(answer.get("upvote_count")) >= min_votes]
    for answer in sorted(
        good, key=lambda answer: (_accepted(answer), _count(answer.get("upvote_count"))), reverse=True
    ):
        text = text_of(answer.get("body"))
        if flaw(text) is None:
            return text
    return None


def _accepted(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("accepted"))


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0
