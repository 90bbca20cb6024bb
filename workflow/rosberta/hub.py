"""Stage `hub` and the seam: where all that comes from outside comes from, and what arrived.

`run` resolves every pin of the experiment to a manifest, ``data/hub/<kind>s/<id>.json``: the files that belong to it
with size and checksum. `fetch` is the one function through which every other stage gets a pinned set or model. Behind
it stand three origins with one layout: the Hugging Face hub, a mirror (the folder that ROSBERTA_MIRROR names) and the
miniature. What they hand over is held to the manifest, so a later stage never works on other bytes than were pinned.
"""

from __future__ import annotations

import hashlib
import logging
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tqdm import tqdm

from rosberta import origins
from rosberta.artifacts import HUB, canonical, files_of, read_json, sha256, whole
from rosberta.mistakes import Mistake, nearest

if TYPE_CHECKING:
    from rosberta.params import Experiment, Pin

log = logging.getLogger(__name__)

Kind = Literal["dataset", "model"]

SAFE = (".parquet", ".json", ".jsonl", ".gz", ".zst", ".zip", ".csv", ".tsv", ".txt", ".md", ".safetensors", ".model")
"""Endings of the files that are taken: none of them can carry code."""


def run(experiment: Experiment, key: None = None) -> None:  # noqa: ARG001 (every stage has a key)
    """Resolve every pin into a manifest; for the miniature also build the files.

    Raises:
        Mistake: a pin without revision, a revision or file that is gone, content that is not what the pin says.
    """
    hub = experiment.hub
    pins: list[tuple[Kind, str, Pin]] = [("dataset", id, pin) for id, pin in sorted(hub.datasets.items())]
    pins += [("model", id, pin) for id, pin in sorted(hub.models.items())]
    with whole(HUB) as part:
        part.mkdir()
        if hub.origin == "miniature":
            from rosberta import miniature

            miniature.build(
                part / "miniature", sorted(hub.datasets), sorted(hub.models), hub.miniature.seed, hub.miniature.rows
            )
        total = 0
        for kind, id, pin in tqdm(pins, desc="resolve pins", unit="pin"):
            if hub.origin == "miniature":
                files = _listed(part / "miniature" / f"{kind}s" / id, pin)
            elif folder := origins.mirror(kind, id):
                files = _listed(folder, pin)
                origins.held_to_revision(kind, id, pin, files)
            else:
                files = origins.listed(kind, id, pin)
            files = [file for file in files if file["path"].endswith(SAFE)]
            if not files:
                raise Mistake(f"{kind} {id}: no file matches {pin.files}; correct hub.{kind}s.{id}.files")
            manifest = {"kind": kind, "id": id, "revision": pin.revision, "origin": hub.origin, "files": files}
            path = part / f"{kind}s" / f"{id}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(canonical(manifest | {"url": pin.url}), encoding="utf-8")
            total += sum(file["bytes"] for file in files)
    log.info("resolved %d pins from origin %s, %.1f MB", len(pins), hub.origin, total / 1e6)


def _listed(folder: Path, pin: Pin) -> list[dict[str, Any]]:
    """The files of a local folder that the pin asks for, with size and checksum."""
    if not folder.is_dir():
        raise Mistake(f"{folder}: no such folder; the origin lacks this set")
    paths = [(file, file.relative_to(folder).as_posix()) for file in files_of(folder)]
    return [
        {"path": path, "bytes": file.stat().st_size, "sha256": sha256(file)}
        for file, path in paths
        if any(fnmatch(path, glob) for glob in pin.files)
    ]


def manifest(kind: Kind, id: str) -> dict[str, Any]:
    """The manifest of a pin: kind, id, revision, origin, url, and files with path, bytes and checksum.

    Raises:
        Mistake: the stage `hub` has not resolved this id.
    """
    path = HUB / f"{kind}s" / f"{id}.json"
    if not path.is_file():
        folder = HUB / f"{kind}s"
        known = [p.relative_to(folder).as_posix().removesuffix(".json") for p in folder.rglob("*.json")]
        raise Mistake(f"hub.{kind}s: {id!r} is not resolved{nearest(id, known)}; run the stage `hub` (dvc repro hub)")
    return read_json(path)


def fetch(kind: Kind, id: str) -> Path:
    """A local folder with the pinned files of a data set or model, each one checked against the manifest.

    The folder is read-only by agreement and may hold more than the pin asks for.

    Raises:
        Mistake: the pin is not resolved, a file is missing, or a file's content is not what was pinned.
    """
    pinned = manifest(kind, id)
    if pinned["origin"] == "miniature":
        folder = HUB / "miniature" / f"{kind}s" / id
    else:
        folder = origins.mirror(kind, id) or origins.downloaded(pinned)
    for file in pinned["files"]:
        _verify(folder / file["path"], file, f"{kind} {id} @ {pinned['revision']}")
    return folder


def _verify(path: Path, file: dict[str, Any], pin: str) -> None:
    if not path.is_file():
        raise Mistake(f"{pin}: {file['path']} is missing at its origin; restore it, or run the stage `hub` again")
    if path.stat().st_size != file["bytes"]:
        size = path.stat().st_size
        raise Mistake(f"{pin}: {file['path']} has {size} bytes, pinned are {file['bytes']}; fetch it again")
    if "sha256" in file:
        found, expected = sha256(path), file["sha256"]
    else:
        # Small files on the hub are known by their git object id only.
        content = path.read_bytes()
        found = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        expected = file["blob"]
    if found != expected:
        raise Mistake(f"{pin}: {file['path']} has checksum {found[:12]}, pinned is {expected[:12]}; fetch it again")
