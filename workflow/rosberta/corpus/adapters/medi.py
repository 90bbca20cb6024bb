"""MEDI: one task of the mixture that INSTRUCTOR was trained on (Su et al., 2023), without the instructions.

``query``, ``pos`` and ``neg`` are lists of an instruction and a text, or of the text alone; some texts are numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any

from pydantic import Field

from rosberta.corpus.adapters import AdapterOptions, Drop, Example, Unmatched, example
from rosberta.corpus.adapters._values import number
from rosberta.corpus.raw_files import Raw
from rosberta.frame.mistakes import nearest

LENGTHS = {"query": (1, 2), "pos": (1, 2), "neg": (0, 1, 2)}
"""How many values each list may have."""


class Options(AdapterOptions):
    """Which tasks."""

    task_name: str | Annotated[tuple[str, ...], Field(min_length=1)]
    """Its name, as in the column ``task_name`` but for case; or several, each of which the set must have."""

    @property
    def tasks(self) -> dict[str, str]:
        """The names as they are written, by their form without case."""
        names = (self.task_name,) if isinstance(self.task_name, str) else self.task_name
        return {name.casefold(): name for name in names}


def columns(_options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """Texts and task."""
    return ("query", "pos", "neg", "task_name")


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a row of the tasks.

    Raises:
        Unmatched: the set lacks some of the tasks; it names all of them.
    """
    wanted = options.tasks
    found: set[str] = set()
    for position, row in enumerate(raw):
        task = str(row["task_name"])
        found.add(task)
        if task.casefold() not in wanted:
            yield Drop("other task")
            continue
        if any(isinstance(row[name], list) and len(row[name]) not in lengths for name, lengths in LENGTHS.items()):
            yield Drop("not an instruction and a text")
            continue
        negatives = [_text(row["neg"])] if row["neg"] else []
        yield example(position, _text(row["query"]), _text(row["pos"]), negatives)
    if found and (reason := _lacking(options, found)):
        raise Unmatched(reason, lambda others: _lacking(others, found))


def _lacking(options: Options, found: set[str]) -> str | None:
    """The tasks that are wanted and not found, in words."""
    there = {task.casefold() for task in found}
    lacking = [name for folded, name in options.tasks.items() if folded not in there]
    words = "; ".join(f"no row of task {name!r}{_near(name, found)}" for name in lacking)
    return f"options.task_name: {words}" if lacking else None


def _near(name: str, found: set[str]) -> str:
    """The tasks whose names hold this one, or the nearest."""
    longer = sorted(task for task in found if name.casefold() in task.casefold())
    return f"; there is {', '.join(map(repr, longer))}" if longer else nearest(name, found)


def _text(instructed: Any) -> Any:
    """The text of [instruction, text], of [text], or itself; a number is written out."""
    text = instructed[-1] if isinstance(instructed, list) else instructed
    return str(text) if number(text) is not None and not isinstance(text, str | bool) else text
