"""The origins outside the project: the Hugging Face hub, single files at plain addresses, and mirrors of both.

What an origin has for a pin is told without a download (`listed`, `mirrored`), and fetched and verified by `downloaded`.
Whatever goes wrong on the way is one line that names the pin, the file where it is known, and what to do.
"""

from __future__ import annotations

import errno
import glob
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rosberta import checksums
from rosberta.artifacts import digest_of, files_of, read_json
from rosberta.mistakes import Mistake

if TYPE_CHECKING:
    from rosberta.params import Pin

log = logging.getLogger(__name__)

MIRROR = "ROSBERTA_MIRROR"
"""Environment variable that names a mirror: a folder with ``datasets/<id>/`` and ``models/<id>/``, or several such
folders, separated as in PATH; the first that has an id serves it."""
INDEX = "index.json"
"""File in a mirror that says what it holds: by ``datasets/<id>`` or ``models/<id>`` the `revision`, the `globs` that it
was filled for, the SHA-256 of all `files`, and which of them are `blobs`, known to the hub by their git object id."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Unavailable(Mistake):
    """A pin, or a file of it, that its origin does not give."""

    def __init__(self, where: str, reason: str, advice: str) -> None:
        super().__init__(f"{where}: {reason}; {advice}")
        self.where, self.reason, self.advice = where, reason, advice


def mirror(kind: str, id: str) -> Path | None:
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
            f"{kind} {id}", f"the mirror that {MIRROR} names has no {kind}s/{id}", "add it there (rosberta hub mirror)"
        )
    return None


def mirrored(kind: str, id: str, pin: Pin) -> list[dict[str, Any]]:
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
    sums = {path: checksums.of(folder / path) for path in paths}
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
            **({"blob": checksums.of(folder / path, "blob")} if path in entry.get("blobs", ()) else {"sha256": total}),
        }
        for path, total in sums.items()
    ]


def index_of(root: Path) -> dict[str, Any]:
    """What a mirror says about itself; nothing, if it has no index."""
    return read_json(root / INDEX) if (root / INDEX).is_file() else {}


def wanted(path: str, pin: Pin) -> bool:
    """Whether a pin asks for a file."""
    return any(fnmatch(path, pattern) for pattern in pin.files)


def _hold(kind: str, id: str, pin: Pin, sums: dict[str, str], stated: str | None) -> None:
    content = next(iter(sums.values())) if pin.url and len(sums) == 1 else digest_of(sums)
    if pin.revision is None:
        advice = f"to pin what the mirror has, write revision: {content}"
        raise Unavailable(f"{kind} {id}", "no revision is pinned", advice)
    found = content if len(pin.revision) == 64 else stated
    if found is None:
        log.warning("%s %s: the mirror does not say its revision; taken as %s", kind, id, pin.revision[:8])
    elif found != pin.revision:
        reason = f"the mirror has revision {found}"
        raise Unavailable(f"{kind} {id} @ {pin.revision}", reason, "correct the pin, or fill the mirror again")


def listed(kind: str, id: str, pin: Pin) -> list[dict[str, Any]]:
    """The files that the hub, or the pin's address, has for a pin, with size and checksum.

    Nothing is downloaded, except for a file whose server does not tell its size.

    Raises:
        Unavailable: no revision is pinned, the id or revision is gone, access is refused, or the hub cannot be reached.
    """
    if pin.url:
        return [_at_address(kind, id, pin)]
    if pin.revision is not None and len(pin.revision) == 64:
        raise Unavailable(
            f"{kind} {id} @ {pin.revision}", "a content digest pins a mirror only", f"set {MIRROR}, or pin a commit"
        )
    from huggingface_hub import HfApi

    with _said(kind, id, pin.revision):
        info: Any = HfApi().repo_info(id, repo_type=kind, revision=pin.revision, files_metadata=True)
        if info.gated:  # the list is open to all, the files are not
            HfApi().auth_check(id, repo_type=kind)
    if pin.revision is None:
        advice = f"to pin what the hub has today, write revision: {info.sha}"
        raise Unavailable(f"{kind} {id}", "no revision is pinned", advice)
    files = []
    for sibling in sorted(info.siblings or [], key=lambda sibling: sibling.rfilename):
        if wanted(sibling.rfilename, pin):
            checksum = {"sha256": sibling.lfs.sha256} if sibling.lfs else {"blob": sibling.blob_id}
            files.append({"path": sibling.rfilename, "bytes": sibling.size, **checksum})
    return files


def _at_address(kind: str, id: str, pin: Pin) -> dict[str, Any]:
    assert pin.url is not None
    if pin.revision is None or len(pin.revision) != 64:
        raise Unavailable(f"{kind} {id} ({pin.url})", "no SHA-256 is pinned", "write that of the file as revision")
    from huggingface_hub import get_session

    name = PurePosixPath(unquote(urlsplit(pin.url).path)).name
    with _said(kind, id, pin.revision, pin.url):
        answer = get_session().head(pin.url, headers={"Accept-Encoding": "identity"})
    size = answer.headers.get("content-length") if answer.is_success else None
    file = {"path": name, "bytes": int(size) if size else None, "sha256": pin.revision}
    if size is None:  # not every server answers HEAD, or knows what it is about to send
        pinned = {"kind": kind, "id": id, "revision": pin.revision, "url": pin.url, "files": [file]}
        file["bytes"] = (downloaded(pinned) / name).stat().st_size
    return file


def downloaded(pinned: dict[str, Any], into: Path | None = None) -> Path:
    """Download what a manifest names, each file verified, and return its folder.

    What is there and whole is not fetched again, and then no network is needed. A file with wrong content is removed
    and fetched once more.

    Args:
        pinned: a manifest.
        into: where to; None: the cache of `huggingface_hub`, which all projects of a user share.

    Raises:
        Unavailable: the origin cannot be reached, no longer has it, or has other content; or the disk is full.
    """
    kind, id, revision, url = pinned["kind"], pinned["id"], pinned["revision"], pinned["url"]
    where = f"{kind} {id} @ {revision}"
    with _said(kind, id, revision, url):
        folder = into or _cache(pinned)
        for again in (False, True):
            lacking = [file for file in pinned["files"] if not (folder / file["path"]).is_file()]
            if lacking and url:
                _download_address(url, lacking[0], folder)
            elif lacking:
                _download(pinned, lacking, into, again=again)
            wrong = {file["path"]: words for file in pinned["files"] if (words := _difference(folder, file))}
            if not wrong:
                return folder
            for path, words in wrong.items():
                log.warning("%s: %s %s; %s", where, path, words, "given up" if again else "fetched once more")
                (folder / path).resolve().unlink(missing_ok=True)
                (folder / path).unlink(missing_ok=True)
    path, words = next(iter(wrong.items()))
    if words == "is missing":
        raise Unavailable(f"{where}: {path}", "its origin no longer has the file", "run the stage `hub` again")
    raise Unavailable(f"{where}: {path}", f"what arrives {words}, twice", "correct the pin, or try another network")


def _cache(pinned: dict[str, Any]) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    if pinned["url"]:
        return Path(constants.HF_HOME) / "rosberta" / pinned["revision"]
    folder = repo_folder_name(repo_id=pinned["id"], repo_type=pinned["kind"])
    return Path(constants.HF_HUB_CACHE) / folder / "snapshots" / pinned["revision"]


def _difference(folder: Path, file: dict[str, Any]) -> str | None:
    size = file["bytes"] if file["bytes"] is not None else (folder / file["path"]).stat().st_size
    return checksums.difference(folder / file["path"], {**file, "bytes": size})


def _download(pinned: dict[str, Any], files: list[dict[str, Any]], into: Path | None, *, again: bool) -> None:
    from huggingface_hub import snapshot_download

    snapshot_download(
        pinned["id"],
        repo_type=pinned["kind"],
        revision=pinned["revision"],
        allow_patterns=[glob.escape(file["path"]) for file in files],
        local_dir=into,
        force_download=again,
    )


def _download_address(url: str, file: dict[str, Any], folder: Path) -> None:
    """Stream a file to disk; what an earlier start left is continued, where the server can."""
    from filelock import FileLock
    from huggingface_hub.file_download import http_get

    folder.mkdir(parents=True, exist_ok=True)
    partial = folder.parent / f".{file['sha256']}.part"
    with FileLock(partial.with_suffix(".lock")):
        if (folder / file["path"]).is_file():  # another process was first
            return
        if file["bytes"] is not None and partial.is_file() and partial.stat().st_size > file["bytes"]:
            partial.unlink()
        with partial.open("ab") as body:
            http_get(
                url,
                body,
                resume_size=body.tell(),
                expected_size=file["bytes"],
                headers={"Accept-Encoding": "identity"},
                displayed_filename=file["path"],
            )
        partial.replace(folder / file["path"])
