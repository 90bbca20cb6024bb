"""The Hugging Face hub, and single files at plain addresses: what they have for a pin, and how it is downloaded.

What there is for a pin is told without a download (`files_on_hub`); `download` fetches and verifies it. Whatever goes
wrong on the way is one line that names the pin, the file where it is known, and what to do.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from rosberta.frame.files import sha256
from rosberta.frame.mistakes import Mistake
from rosberta.outside import checksums, client
from rosberta.outside.mirror import MIRROR
from rosberta.outside.selection import wanted
from rosberta.outside.unavailable import Unavailable, Unreachable

if TYPE_CHECKING:
    from rosberta.experiment.hub import Pin

log = logging.getLogger(__name__)

DOWNLOADS = 4
"""Files that are downloaded at once."""

_HASH = "write that of the file as revision (python -m rosberta pins write)"

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


def files_on_hub(kind: str, id: str, pin: Pin) -> tuple[list[dict[str, Any]], str | None]:
    """The files that the hub, or the pin's address, has for a pin, with size and checksum; and the licence it states.

    Nothing is downloaded, except for a file whose server does not tell its size.

    Raises:
        Unavailable: no revision is pinned, the id or revision is gone, access is refused, or the hub cannot be reached.
    """
    if pin.url:
        return [_at_address(kind, id, pin)], None
    if pin.revision is not None and len(pin.revision) == 64:
        raise Unavailable(
            f"{kind} {id} @ {pin.revision}", "a content digest pins a mirror only", f"set {MIRROR}, or pin a commit"
        )
    with _said(kind, id, pin.revision):
        from huggingface_hub import HfApi

        info: Any = HfApi().repo_info(id, repo_type=kind, revision=pin.revision, files_metadata=True)
        if info.gated:  # the list is open to all, the files are not
            HfApi().auth_check(id, repo_type=kind)
    if pin.revision is None:
        advice = f"to pin what the hub has today, write revision: {info.sha} (python -m rosberta pins write)"
        raise Unavailable(f"{kind} {id}", "no revision is pinned", advice)
    files = []
    for sibling in sorted(info.siblings or [], key=lambda sibling: sibling.rfilename):
        if wanted(sibling.rfilename, pin):
            checksum = {"sha256": sibling.lfs.sha256} if sibling.lfs else {"blob": sibling.blob_id}
            files.append({"path": sibling.rfilename, "bytes": sibling.size, **checksum})
    licence = (info.card_data or {}).get("license")
    return files, ", ".join(licence) if isinstance(licence, list) else licence


def current(kind: str, id: str, pin: Pin) -> str:
    """The commit that the hub has today; of a file at an address, which is downloaded for it, the SHA-256.

    Raises:
        Unavailable: it is gone, access is refused, or its server cannot be reached.
    """
    if not pin.url:
        with _said(kind, id, "main"):
            from huggingface_hub import HfApi

            revision: Any = HfApi().repo_info(id, repo_type=kind).sha
            return str(revision)
    name = PurePosixPath(unquote(urlsplit(pin.url).path)).name
    pinned = {"kind": kind, "id": id, "revision": "new", "url": pin.url}
    folder = _cache(pinned)
    with _said(kind, id, None, pin.url):
        _download(pinned, {"path": name, "bytes": None}, folder)
        found = sha256(folder / name)
        # Where the stage `hub` will look for it.
        kept = _cache({**pinned, "revision": found}) / name
        kept.parent.mkdir(parents=True, exist_ok=True)
        (folder / name).replace(kept)
    return found


def _at_address(kind: str, id: str, pin: Pin) -> dict[str, Any]:
    assert pin.url is not None
    if pin.revision is None or len(pin.revision) != 64:
        raise Unavailable(f"{kind} {id} ({pin.url})", "no SHA-256 is pinned", _HASH)
    name = PurePosixPath(unquote(urlsplit(pin.url).path)).name
    with _said(kind, id, pin.revision, pin.url):
        from huggingface_hub import get_session

        answer = get_session().head(pin.url, headers={"Accept-Encoding": "identity"})
    size = answer.headers.get("content-length") if answer.is_success else None
    file = {"path": name, "bytes": int(size) if size else None, "sha256": pin.revision}
    if size is None:  # not every server answers HEAD, or knows what it is about to send
        pinned = {"kind": kind, "id": id, "revision": pin.revision, "url": pin.url, "files": [file]}
        file["bytes"] = (download(pinned) / name).stat().st_size
    return file


def download(pinned: dict[str, Any], into: Path | None = None) -> Path:
    """Download what a manifest names, each file verified, and return its folder.

    What is there and whole is not fetched again, and then no network is needed. A file with wrong content is removed
    and fetched once more.

    Args:
        pinned: a manifest.
        into: where to; None: a cache that all projects of a user share.

    Raises:
        Unavailable: the origin cannot be reached, no longer has it, or has other content; or the disk is full.
    """
    kind, id, revision, url = pinned["kind"], pinned["id"], pinned["revision"], pinned["url"]
    where = f"{kind} {id} @ {revision}"
    from filelock import FileLock

    folder = into or _cache(pinned)
    with _said(kind, id, revision, url):
        folder.mkdir(parents=True, exist_ok=True)
    # Jobs that read the same set wait for the first of them.
    with _said(kind, id, revision, url), FileLock(folder.with_name(f".{folder.name}.lock")):
        for again in (False, True):
            lacking = [file for file in pinned["files"] if not (folder / file["path"]).is_file()]
            with ThreadPoolExecutor(DOWNLOADS) as pool:
                list(pool.map(lambda file: _download(pinned, file, folder), lacking))
            wrong = {file["path"]: words for file in pinned["files"] if (words := _difference(folder, file))}
            if not wrong:
                return folder
            for path, words in wrong.items():
                log.warning("%s: %s %s; %s", where, path, words, "given up" if again else "fetched once more")
                (folder / path).unlink(missing_ok=True)
    path, words = next(iter(wrong.items()))
    raise Unavailable(f"{where}: {path}", f"what arrives {words}, twice", "correct the pin, or try another network")


def _cache(pinned: dict[str, Any]) -> Path:
    """Where a pin's files are kept for all projects of a user: below HF_HOME, as `huggingface_hub` keeps its own."""
    from huggingface_hub import constants

    name = f"{pinned['kind']}s--{pinned['id'].replace('/', '--')}"
    return Path(constants.HF_HOME) / "rosberta" / name / pinned["revision"]


