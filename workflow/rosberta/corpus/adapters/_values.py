"""Raw values read as what they are meant to be: texts, numbers, labels, lists, records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any


def flaw(value: Any) -> str | None:
    """Say what keeps a raw value from being a text, or None."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "missing text"
    if not isinstance(value, str):
        return "bytes, whose encoding the file does not say" if isinstance(value, bytes) else "not a text"
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


def as_list(value: Any) -> list[Any]:
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
        columns = {name: as_list(column) for name, column in value.items()}
        return [dict(zip(columns, record, strict=True)) for record in zip_longest(*columns.values())]
    return [record for record in as_list(value) if isinstance(record, Mapping)]
