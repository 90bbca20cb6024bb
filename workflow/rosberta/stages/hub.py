"""Stage `hub`: every pin of the experiment becomes a manifest, ``data/hub/<kind>s/<id>.json``.

A manifest lists the files that belong to the pin with size and checksum; what is fetched later is held to it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from rosberta.encoder.files import check_listing
from rosberta.frame.artifacts import HUB
from rosberta.frame.files import canonical, files_of, sha256, whole
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.outside.pickles import is_pickle, kept
from rosberta.outside.pins import CONVERTED, Kind, all_pins, available_files, place, safe_files
from rosberta.outside.selection import wanted
from rosberta.outside.unavailable import Unreachable

if TYPE_CHECKING:
    from rosberta.experiment import Experiment
    from rosberta.experiment.hub import Hub, Pin

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: None = None) -> None:  # noqa: ARG001 (every stage has a key)
    """Resolve every pin into a manifest; for the miniature also build the files.

    A model whose weights lie in a pickle alone is fetched at once, and kept with safetensors in its place.

    Raises:
        Mistake: a pin without revision, a revision or file that is gone, content that is not what the pin says.
    """
    hub = experiment.hub
    with whole(HUB) as part:
        part.mkdir()
        if hub.origin == "miniature":
            _build_miniature(hub, part / "miniature")
        total = 0
        failures: list[Mistake] = []
        pinned = all_pins(experiment)
        for kind, id, pin in tqdm(pinned, desc="resolve pins", unit="pin"):
            try:
                manifest = _manifest(hub, part, kind, id, pin)
            except Unreachable:
                raise
            except Mistake as mistake:
                failures.append(mistake)
                continue
            path = part / f"{kind}s" / f"{id}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(canonical(manifest), encoding="utf-8")
            total += sum(file["bytes"] for file in manifest["files"])
        if failures:
            raise Mistake("\n".join(map(str, failures)))
    log.info("resolved %d pins from origin %s, %.1f MB", len(pinned), hub.origin, total / 1e6)


def _manifest(hub: Hub, part: Path, kind: Kind, id: str, pin: Pin) -> dict[str, Any]:
    """What a pin resolves to."""
    made = hub.origin == "miniature"
    there = _listed(part / "miniature", kind, id, pin) if made else available_files(kind, id, pin)[0]
    pinned = {"kind": kind, "id": id, "revision": pin.revision, "origin": hub.origin, "files": there, "url": pin.url}
    where = f"{kind} {id} @ {pin.revision}"
    if kind == "model":
        check_listing([file["path"] for file in there], where)
    if any(is_pickle(file["path"]) for file in there):
        files = kept(there, place(pinned), part / CONVERTED / f"{kind}s" / id, where)
        return pinned | {"origin": CONVERTED, "files": files}
    return pinned


def _build_miniature(hub: Hub, folder: Path) -> None:
    import miniature

    for kind, ids, known in (
        ("datasets", hub.datasets, miniature.dataset_ids()),
        ("models", hub.models, miniature.model_ids()),
    ):
        for id in ids:
            if id not in known:
                raise Mistake(f"hub.{kind}: the miniature has no {id}{nearest(id, known)}")
    miniature.build(folder, sorted(hub.datasets), sorted(hub.models), hub.miniature.seed, hub.miniature.rows)


def _listed(root: Path, kind: Kind, id: str, pin: Pin) -> list[dict[str, Any]]:
    """The files of the miniature that the pin asks for, with size and checksum."""
    folder = root / f"{kind}s" / id
    if not folder.is_dir():
        raise Mistake(f"{kind} {id}: the miniature has no such {kind}")
    paths = [(file, file.relative_to(folder).as_posix()) for file in files_of(folder)]
    listed = [
        {"path": path, "bytes": file.stat().st_size, "sha256": sha256(file)}
        for file, path in paths
        if wanted(path, pin)
    ]
    return safe_files(kind, id, pin, listed)