def _difference(folder: Path, file: dict[str, Any]) -> str | None:
    path = folder / file["path"]
    if file["bytes"] is None and path.is_file():
        file = {**file, "bytes": path.stat().st_size}
    return checksums.difference(path, file)


def _download(pinned: dict[str, Any], file: dict[str, Any], folder: Path) -> None:
    """Stream a file to disk; what an earlier start left is continued, where the server can.

    The hub's own client starts a file over after a start that was killed, and files of many gigabytes never end so.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    if pinned["url"]:
        url, headers = pinned["url"], {}
    else:
        url = hf_hub_url(pinned["id"], file["path"], repo_type=pinned["kind"], revision=pinned["revision"])
        headers = build_hf_headers()
    target, partial = folder / file["path"], folder / f"{file['path']}.part"
    target.parent.mkdir(parents=True, exist_ok=True)
    # Where the server does not say the size, what is whole already cannot be told from a part.
    with partial.open("wb" if file["bytes"] is None else "ab") as body:
        if file["bytes"] is None or body.tell() < file["bytes"]:
            headers["Accept-Encoding"] = "identity"
            http_get(url, body, resume_size=body.tell(), headers=headers, displayed_filename=file["path"])
    partial.replace(target)


@contextmanager
def _said(kind: str, id: str, revision: str | None, url: str | None = None) -> Iterator[None]:
    """Say in one line, with the pin and what to do, whatever the client raises."""
    client.install()
    from huggingface_hub import errors

    where = f"{kind} {id}" + (f" @ {revision}" if revision else "") + (f" ({url})" if url else "")
    other = f"set {MIRROR}, or try again"
    server = "the address" if url else "the hub"
    try:
        yield
    except Mistake:
        raise
    except errors.GatedRepoError:
        raise Unavailable(where, "access is gated", "ask for it on its page, and set HF_TOKEN") from None
    except errors.RevisionNotFoundError:
        raise Unavailable(where, "the hub has no such revision", f"correct hub.{kind}s.{id}.revision") from None
    except errors.RepositoryNotFoundError:
        advice = f"correct the id in hub.{kind}s, or set HF_TOKEN if it is private"
        raise Unavailable(where, f"the hub has no such {kind}", advice) from None
    except errors.EntryNotFoundError as error:
        raise Unavailable(where, f"a file is gone ({_line(error)})", "run the stage `hub` again") from None
    except client.NoAnswer as error:
        raise Unreachable(where, f"{server} cannot be reached ({error.reason})", other) from None
    except errors.OfflineModeIsEnabled:
        raise Unreachable(where, "HF_HUB_OFFLINE forbids the network", f"unset it, or set {MIRROR}") from None
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", "no")
        raise Unavailable(where, f"{server} answers with status {status}", other) from None
    except OSError as error:
        raise Unavailable(where, *_of_the_disk(error)) from None
    except Exception as error:  # an httpx error that no try can mend, such as an unknown scheme
        if not type(error).__module__.startswith("httpx"):
            raise
        raise Unreachable(where, f"{server} cannot be reached ({_line(error)})", other) from None


def _of_the_disk(error: OSError) -> tuple[str, str]:
    """What went wrong, and what to do."""
    if error.errno in _FULL:
        return "the disk is full", "free some, or set HF_HOME to another disk"
    if error.errno in _CLOSED:
        return f"nothing can be written ({_line(error)})", "set HF_HOME to a folder that may be written to"
    return f"the download failed ({_line(error)})", "start again; it continues"


def _line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
