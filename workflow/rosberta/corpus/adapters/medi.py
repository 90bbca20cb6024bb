"""MEDI: one task of the mixture that INSTRUCTOR was trained on (Su et al., 2023), without the instructions.

``query``, ``pos`` and ``neg`` are lists of an instruction and a text, or of the text alone; some texts are numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rosberta.corpus.adapters import AdapterOptions, Drop, Example, example
from rosberta.corpus.adapters._values import number
from rosberta.corpus.raw_files import Raw
from rosberta.frame.mistakes import Mistake, nearest

LENGTHS = {"query": (1, 2), "pos": (1, 2), "neg": (0, 1, 2)}
"""How many values each list may have."""


class Options(AdapterOptions):
    """Which task."""

    task_name: str
    """Its name, as in the column ``task_name``."""


def columns(_options: Options, _found: Sequence[str]) -> tuple[str, ...]:
    """Texts and task."""
    return ("query", "pos", "neg", "task_name")


def rows(raw: Iterable[Raw], options: Options, _seed: int) -> Iterator[Example | Drop]:
    """One example a row of the task.

    Raises:
        Mistake: the set has no such task.
    """
    others: set[str] = set()
    found = False
    for position, row in enumerate(raw):
        if row["task_name"] != options.task_name:
            others.add(str(row["task_name"]))
            yield Drop("other task")
            continue
        found = True
        if any(isinstance(row[name], list) and len(row[name]) not in lengths for name, lengths in LENGTHS.items()):
            yield Drop("not an instruction and a text")
            continue
        negatives = [_text(row["neg"])] if row["neg"] else []
        yield example(position, _text(row["query"]), _text(row["pos"]), negatives)
    if others and not found:
        raise Mistake(f"options.task_name: no row of task {options.task_name!r}{nearest(options.task_name, others)}")


def _text(instructed: Any) -> Any:
    """The text of [instruction, text], of [text], or itself; a number is written out."""
    text = instructed[-1] if isinstance(instructed, list) else instructed
    return str(text) if number(text) is not None and not isinstance(text, str | bool) else text
