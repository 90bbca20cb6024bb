"""Command `pins`: ask for every pin whether it can be had, pin what has no revision, or carry all into a mirror.

``pins check`` downloads nothing. ``pins write`` gives every pin without a revision the one that the hub or the mirror
has today, in params.yaml; a file at a plain address is downloaded for its checksum. ``pins mirror DIR`` fills a folder
that machines without network read by ROSBERTA_MIRROR; what is there and whole is not fetched again.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from rosberta.doors import parameters
from rosberta.doors.run import settle
from rosberta.encoder.files import check_listing
from rosberta.frame.artifacts import SCRATCH
from rosberta.frame.files import sha256, write_json
from rosberta.frame.mistakes import Mistake
from rosberta.outside import checksums, hub, pins
from rosberta.outside.mirror import INDEX, MIRROR, folder_of, index_of
from rosberta.outside.unavailable import Unavailable, Unreachable
from rosberta.report.table import Column, Row, Table

if TYPE_CHECKING:
    from rosberta.experiment import Experiment
    from rosberta.experiment.hub import Pin
    from rosberta.outside.pins import Kind

log = logging.getLogger(__name__)

YES = "yes"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take what is to be done about the pins."""
    about = parser.add_subparsers(dest="about", required=True, metavar="check | write | mirror DIR")
    about.add_parser("check", help="say of every pin whether it can be had, without downloading")
    about.add_parser("write", help="pin what has no revision to what there is today, in params.yaml")
    about.add_parser("mirror", help="download every pin into a folder").add_argument("folder", type=Path, metavar="DIR")


def run(asked: argparse.Namespace) -> int:
    """Print the table of pins, with status 1 where one cannot be had; write those that are new; or fill the mirror."""
    experiment = parameters.load()
    settle(1, online=True, scratch=SCRATCH / "pins")
    if asked.about == "mirror":
        mirror(experiment, asked.folder)
        return 0
    table, complete = write(experiment) if asked.about == "write" else check(experiment)
    sys.stdout.write(table)
    return 0 if complete else 1


def check(experiment: Experiment) -> tuple[str, bool]:
    """Ask the mirror, or the hub, for every pin, and download nothing.

    Returns:
        A table with a row a pin (id, revision, bytes, licence, whether it can be had and why not), and whether all can.

    Raises:
        Mistake: the experiment takes everything from the miniature.
    """
    _outside(experiment)
    rows, complete, down = [], True, None
    for kind, id, pin in tqdm(pins.all_pins(experiment), desc="check pins", unit="pin"):
        size: float | None = None
        licence, answer = pin.licence, YES
        try:
            if down and not pin.url:
                raise down
            files, stated = pins.available_files(kind, id, pin)
            size, licence = sum(file["bytes"] for file in files) / 1e6, licence or stated
            if kind == "model":
                check_listing([file["path"] for file in files], id)
        except Mistake as mistake:
            if isinstance(mistake, Unreachable) and not pin.url:
                down = mistake
            complete = False
            answer = _no(mistake, advised=pin.revision is None)
        rows.append(Row((kind, id, (pin.revision or "none")[:12], size, licence, answer)))
    columns = (*map(Column, ("Kind", "Id", "Revision")), Column("MB", 1), *map(Column, ("Licence", "Reachable")))
    caption = "Of each pin the files that the experiment takes. Licences as pinned, else as the hub states them."
    return Table("pins", "Pins", caption, columns, tuple(rows)).text(), complete


def write(experiment: Experiment, path: Path = parameters.PARAMS) -> tuple[str, bool]:
    """Pin what has no revision to what the mirror, or the hub, has today; the file keeps its layout and comments.

    Returns:
        A table with a row for each pin that had none (id, revision found, or why there is none), and whether all were
        found. Those that were are written, whatever became of the others.

    Raises:
        Mistake: the experiment takes everything from the miniature.
    """
    _outside(experiment)
    rows = []
    found: dict[tuple[str, ...], str] = {}
    for kind, id, pin in pins.all_pins(experiment):
        if pin.revision is None:
            try:
                found["hub", f"{kind}s", id, "revision"] = answer = pins.current(kind, id, pin)
            except Mistake as mistake:
                answer = _no(mistake, advised=True)
            rows.append(Row((kind, id, answer)))
    for change in parameters.rewrite(found, path):
        log.info("%s", change)
    log.info("%s: %d of %d pins without a revision are written", path, len(found), len(rows))
    columns = tuple(map(Column, ("Kind", "Id", "Revision")))
    caption = "Of each pin that had none the revision that there is today."
    return Table("pins", "Pins", caption, columns, tuple(rows)).text(), len(found) == len(rows)


def _no(mistake: Mistake, *, advised: bool) -> str:
    """Why a pin cannot be had, in a cell of a table."""
    if not isinstance(mistake, Unavailable):
        return f"no: {mistake}"
    return f"no: {mistake.reason}" + (f"; {mistake.advice}" if advised else "")


def mirror(experiment: Experiment, root: Path) -> None:
    """Download every pin into ``root/<kind>s/<id>/``, each file verified, and say in the index what is there.

    What is there and whole is not fetched again, so a second start continues. A failure leaves the pins that are
    complete in the index, and no others.

    Raises:
        Mistake: a pin cannot be had, the disk has no room for all, or the experiment takes all from the miniature.
    """
    _outside(experiment)
    wanted: list[tuple[Kind, str, Pin, list[dict[str, Any]]]] = [
        (kind, id, pin, pins.available_files(kind, id, pin)[0])
        for kind, id, pin in tqdm(pins.all_pins(experiment), desc="resolve pins", unit="pin")
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
    index = index_of(root)
    for kind, id, pin, files in tqdm(wanted, desc="mirror pins", unit="pin"):
        folder = root / f"{kind}s" / id
        if source := folder_of(kind, id):
            _copy(source, folder, files)
        else:
            manifest = {"kind": kind, "id": id, "revision": pin.revision, "url": pin.url, "files": files}
            hub.download(manifest, folder)
        index[f"{kind}s/{id}"] = {
            "revision": pin.revision,
            "globs": list(pin.files),
            "files": {file["path"]: sha256(folder / file["path"]) for file in files},
            "blobs": [file["path"] for file in files if "blob" in file],
        }
        write_json(root / INDEX, index)
    log.info("%s holds %d pins; on a machine without network set %s to it", root, len(wanted), MIRROR)


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
