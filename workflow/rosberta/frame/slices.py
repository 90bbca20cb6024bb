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
        parameters: the whole experiment as plain data (`rosberta.experiment.Experiment.resolved`).
    """
    return {
        job_of(stage, key): slice_of(stage, key, parameters)
        for stage in FLOW
        if stage != "check"
        for key in jobs_of(stage, parameters)
    }


def slice_of(stage: str, key: str | None, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The slice of one job: the parameters that it reads by their path, and the checksums of its code by theirs."""
    entry = FLOW[stage]
    modules = [f"rosberta.stages.{stage}"]
    if entry.adapter:
        modules.append(f"rosberta.corpus.adapters.{value_at(parameters, entry.adapter.split('.'), key)}")
    read = {path.replace("{key}", key or ""): value_at(parameters, path.split("."), key) for path in entry.parameters}
    return {"parameters": read, "code": code_of(*modules)}


def job_of(stage: str, key: str | None) -> str:
    """The name of a job."""
    return f"{stage}@{key}" if key else stage


def jobs_of(stage: str, parameters: Mapping[str, Any]) -> list[str | None]:
    """The keys of a stage's jobs; None for that of a stage that runs once."""
    keys = FLOW[stage].keys
    return list(value_at(parameters, keys.split("."), None)) if keys else [None]


def value_at(value: Any, path: Sequence[str], key: str | None) -> Any:
    """What stands at a path; where a part of it is ``*``, by name what stands there below each."""
    if not path:
        return value
    if path[0] == "*":
        return {name: value_at(each, path[1:], key) for name, each in value.items()}
    return value_at(value[key if path[0] == "{key}" else path[0]], path[1:], key)
