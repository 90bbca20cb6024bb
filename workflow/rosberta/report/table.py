"""A table: what it holds, what stands out in it, and how it is written as CSV and Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

DASH = "–"
"""What stands for a number that there is not."""

Value = str | int | float | None


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
    best: bool = False
    """Whether its highest value stands out: among published rows, and among ours."""

    def text(self, value: Value) -> str:
        """A value as written, empty if there is none; the same in every format."""
        if value is None:
            return ""
        return str(value) if self.decimals is None else f"{value:.{self.decimals}f}"


@dataclass(frozen=True)
class Row:
    """A row, with a value for each column."""

    values: tuple[Value, ...]
    published: bool = False
    """Whether its numbers are published ones, in a table whose other rows are ours."""
    total: bool = False
    """Whether it sums up those above."""


@dataclass(frozen=True)
class Table:
    """A table and what must be known to read it."""

    name: str
    """Name of its files."""
    title: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    measured: bool = True
    """Whether it holds numbers that come from this experiment's data."""
    note: str = ""
    """A warning that belongs to all of its numbers."""
    best_of_row: tuple[int, ...] = ()
    """Columns among which each row's highest value stands out."""
    mixed: bool = field(init=False)
    """Whether it holds published rows beside ours."""

    def __post_init__(self) -> None:
        """Hold the rows to the columns."""
        for row in self.rows:
            if len(row.values) != len(self.columns):
                raise ValueError(f"table {self.name}: {len(row.values)} values in {len(self.columns)} columns")
        object.__setattr__(self, "mixed", len({row.published for row in self.rows}) > 1)

    def is_best(self, row: Row, position: int) -> bool:
        """Whether a value is the highest of its peers, as written; among one nothing is best."""
        column = self.columns[position]
        if row.total or row.values[position] is None:
            return False
        if position in self.best_of_row:
            peers = [(self.columns[p], row.values[p]) for p in self.best_of_row]
        elif column.best:
            peers = [(column, r.values[position]) for r in self.rows if r.published == row.published and not r.total]
        else:
            return False
        numbers = [float(peer.text(value)) for peer, value in peers if value is not None]
        return len(numbers) > 1 and float(column.text(row.values[position])) == max(numbers)

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
        """Each row's values as written, with whose numbers they are if the table is mixed."""
        for row in self.rows:
            texts = [column.text(value) for column, value in zip(self.columns, row.values, strict=True)]
            yield ["published" if row.published else "ours", *texts] if self.mixed else texts

    def csv(self) -> str:
        """The table as CSV; its note is a comment in the first line."""
        text = io.StringIO()
        if self.note:
            text.write(f"# {self.note}\n")
        csv.writer(text, lineterminator="\n").writerows([self.titles(), *self.lines()])
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
