"""What a stage depends on besides its files, read from ``dvc.yaml``, for Snakemake.

Snakemake notices an edit of a parameter or of code only by what it recorded itself, or by a file's time; after a clone
it has no records and all times are new. So each job takes as input a small file, its *slice*: the values of just its
parameters and the checksums of just its code. Slices are written, only when they differ, while the Snakefile is read.
A slice is as old as can be where it agrees with what ``dvc.lock`` records for its stage, so that no job starts for it.
Where it does not, it is new and holds the ledger's own date: Snakemake passes over an input whose content is that of
its own last run, and since then results of other parameters may have come through the other door.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rosberta.artifacts import canonical, whole

SLICES = Path(".snakemake/slices")


def slices(parameters: Mapping[str, Any], dvc_yaml: Path = Path("dvc.yaml")) -> dict[str, dict[str, Any]]:
    """The slice of every job, by DVC's name of it: ``STAGE`` or ``STAGE@KEY``.

    Args:
        parameters: ``params.yaml`` as plain data.
        dvc_yaml: the stages; templates are resolved as DVC does, as far as ``dvc.yaml`` uses them.
    """
    found = {}
    for name, stage in _yaml(dvc_yaml)["stages"].items():
        if "foreach" not in stage:
            found[name] = _slice(stage, parameters)
            continue
        for key, item in _resolved(stage["foreach"], parameters).items():
            found[f"{name}@{key}"] = _slice(stage["do"], {**parameters, "key": key, "item": item})
    return found


def _yaml(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    return YAML(typ="safe").load(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _slice(stage: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    tracked: dict[str, Any] = {}
    for entry in stage.get("params", []):
        if isinstance(entry, dict):  # the whole file
            tracked |= {name: value for name, value in context.items() if name not in ("key", "item")}
        else:
            path = _resolved(entry, context)
            tracked[path] = _at(path, context)
    paths = [_resolved(dep, context) for dep in stage.get("deps", [])]
    return {"params": tracked, "code": {path: _checksum(path) for path in paths if path.startswith("workflow/")}}


def _resolved(template: str, context: Mapping[str, Any]) -> Any:
    if match := re.fullmatch(r"\$\{([^}]+)\}", template):
        return _at(match[1], context)
    return re.sub(r"\$\{([^}]+)\}", lambda found: str(_at(found[1], context)), template)


def _at(path: str, context: Mapping[str, Any]) -> Any:
    value: Any = context
    for part in path.split("."):
        value = value[part]
    return value


@cache
def _checksum(path: str) -> str | None:
    """DVC's own checksum of a file or folder of code, so that it can be compared with ``dvc.lock``."""
    code = Path(path)
    if code.is_file():
        return hashlib.md5(code.read_bytes(), usedforsecurity=False).hexdigest()
    files = [file for file in code.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    if not files:
        return None
    listing = [{"md5": _checksum(str(file)), "relpath": file.relative_to(code).as_posix()} for file in files]
    listing.sort(key=lambda entry: entry["relpath"] or "")
    text = json.dumps(listing, sort_keys=True).encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest() + ".dir"


def write_slices(parameters: Mapping[str, Any]) -> None:
    """Write every job's slice to ``.snakemake/slices/``, and date it by whether the ledger agrees with it."""
    ledger = Path("dvc.lock")
    recorded = _yaml(ledger).get("stages", {})
    dated = ledger.stat().st_mtime_ns if ledger.is_file() else 0
    for name, value in slices(parameters).items():
        agreed = agrees(value, recorded.get(name, {}))
        path, text = SLICES / f"{name}.json", canonical({**value, "ledger": None if agreed else dated})
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            with whole(path) as part:
                part.write_text(text, encoding="utf-8")
        if agreed:
            os.utime(path, (0, 0))


def agrees(value: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether the ledger's entry of a stage records these parameters and this code."""
    code = {dep["path"]: dep["md5"] for dep in entry.get("deps", []) if dep["path"].startswith("workflow/")}
    return bool(entry) and entry.get("params", {}).get("params.yaml", {}) == value["params"] and code == value["code"]


def has_remote(configuration: Path = Path(".dvc")) -> bool:
    """Whether DVC has a default remote; without one ``dvc repro --pull`` fails."""
    parser = configparser.ConfigParser()
    parser.read([configuration / "config", configuration / "config.local"])
    return parser.has_option("core", "remote")
