"""What a user can get wrong, said in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

LOST = 3
"""Exit status of a process that failed since another one of its job is gone, which says why."""


class Mistake(Exception):
    """A mistake of the user's: a field, file or pin, what was found there, and what to do.

    The command line prints it as one line without a trace and exits with status 1.
    """


class Missing(Mistake):
    """An artifact that is not there."""

    def __init__(self, path: Path, job: str | None = None) -> None:
        """Name its path and, where it is known, the job that writes it, as ``stage`` or ``stage@key``."""
        writer = "the stage that writes it" if job is None else f"`dvc repro {job}`"
        super().__init__(f"{path}: missing; run {writer}, or restore it with `dvc checkout`")


def nearest(word: str, known: Iterable[str], *, listed: bool = True) -> str:
    """Name the known word nearest to `word`, as an ending for an error's sentence.

    Returns ``'; did you mean "x"?'`` where one is near, else the list of what is known (shortened to twelve names), or
    nothing if that is not to be listed.
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    if not listed:
        return ""
    if not names:
        return "; none is defined"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"; known: {shown}"
