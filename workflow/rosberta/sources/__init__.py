"""Adapters: what turns the rows of a raw set into training examples.

Each module is one adapter, named as ``collect.sources.<source>.adapter`` names it, with three names in it:

- ``Options``: what ``options`` may hold, typed;
- ``columns(options, found)``: the columns it needs, of a file that has the columns `found`;
- ``rows(raw, options, seed)``: a pure generator that yields for *each* raw row one `Example` or one `Drop`, in any
  order. Nothing is lost without a reason that is counted. What more a row says follows as further parts of it.

A further adapter is a further module.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import zip_longest
from pkgutil import iter_modules
from typing import Any, NamedTuple, Protocol, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from rosberta.mistakes import Mistake, nearest
from rosberta.raw import Raw


@dataclass(frozen=True, slots=True)
class Example:
    """What a raw row says: `anchor` and `positive` belong together, `negatives` do not belong to the anchor.

    Without a positive it is a text to model language on, and no pair.
    """

    position: int
    """Number of the raw row in its source, from 0."""
    anchor: str
    positive: str | None
    negatives: tuple[str, ...] = ()
    unusable: int = 0
    """Given negatives that were no text and are left out."""
    part: int = 0
    """Number of the example in its row, from 0."""


class Drop(NamedTuple):
    """A raw row that becomes no example of its own, and why."""

    reason: str


class AdapterOptions(BaseModel):
    """Options of an adapter; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Adapter(Protocol):
    """What a module of this package offers."""

    Options: type[AdapterOptions]

    def columns(self, options: Any, found: Sequence[str]) -> Sequence[str]:
        """Columns that are needed, of a file with the columns `found`."""

    def rows(self, raw: Iterable[Raw], options: Any, seed: int) -> Iterator[Example | Drop]:
        """One outcome for each raw row."""


def adapter(name: str) -> Adapter:
    """Import the adapter of this name.

    Raises:
        Mistake: there is none.
    """
    known = [module.name for module in iter_modules(__path__) if not module.name.startswith("_")]
    if name not in known:
        raise Mistake(f"{name!r} is no adapter{nearest(name, known)}")
    return cast("Adapter", import_module(f"{__name__}.{name}"))


def options(name: str, given: Mapping[str, Any]) -> AdapterOptions:
    """Check the options given to the adapter `name`.

    Raises:
        Mistake: an option is unknown, missing, or of another type; or there is no such adapter.
    """
    model = adapter(name).Options
    try:
        return model(**given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        hint = nearest(field, model.model_fields) if first["type"] == "extra_forbidden" else ""
        raise Mistake(f"options.{field}: {first['msg']} (adapter {name!r}){hint}") from None


def example(position: int, anchor: Any, positive: Any, negatives: Iterable[Any] = ()) -> Example | Drop:
    """Make an example of raw values; a `Drop` where anchor or positive is no text that can be used.

    Negatives that are no text are left out and counted; equal ones are taken once.
    """
    for value in (anchor, positive):
        if reason := flaw(value):
            return Drop(reason)
    given = list(negatives)
    usable = [value for value in given if flaw(value) is None]
    return Example(position, anchor, positive, tuple(dict.fromkeys(usable)), unusable=len(given) - len(usable))


def flaw(value: Any) -> str | None:
    """Say what keeps a raw value from being a text, or None."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "missing text"
    if not isinstance(value, str):
        return "not a text"
    if not value or value.isspace():
        return "empty text"
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return "broken characters"
    return None


def number(value: Any) -> float | None:
    """Read a score or a count; None for what is no finite number."""
    try:
        read = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def label_name(label: Any) -> str:
    """Name a label so that 1, 1.0, "1", "1.0" and true are one, and "ENTAILMENT" and "entailment" are."""
    value = number(label)
    if value is not None and value.is_integer():
        label = int(value)
    return str(label).strip().casefold()


def listed(value: Any) -> list[Any]:
    """Read a value as a list: nothing for None, itself for a list, else the one value in it."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def entries(value: Any) -> list[Mapping[str, Any]]:
    """Read a sequence of records, which comes as a list of dicts or as a dict of lists.

    Parquet written from a ``Sequence({...})`` feature has the second shape, JSON the first. Where a list is
    shorter than another, or is none, its values are None.
    """
    if isinstance(value, Mapping):
        columns = {name: listed(column) for name, column in value.items()}
        return [dict(zip(columns, record, strict=True)) for record in zip_longest(*columns.values())]
    return [record for record in listed(value) if isinstance(record, Mapping)]
