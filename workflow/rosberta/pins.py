"""Two commands about pins: `hub check` asks for each whether it can be had, `hub mirror` carries all of them.

Neither is a stage: they make no artifact. A machine with network fills a mirror, and machines without read it by
ROSBERTA_MIRROR.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from rosberta import checksums, hub, origins
from rosberta.artifacts import sha256, write_json
from rosberta.mistakes import Mistake
from rosberta.table import Column, Row, Table

if TYPE_CHECKING:
    from rosberta.hub import Kind
    from rosberta.params import Experiment, Pin

log = logging.getLogger(__name__)

YES = "yes"


def check(experiment: Experiment) -> tuple[str, bool]:
    """Ask the mirror, or the hub, for every pin, and download nothing.

    Returns:
        A table with a row a pin (id, revision, bytes, licence, whether it can be had and why not), and whether all can.

    Raises:
        Mistake: the experiment takes everything from the miniature.
    """
    _outside(experiment)
    rows, complete, down = [], True, None
    for kind, id, pin in tqdm(hub.pins(experiment), desc="check pins", unit="pin"):
        size: float | None = None
        licence, answer = pin.licence, YES
        try:
            if down and not pin.url:
                raise down
            files, stated = hub.files(kind, id, pin)
            size, licence = sum(file["bytes"] for file in files) / 1e6, licence or stated
        except Mistake as mistake:
            if isinstance(mistake, origins.Unreachable) and not pin.url:
                down = mistake
            complete = False
            answer = f"no: {mistake.reason}" if isinstance(mistake, origins.Unavailable) else f"no: {mistake}"
        rows.append(Row((kind, id, (pin.revision or "none")[:12], size, licence, answer)))
    columns = (
        *(Column(title) for title in ("Kind", "Id", "Revision")),
        Column("MB", 1),
        Column("Licence"),
        Column("Reachable"),
    )
    caption = "Of each pin the files that the experiment takes. Licences as pinned, else as the hub states them."
    return Table("pins", "Pins", caption, columns, tuple(rows)).text(), complete


def mirror(experiment: Experiment, root: Path) -> None:
    """Download every pin into ``root/<kind>s/<id>/``, each file verified, and say in the index what is there.

    What is there and whole is not fetched again, so a second start continues. A failure leaves the pins that are
    complete in the index, and no others.

    Raises:
        Mistake: a pin cannot be had, the disk has no room for all, or the experiment takes all from the miniature.
    """
    _outside(experiment)
    wanted: list[tuple[Kind, str, Pin, list[dict[str, Any]]]] = [
        (kind, id, pin, hub.files(kind, id, pin)[0])
        for kind, id, pin in tqdm(hub.pins(experiment), desc="resolve pins", unit="pin")
    ]
    root.mkdir(parents=True, exist_ok=True)
    lacking = sum(
        file["bytes"]
        for kind, id, _, files in wanted
        for file in files
        if not (root / f"{kind}s" / id / file["path"]).is_file()
    )
    free = shutil.disk_usage(root).free
    if lacking > free:
        raise Mistake(f"{root}: {lacking / 1e9:.1f} GB are to be fetched, {free / 1e9:.1f} GB are free; free some")
    index = origins.index_of(root)
    for kind, id, pin, files in tqdm(wanted, desc="mirror pins", unit="pin"):
        folder = root / f"{kind}s" / id
        if source := origins.mirror(kind, id):
            _copy(source, folder, files)
        else:
            manifest = {"kind": kind, "id": id, "revision": pin.revision, "url": pin.url, "files": files}
            origins.downloaded(manifest, folder)
        index[f"{kind}s/{id}"] = {
            "revision": pin.revision,
            "globs": list(pin.files),
            "files": {file["path"]: sha256(folder / file["path"]) for file in files},
            "blobs": [file["path"] for file in files if "blob" in file],
        }
        write_json(root / origins.INDEX, index)
    log.info("%s holds %d pins; on a machine without network set %s to it", root, len(wanted), origins.MIRROR)


def _copy(source: Path, folder: Path, files: list[dict[str, Any]]) -> None:
    """Copy from another mirror what is not there, or damaged.

    Raises:
        Mistake: a copy is not what was pinned.
    """
    for file in files:
        target = folder / file["path"]
        if checksums.difference(target, file) is None:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file["path"], target)
        if words := checksums.difference(target, file):
            raise Mistake(f"{target} {words} after it was copied; look after the disks of both mirrors")


def _outside(experiment: Experiment) -> None:
    if experiment.hub.origin == "miniature":
        raise Mistake(
            "hub.origin: the miniature is made here, not fetched; write a preset whose origin is the hub first "
            "(python -m rosberta preset paper)"
        )
