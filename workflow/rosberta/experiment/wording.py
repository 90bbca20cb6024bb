"""What is wrong with parameters, in a sentence each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from rosberta.frame.mistakes import nearest


def sentences(error: ValidationError, model: type[BaseModel], where: str) -> Iterable[str]:
    """Yield a sentence for each thing that is wrong; `where` stands before the field's name."""
    for problem in error.errors(include_url=False):
        place = [str(part) for part in problem["loc"] if part != "[key]"]
        field = ".".join(place)
        if problem["type"] == "extra_forbidden":
            yield f"{where}{field}: unknown key{nearest(place[-1], _fields(model, place[:-1]))}"
        elif problem["type"] == "missing":
            yield f"{where}{field}: missing; it has no default"
        elif problem["type"] == "literal_error":
            known = re.findall(r"'([^']+)'", problem["ctx"]["expected"])
            yield f"{where}{field}: {problem['input']!r} is not known{nearest(str(problem['input']), known)}"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            found = "" if isinstance(problem["input"], dict) else f", found {problem['input']!r}"
            # What is wrong with a block as a whole has no field; `where` ends in a point if it names the block.
            name = where + (field or model.__name__.lower()) if field or not where.endswith(".") else where[:-1]
            yield f"{name}: {message[0].lower()}{message[1:]}{found}"


def _fields(model: type[BaseModel], place: list[str]) -> list[str]:
    """Names of the fields of the block that stands at `place` below `model`."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for part in place:
        node = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return list(node.get("properties", {}))
