"""Adapters: what turns the rows of a raw set into training examples.

Each module is one adapter, named as ``collect.sources.<source>.adapter`` names it, with three names in it:

- ``Options``: what ``options`` may hold, typed;
- ``columns(options, found)``: the columns it needs, of a file that has the columns `found`;
- ``rows(raw, options, seed)``: a pure generator that yields for *each* raw row one `Example` or one `Drop`, in any
  order. Nothing is lost without a reason that is counted. What more a row says follows as further parts of it.

A further adapter is a further module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, NamedTuple, Protocol, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from rosberta.corpus.adapters._values import flaw
from rosberta.corpus.raw_files import Raw
from rosberta.frame.mistakes import Mistake, nearest


@dataclass(frozen=True, slots=True)
class Example:
    """What a raw row says: `anchor` and `positive` belong together, `negatives` do not belong to the anchor.

    `positives` belong to the anchor as well: all that the set judges relevant, but for the one that is `positive`.
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
    positives: tuple[str, ...] = ()


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


def example(
    position: int, anchor: Any, positive: Any, negatives: Iterable[Any] = (), positives: Iterable[str] = ()
) -> Example | Drop:
    """Make an example of raw values; a `Drop` where anchor or positive is no text that can be used.

    Negatives that are no text are left out and counted; equal ones are taken once. Of `positives`, which are texts, all
    but `positive` are kept.
    """
    for value in (anchor, positive):
        if reason := flaw(value):
            return Drop(reason)
    given = list(negatives)
    usable = [value for value in given if flaw(value) is None]
    others = tuple(sorted({*positives} - {positive}))
    return Example(
        position, anchor, positive, tuple(dict.fromkeys(usable)), unusable=len(given) - len(usable), positives=others
    )


def with_positives(examples: Sequence[Example]) -> Iterator[Example]:
    """The examples, each with the positives that its anchor has in others of them."""
    of_anchor: dict[str, set[str]] = {}
    for each in examples:
        of_anchor.setdefault(each.anchor, set()).add(each.positive or "")
    for each in examples:
        yield replace(each, positives=tuple(sorted(of_anchor[each.anchor] - {each.positive})))
