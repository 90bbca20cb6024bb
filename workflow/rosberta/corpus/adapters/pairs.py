"""Pairs in named columns, with a column of negatives or without: the adapter for most sets, and for one's own.

``options: {anchor: [question, description], positive: answer, at_least: {rating: 10}, only: {language: [ru]}}``; an
anchor of several columns is their texts joined. A column inside a struct is named with a dot: ``statistics.score``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from rosberta.corpus.adapters import AdapterOptions, Drop, Example, example
from rosberta.corpus.adapters._values import as_list, flaw, label_name, number
from rosberta.corpus.raw_files import Raw


class Options(AdapterOptions):
    """Names of the columns, and which rows are wanted."""

    anchor: str | Annotated[tuple[str, ...], Field(min_length=1)] = "anchor"
    """Its column. Of several the first is needed; those that follow are left out where they are blank."""
    positive: str = "positive"
    negative: str | None = None
    """Column of one negative, or of a list of them; null: none are given."""
    at_least: dict[str, float] = Field(default_factory=dict)
    """Least values by column, such as ``rating``, ``views`` or ``score`` (popularity: paper A.1.2)."""
    only: dict[str, tuple[int | str, ...]] = Field(default_factory=dict)
    """Values wanted by column, such as ``language``."""

    @property
    def anchors(self) -> tuple[str, ...]:
        """The columns of the anchor."""
        return (self.anchor,) if isinstance(self.anchor, str) else self.anchor


def columns(options: Options, found: Sequence[str]) -> tuple[str, ...]:
    """The columns that the options name."""
    negative = () if options.negative is None else (options.negative,)
    named = (*options.anchors, options.positive, *negative, *options.at_least, *options.only)
    return tuple(dict.fromkeys(name if name in found else name.partition(".")[0] for name in named))


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a row."""
    only = {column: {label_name(value) for value in wanted} for column, wanted in options.only.items()}
    for position, row in enumerate(raw):
        if reason := _unwanted(row, options.at_least, only):
            yield Drop(reason)
            continue
        first, *others = (_value(row, column) for column in options.anchors)
        anchor = first if flaw(first) else "\n".join([first, *(text for text in others if flaw(text) is None)])
        negatives = as_list(_value(row, options.negative)) if options.negative is not None else []
        yield example(position, anchor, _value(row, options.positive), negatives)


def _unwanted(row: Raw, at_least: Mapping[str, float], only: Mapping[str, set[str]]) -> str | None:
    for column, wanted in only.items():
        if label_name(_value(row, column)) not in wanted:
            return f"other {column}"
    for column, least in at_least.items():
        value = number(_value(row, column))
        if value is None or value < least:
            return f"no {column}" if value is None else f"low {column}"
    return None


def _value(row: Raw, column: str) -> Any:
    """The value of a column; of a struct's field where there is no column of that name."""
    if column in row:
        return row[column]
    value: Any = row
    for name in column.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
