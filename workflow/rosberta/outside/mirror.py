"""Mirrors: folders that stand in for the hub where there is no network, and say in an index what they hold."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosberta.frame.files import digest_of, files_of, read_json
from rosberta.frame.mistakes import Mistake
from rosberta.outside import checksums
from rosberta.outside.selection import wanted
from rosberta.outside.unavailable import Unavailable

if TYPE_CHECKING:
    from rosberta.experiment.hub import Pin

log = logging.getLogger(__name__)

MIRROR = "ROSBERTA_MIRROR"
"""Environment variable that names a mirror: a folder with ``datasets/<id>/`` and ``models/<id>/``, or several such
folders, separated as in PATH; the first that has an id serves it."""
INDEX = "index.json"
"""File in a mirror that says what it holds: by ``datasets/<id>`` or ``models/<id>`` the `revision`, the `globs` that it
was filled for, the SHA-256 of all `files`, and which of them are `blobs`, known to the hub by their git object id."""


def folder_of(kind: str, id: str) -> Path | None:
    """The folder of a set or model in the mirror; None where no mirror is named.

    Raises:
        Mistake: a mirror is named but it, or this id in it, is not there.
    """
    root = _root(kind, id)
    return root / f"{kind}s" / id if root else None


def _root(kind: str, id: str) -> Path | None:
    roots = [Path(root) for root in os.environ.get(MIRROR, "").split(os.pathsep) if root]
    for root in roots:
        if not root.is_dir():
            raise Mistake(f"{MIRROR}: {root}: no such folder; correct the variable, or unset it to use the hub")
    for root in roots:
        if (root / f"{kind}s" / id).is_dir():
            return root
    if roots:
        raise Unavailable(
            f"{kind} {id}",
            f"the mirror that {MIRROR} names has no {kind}s/{id}",
            "add it there (python -m rosberta pins mirror)",
        )
    return None


def files_in_mirror(kind: str, id: str, pin: Pin) -> list[dict[str, Any]]:
    """The files that the mirror has for a pin, with size and checksum, held to the pin and to the mirror's index.

    A content digest is recomputed. A commit can only be compared with what the index says; a mirror without an index
    is taken at its word, and the checksums in the manifest pin what was found.

    Raises:
        Mistake: the mirror lacks it, or a file of it, or holds another revision or content than it says.
    """
    root = _root(kind, id)
    assert root is not None, "a mirror is named"
    where, folder = f"{kind} {id} @ {pin.revision}", root / f"{kind}s" / id
    entry = index_of(root).get(f"{kind}s/{id}", {})
    paths = [path for path in (file.relative_to(folder).as_posix() for file in files_of(folder)) if wanted(path, pin)]
    if "files" in entry:
        # What else lies there may be of a revision that was mirrored before.
        paths = [path for path in paths if path in entry["files"]]
    sums = {path: checksums.checksum(folder / path) for path in paths}
    for path, said in sorted(entry.get("files", {}).items()):
        checksum = said if isinstance(said, str) else said["sha256"]
        if wanted(path, pin) and sums.get(path) != checksum:
            reason = f"{path} differs from its {INDEX}" if path in sums else f"{path} is missing"
            raise Unavailable(where, f"the mirror is damaged: {reason}", "restore the file, or fill the mirror again")
    globs = entry.get("globs", pin.files)
    if "*" not in globs and not set(pin.files) <= set(globs):
        raise Unavailable(where, f"the mirror has files {globs}, pinned are {pin.files}", "fill the mirror again")
    _hold(kind, id, pin, sums, entry.get("revision"))
    return [
        {
            "path": path,
            "bytes": (folder / path).stat().st_size,
            **(
                {"blob": checksums.checksum(folder / path, "blob")}
                if path in entry.get("blobs", ())
                else {"sha256": total}
            ),
        }
        for path, total in sums.items()
    ]


def index_of(root: Path) -> dict[str, Any]:
    """What a mirror says about itself; nothing, if it has no index."""
    return read_json(root / INDEX) if (root / INDEX).is_file() else {}


def current(kind: str, id: str, pin: Pin) -> str:
    """The revision that the mirror says it has, or else the digest of the files that the pin asks for.

    Raises:
        Mistake: the mirror lacks it, or a file of it.
    """
    try:
        files_in_mirror(kind, id, pin.model_copy(update={"revision": None}))
    except _Unpinned as unpinned:
        return unpinned.revision
    raise AssertionError("a pin without a revision is refused")


class _Unpinned(Unavailable):
    """A pin without a revision, where the mirror has one."""

    def __init__(self, kind: str, id: str, revision: str) -> None:
        """Say which."""
        advice = f"to pin what the mirror has, write revision: {revision} (python -m rosberta pins write)"
        super().__init__(f"{kind} {id}", "no revision is pinned", advice)
        self.revision = revision


def _hold(kind: str, id: str, pin: Pin, sums: dict[str, str], stated: str | None) -> None:
    content = next(iter(sums.values())) if pin.url and len(sums) == 1 else digest_of(sums)
    if pin.revision is None:
        raise _Unpinned(kind, id, stated or content)
    found = content if len(pin.revision) == 64 else stated
    if found is None:
        log.warning("%s %s: the mirror does not say its revision; taken as %s", kind, id, pin.revision[:8])
    elif found != pin.revision:
        reason = f"the mirror has revision {found}"
        raise Unavailable(f"{kind} {id} @ {pin.revision}", reason, "correct the pin, or fill the mirror again")
