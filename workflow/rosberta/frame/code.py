"""The code that decides what a stage writes: the closure of its imports.

What only carries artifacts (`CARRIERS`) decides none of them and is left out. Parameters reach a job by its slice
(`rosberta.frame.slices`), so that their types need not count. Imports are read from the source, those
in functions included and those for the type checker left out, so that nothing is imported to know them. Files that lie
beside a module and are no code, such as tables and templates, count with it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGES = Path(__file__).parents[2]
"""The folder of the packages `rosberta` and `miniature`."""

CARRIERS = ("rosberta.frame", "rosberta.experiment", "rosberta.outside")
"""Rooms that carry artifacts and parameters, and decide none."""

DECIDING = ("rosberta.frame.flow", "rosberta.frame.rows", "rosberta.frame.weights")
"""What of these rooms decides something all the same: what the report shows, how rows are written, what paths name."""

DECIDED_OUTSIDE = "rosberta.stages.hub"
"""The stage that writes what the room `outside` finds."""

BESIDE = (".css", ".csv", ".j2", ".json")
"""Endings of files that modules read from their own folder."""


def code_of(*modules: str) -> dict[str, str]:
    """MD5 by path, relative to the packages, of each file that decides what these modules do.

    The sums are those by which DVC knows files, too. A module that is imported by a name that the parameters give is to
    be named here: no source says so.
    """
    files = {file for module in modules for name in closure(module) for file in _files(name)}
    return {file.relative_to(PACKAGES).as_posix(): _md5(file) for file in sorted(files)}


@cache
def closure(module: str) -> frozenset[str]:
    """A module, and all that it imports, whatever the depth, without the rooms that decide nothing."""
    carriers = tuple(room for room in CARRIERS if (module, room) != (DECIDED_OUTSIDE, "rosberta.outside"))
    found: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or (name != module and name not in DECIDING and _within(name, carriers)):
            continue
        found.add(name)
        waiting += imports(name)
        waiting += [name.rpartition(".")[0]] if name.count(".") > 1 else []  # its room is imported with it
    return frozenset(found)


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of the project that a module imports."""
    return frozenset(_imports(ast.parse(_source(module).read_text(encoding="utf-8"))))


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    yield from (
        name
        for name in names
        if _within(name, ("rosberta", "miniature")) and _source(name).is_file() and name != "rosberta"
    )
    for child in ast.iter_child_nodes(node):
        yield from _imports(child)


def forget() -> None:
    """Read the code anew when it is asked for next: it may have been edited since."""
    for known in (closure, imports, _source, _md5):
        known.cache_clear()


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@cache
def _source(module: str) -> Path:
    place = PACKAGES.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _files(module: str) -> Iterator[Path]:
    source = _source(module)
    yield source
    yield from (file for file in source.parent.iterdir() if file.suffix in BESIDE)


@cache
def _md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
