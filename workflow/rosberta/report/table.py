"""A table: what it holds, what stands out in it, and how it is written as CSV and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

DASH = "–"
"""What stands for a number that there is not."""

Value = str | int | float | None


class Scored(float):
    """A number that is known but for an error."""

    margin: float
    """Half the width of its interval."""

    def __new__(cls, value: float, margin: float) -> Self:
        """Take a number and half the width of its interval."""
        number = super().__new__(cls, value)
        number.margin = margin
        return number


@dataclass(frozen=True)
class Column:
    """A column: its title, and how its values are written."""

    title: str
    decimals: int | None = None
    """Digits after the point; None: text."""
    published: bool = False
    """Whether its numbers are published ones, in a table whose other columns are ours."""
    over: str = ""
    """Title that it shares with its neighbours."""

    def text(self, value: Value) -> str:
        """A value as written, empty if there is none."""
        if value is None:
            return ""
        return str(value) if self.decimals is None else f"{value:.{self.decimals}f}"

    def margin(self, value: Value) -> str:
        """Half the width of its interval, as written; empty if none is known."""
        return f"{value.margin:.{self.decimals}f}" if isinstance(value, Scored) else ""

    def whole(self, value: Value) -> str:
        """A value with its margin, as people read it."""
        text, margin = self.text(value), self.margin(value)
        return f"{text} ±{margin}" if margin else text


@dataclass(frozen=True)
class Row:
    """A row, with a value for each column."""

    values: tuple[Value, ...]
    published: bool = False
    """Whether its numbers are published ones, in a table whose other rows are ours."""
    total: bool = False
    """Whether it sums up those above."""
    best: frozenset[int] = frozenset()
    """Columns in which it stands out."""


@dataclass(frozen=True)
class Table:
    """A table and what must be known to read it."""

    name: str
    """Name of its files."""
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    scored: bool = False
    """Whether it holds scores of this experiment's models."""
    note: str = ""
    """A warning that belongs to all of its numbers."""
    mixed: bool = field(init=False)
    """Whether it holds published rows beside ours."""

    def __post_init__(self) -> None:
        """Hold the rows to the columns."""
        for row in self.rows:
            if len(row.values) != len(self.columns):
                raise ValueError(f"table {self.name}: {len(row.values)} values in {len(self.columns)} columns")
        object.__setattr__(self, "mixed", len({row.published for row in self.rows}) > 1)

    def titles(self) -> list[str]:
        """Titles of the columns; published columns and, in a mixed table, rows say so."""
        titles = []
        for column in self.columns:
            title = f"{column.over}: {column.title}" if column.over else column.title
            titles.append(f"{title} (published)" if column.published else title)
        return ["Numbers", *titles] if self.mixed else titles

    def spans(self) -> list[tuple[int, Column]]:
        """How many neighbours share the title over them, and the first of these; one, where there is none."""
        runs: list[tuple[int, Column]] = []
        for column in self.columns:
            number, first = runs[-1] if runs else (0, None)
            shared = column.over or column.published
            if first and shared and (first.over, first.published) == (column.over, column.published):
                runs[-1] = (number + 1, first)
            else:
                runs.append((1, column))
        return runs

    def lines(self) -> Iterator[list[str]]:
        """Each row's values as people read them, with whose numbers they are if the table is mixed."""
        for row in self.rows:
            texts = [column.whole(value) for column, value in zip(self.columns, row.values, strict=True)]
            yield ["published" if row.published else "ours", *texts] if self.mixed else texts

    def csv(self) -> str:
        """The table as CSV; its note is a comment in the first line, and margins have columns of their own."""
        text = io.StringIO()
        if self.note:
            text.write(f"# {self.note}\n")
        scored = {
            place
            for place in range(len(self.columns))
            if any(isinstance(row.values[place], Scored) for row in self.rows)
        }
        head, first = self.titles(), int(self.mixed)
        titles = head[:first]
        for place, title in enumerate(head[first:]):
            titles += [title, f"{title} ±"] if place in scored else [title]
        lines = [titles]
        for row in self.rows:
            line = ["published" if row.published else "ours"] if self.mixed else []
            for place, (column, value) in enumerate(zip(self.columns, row.values, strict=True)):
                line += [column.text(value), column.margin(value)] if place in scored else [column.text(value)]
            lines.append(line)
        csv.writer(text, lineterminator="\n").writerows(lines)
        return text.getvalue()

    def text(self) -> str:
        """The table as aligned text, for a terminal."""
        cells = [self.titles(), *([text or DASH for text in texts] for texts in self.lines())]
        widths = [max(len(line[place]) for line in cells) for place in range(len(cells[0]))]
        left = [True, *(column.decimals is None for column in self.columns)][0 if self.mixed else 1 :]
        lines = (
            "  ".join(
                text.ljust(width) if to_left else text.rjust(width)
                for text, width, to_left in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in cells
        )
        head = [self.title, f"{self.note}." if self.note else "", self.caption]
        return "\n".join([*(part for part in head if part), "", *lines]) + "\n"

    def markdown(self) -> str:
        """The table as Markdown, with title, note and caption."""
        aligned = [":--" if column.decimals is None else "--:" for column in self.columns]
        head = [_line(self.titles()), _line([":--", *aligned] if self.mixed else aligned)]
        body = [_line(text or DASH for text in texts) for texts in self.lines()]
        parts = [f"**{self.title}**", f"> {self.note}." if self.note else "", self.caption, "\n".join([*head, *body])]
        return "\n\n".join(part for part in parts if part) + "\n"


def thousands(number: int | None) -> str:
    """A whole number as people read it, with narrow spaces between thousands."""
    return DASH if number is None else f"{number:,}".replace(",", "\u202f")


def _line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"
