"""The origins outside the project: a mirror in a local folder, and the Hugging Face hub."""

from __future__ import annotations

import logging
import os
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosberta.artifacts import digest_of, read_json
from rosberta.mistakes import Mistake

if TYPE_CHECKING:
    from rosberta.params import Pin

log = logging.getLogger(__name__)

MIRROR = "ROSBERTA_MIRROR"
"""Environment variable that names a mirror: a folder with ``datasets/<id>/`` and ``models/<id>/``, or several such
folders, separated as in PATH; the first that has an id serves it."""


def mirror(kind: str, id: str) -> Path | None:
    """The folder of a set or model in the mirror; None where no mirror is named.

    Raises:
        Mistake: a mirror is named but it, or this id in it, is not there.
    """
    roots = mirrors()
    for root in roots:
        if not root.is_dir():
            raise Mistake(f"{MIRROR}: {root}: no such folder; correct the variable, or unset it to use the hub")
    for root in roots:
        if (root / f"{kind}s" / id).is_dir():
            return root / f"{kind}s" / id
    if roots:
        raise Mistake(f"{kind} {id}: the mirror that {MIRROR} names has no {kind}s/{id}; add it there")
    return None


def mirrors() -> list[Path]:
    """The folders that the environment names."""
    return [Path(root) for root in os.environ.get(MIRROR, "").split(os.pathsep) if root]


def held_to_revision(kind: str, id: str, pin: Pin, files: list[dict[str, Any]]) -> None:
    """Hold what a mirror has to the pin.

    A content digest is recomputed. A commit can only be compared with what the mirror's ``index.json`` says; a mirror
    that says nothing is taken at its word, and the checksums in the manifest pin what was found.

    Raises:
        Mistake: the mirror holds another revision.
    """
    sums = {file["path"]: file["sha256"] for file in files}
    content = next(iter(sums.values())) if pin.url and len(sums) == 1 else digest_of(sums)
    if pin.revision is None:
        raise Mistake(f"{kind} {id}: no revision is pinned; to pin what the mirror has, write revision: {content}")
    if len(pin.revision) == 64:
        found = content
    else:
        indexes = [root / "index.json" for root in mirrors()]
        entries = [read_json(index).get(f"{kind}s/{id}", {}) for index in indexes if index.is_file()]
        found = next((entry["revision"] for entry in entries if "revision" in entry), None)
        if found is None:
            log.warning("%s %s: the mirror does not say its revision; taken as %s", kind, id, pin.revision[:8])
            return
    if found != pin.revision:
        raise Mistake(f"{kind} {id}: pinned is revision {pin.revision}, the mirror has {found}; correct one of them")


def listed(kind: str, id: str, pin: Pin) -> list[dict[str, Any]]:
    """The files that the hub has for a pin, with size and checksum, without downloading them.

    Raises:
        Mistake: no revision is pinned, the id or revision is gone, access is refused, or the hub cannot be reached.
    """
    if pin.url:
        return _listed_at_url(kind, id, pin)
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    where = f"{kind} {id} @ {pin.revision}"
    try:
        info: Any = HfApi().repo_info(id, repo_type=kind, revision=pin.revision, files_metadata=True)
    except RevisionNotFoundError:
        raise Mistake(f"{where}: the hub has no such revision; correct hub.{kind}s.{id}.revision") from None
    except GatedRepoError:
        raise Mistake(f"{where}: access is gated; ask for it on its page and set HF_TOKEN") from None
    except RepositoryNotFoundError:
        raise Mistake(f"{where}: the hub has no such {kind}; correct the id in hub.{kind}s") from None
    except Exception as error:  # whatever the client raises, the user is told the same
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Mistake(f"{where}: the hub cannot be reached ({reason}); set {MIRROR}, or try again") from None
    if pin.revision is None:
        raise Mistake(f"{kind} {id}: no revision is pinned; to pin what the hub has today, write revision: {info.sha}")
    files = []
    for sibling in sorted(info.siblings or [], key=lambda sibling: sibling.rfilename):
        if any(fnmatch(sibling.rfilename, glob) for glob in pin.files):
            checksum = {"sha256": sibling.lfs.sha256} if sibling.lfs else {"blob": sibling.blob_id}
            files.append({"path": sibling.rfilename, "bytes": sibling.size, **checksum})
    return files


def _listed_at_url(kind: str, id: str, pin: Pin) -> list[dict[str, Any]]:
    from huggingface_hub import get_session

    assert pin.url is not None
    where = f"{kind} {id} ({pin.url})"
    if pin.revision is None or len(pin.revision) != 64:
        raise Mistake(f"{where}: a file at an address is pinned by its SHA-256: write it as revision")
    try:
        answer = get_session().head(pin.url, follow_redirects=True)
        answer.raise_for_status()
    except Exception as error:  # whatever the client raises, the user is told the same
        raise Mistake(f"{where}: cannot be reached ({error}); set {MIRROR}, or try again") from None
    size = int(answer.headers.get("content-length", -1))
    return [{"path": pin.url.rsplit("/", 1)[-1], "bytes": size, "sha256": pin.revision}]


def downloaded(pinned: dict[str, Any]) -> Path:
    """Download what a manifest names, into the cache of `huggingface_hub`, and return its folder.

    Raises:
        Mistake: the hub cannot be reached, or no longer has it.
    """
    kind, id, revision = pinned["kind"], pinned["id"], pinned["revision"]
    paths = [file["path"] for file in pinned["files"]]
    if pinned["url"]:
        return _downloaded_from_url(pinned)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(id, repo_type=kind, revision=revision, allow_patterns=paths))
    except Exception as error:  # the client raises many kinds; none of them is of use to a user as a trace
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Mistake(
            f"{kind} {id} @ {revision}: cannot be downloaded ({reason}); set {MIRROR}, or try again"
        ) from None


def _downloaded_from_url(pinned: dict[str, Any]) -> Path:
    from huggingface_hub import get_session
    from huggingface_hub.constants import HF_HOME

    from rosberta.artifacts import whole

    file = Path(HF_HOME) / "rosberta" / pinned["revision"] / pinned["files"][0]["path"]
    if not file.is_file():
        with whole(file) as part:
            try:
                answer = get_session().get(pinned["url"], follow_redirects=True)
                answer.raise_for_status()
            except Exception as error:
                raise Mistake(f"dataset {pinned['id']} ({pinned['url']}): cannot be downloaded ({error})") from None
            part.write_bytes(answer.content)
    return file.parent
