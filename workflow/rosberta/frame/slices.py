"""What a job depends on besides files: the parameters that it reads, and the code that decides what it writes.

The stage `check` writes these *slices*, one file a job, and each job depends on its own, so that an edit of parameters
or code reruns the jobs that it reaches and no others. Parameters stand in them as they are taken, defaults filled in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rosberta.frame.code import code_of
from rosberta.frame.flow import FLOW


def slices(parameters: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The slice of every job but `check`, by the job's name: ``stage``, or ``stage@key``.

    Args:
        parameters: the whole experiment as plain data.
    """
    found = {}
    for name, stage in FLOW.items():
        if name == "check":
            continue
        for key in jobs_of(name, parameters):
            modules = [f"rosberta.stages.{name}"]
            if stage.adapter:
                modules.append(f"rosberta.corpus.adapters.{_at(parameters, stage.adapter.split('.'), key)}")
            read = {
                path.replace("{key}", key or ""): _at(parameters, path.split("."), key) for path in stage.parameters
            }
            found[f"{name}@{key}" if key else name] = {"parameters": read, "code": code_of(*modules)}
    return found


def jobs_of(stage: str, parameters: Mapping[str, Any]) -> list[str | None]:
    """The keys of a stage's jobs; None for that of a stage that runs once."""
    keys = FLOW[stage].keys
    return list(_at(parameters, keys.split("."), None)) if keys else [None]


def _at(value: Any, path: Sequence[str], key: str | None) -> Any:
    """What stands at a path; where a part of it is ``*``, by name what stands there below each."""
    if not path:
        return value
    if path[0] == "*":
        return {name: _at(each, path[1:], key) for name, each in value.items()}
    return _at(value[key if path[0] == "{key}" else path[0]], path[1:], key)
