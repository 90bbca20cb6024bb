"""Stage `hub` and the seam: where all that comes from outside comes from, and what arrived.

`run` resolves every pin of the experiment to a manifest, ``data/hub/<kind>s/<id>.json``: the files that belong to it
with size and checksum. `fetch` is the one function through which every other stage gets a pinned set or model. Behind
it stand three origins with one layout: the Hugging Face hub, a mirror (the folder that ROSBERTA_MIRROR names) and the
miniature. What they hand over is held to the manifest, so a later stage never works on other bytes than were pinned.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tqdm import tqdm

from rosberta import checksums, origins
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
    with whole(HUB) as part:
        part.mkdir()
        if hub.origin == "miniature":
            from rosberta import miniature

            miniature.build(
                part / "miniature", sorted(hub.datasets), sorted(hub.models), hub.miniature.seed, hub.miniature.rows
            )
        total = 0
        failures: list[Mistake] = []
        pinned = pins(experiment)
        for kind, id, pin in tqdm(pinned, desc="resolve pins", unit="pin"):
            try:
                made = hub.origin == "miniature"
                there = _listed(part / "miniature", kind, id, pin) if made else files(kind, id, pin)[0]
            except origins.Unreachable:
                raise
            except Mistake as mistake:
                failures.append(mistake)
                continue
            manifest = {"kind": kind, "id": id, "revision": pin.revision, "origin": hub.origin, "files": there}
            path = part / f"{kind}s" / f"{id}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(canonical(manifest | {"url": pin.url}), encoding="utf-8")
            total += sum(file["bytes"] for file in there)
        if failures:
            raise Mistake("\n".join(map(str, failures)))
    log.info("resolved %d pins from origin %s, %.1f MB", len(pinned), hub.origin, total / 1e6)


def pins(experiment: Experiment) -> list[tuple[Kind, str, Pin]]:
    """Every pin of an experiment."""
    datasets: list[tuple[Kind, str, Pin]] = [
        ("dataset", id, pin) for id, pin in sorted(experiment.hub.datasets.items())
    ]
    return datasets + [("model", id, pin) for id, pin in sorted(experiment.hub.models.items())]


def files(kind: Kind, id: str, pin: Pin) -> tuple[list[dict[str, Any]], str | None]:
    """The files that the mirror, or else the hub, has for a pin, with size and checksum; and the licence it states.

    Files that could carry code are left out.

    Raises:
        Mistake: it has no such thing, or something else than was pinned.
    """
    if origins.mirror(kind, id):
        return _taken(kind, id, pin, origins.mirrored(kind, id, pin)), None
    there, licence = origins.listed(kind, id, pin)
    return _taken(kind, id, pin, there), licence


def _taken(kind: Kind, id: str, pin: Pin, there: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of these files those that can carry no code."""
    taken = [file for file in there if file["path"].endswith(SAFE)]
    if not taken:
        where = f"{kind} {id} @ {pin.revision}"
        raise origins.Unavailable(where, f"no file matches {pin.files}", f"correct hub.{kind}s.{id}.files")
    return taken


def _listed(root: Path, kind: Kind, id: str, pin: Pin) -> list[dict[str, Any]]:
    """The files of the miniature that the pin asks for, with size and checksum."""
    folder = root / f"{kind}s" / id
    if not folder.is_dir():
        raise Mistake(f"{kind} {id}: the miniature has no such {kind}")
    paths = [(file, file.relative_to(folder).as_posix()) for file in files_of(folder)]
    listed = [
        {"path": path, "bytes": file.stat().st_size, "sha256": sha256(file)}
        for file, path in paths
        if origins.wanted(path, pin)
    ]
    return _taken(kind, id, pin, listed)


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
    ours = pinned["origin"] == "miniature"
    folder = HUB / "miniature" / f"{kind}s" / id if ours else origins.mirror(kind, id)
    if folder is None:
        return origins.downloaded(pinned)
    for file in pinned["files"]:
        if words := checksums.difference(folder / file["path"], file, ours=ours):
            advice = "run the stage `hub` again" if ours else "restore it, or fill the mirror again"
            raise Mistake(f"{kind} {id} @ {pinned['revision']}: {file['path']} {words}; {advice}")
    return folder
