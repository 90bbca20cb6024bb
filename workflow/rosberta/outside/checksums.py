"""Checksums of what comes from outside: how a file is held to what was pinned, and hashed once.

The hub knows a large file by its SHA-256 and a small one by its git object id; an entry of a manifest has one of the
two. What was hashed is remembered under ``.scratch/checksums/``, for as long as the file keeps its size and its times
to the nanosecond: thirty stages that read one set of two gigabytes hash it once. All of it may vanish at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from rosberta.frame import files

REMEMBERED = Path(".scratch/checksums")
YOUNG = 2_000_000_000
"""Nanoseconds. A file changed so shortly ago is not remembered: some file systems would give its next change the same
time."""

Checksum = Literal["sha256", "blob"]


def blob(path: Path) -> str:
    """Hexadecimal git object id of a file's bytes."""
    found = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()


def checksum(path: Path, kind: Checksum = "sha256") -> str:
    """The checksum of a file, remembered from an earlier call if the file is as it was then.

    Not for files that the project writes itself: there is nothing to gain, and nothing between them and a bug of ours.
    """
    path = path.resolve()
    before = _state(path)
    memory = REMEMBERED / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:32]}.json"
    known = _read(memory)
    if known.get("file") != before:
        known = {"file": before}
    if kind not in known:
        known[kind] = files.sha256(path) if kind == "sha256" else blob(path)
        if _state(path) == before and time.time_ns() - path.stat().st_mtime_ns > YOUNG:
            files.write_json(memory, known)
    return known[kind]


def _state(path: Path) -> dict[str, Any]:
    """What changes when a file does; its ctime cannot be set back as its mtime can."""
    found = path.stat()
    return {"path": str(path), "size": found.st_size, "mtime": found.st_mtime_ns, "ctime": found.st_ctime_ns}


def _read(memory: Path) -> dict[str, Any]:
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def difference(path: Path, entry: Mapping[str, Any], *, ours: bool = False) -> str | None:
    """How a file differs from its entry in a manifest, in words; None: it does not.

    Args:
        path: the file.
        entry: its size under ``bytes``, and its checksum under ``sha256`` or ``blob``.
        ours: whether the project wrote it, so that nothing is taken from memory.
    """
    if not path.is_file():
        return "is missing"
    if path.stat().st_size != entry["bytes"]:
        return f"has {path.stat().st_size} bytes, pinned are {entry['bytes']}"
    kind: Checksum = "sha256" if "sha256" in entry else "blob"
    found = files.sha256(path) if ours else checksum(path, kind)
    if found != entry[kind]:
        return f"has checksum {found[:12]}, pinned is {entry[kind][:12]}"
    return None
