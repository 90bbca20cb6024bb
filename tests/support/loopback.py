"""A server on loopback that speaks the part of the hub's interface that the project uses, and fails as it is told."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

TOKEN = "hf_loopback"


@dataclass
class Fault:
    """What goes wrong with the next requests for some paths."""

    path: str
    """Regular expression that is searched in the path asked for."""
    times: int = 1_000_000
    """Requests with a body that it hits before it is over."""
    status: int | None = None
    """Answered instead."""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Bytes of the body after which the connection is closed."""
    content: bytes | None = None
    """Sent instead of the file's, with a length to match."""


@dataclass
class Served:
    """What is served, and what was asked for."""

    endpoint: str
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Of each file that was asked for its path, and the range."""


@contextmanager
def serve(
    root: Path, revisions: dict[str, str], faults: Sequence[Fault] = (), gated: Sequence[str] = ()
) -> Iterator[Served]:
    """Serve ``root/datasets/<id>`` and ``root/models/<id>`` at one revision each, and ``root/files/<name>``.

    Gated ids need `TOKEN`.
    """
    served = Served("")
    left = [fault.times for fault in faults]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        fault: Fault | None

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:  # noqa: PLR0911 (one a kind of request)
            path = self.path.split("?")[0]
            self.fault = None
            if body or "/resolve/" not in path:
                for number, fault in enumerate(faults):
                    if left[number] and re.search(fault.path, path):
                        left[number] -= 1
                        self.fault = fault
                        break
            if self.fault and self.fault.status:
                return self.send(self.fault.status, b"{}", self.fault.headers, body)
            if match := re.fullmatch(r"/api/(datasets|models)/(.+?)/revision/(\w+)", path):
                return self.info(*match.groups(), body=body)
            if match := re.fullmatch(r"/api/(datasets|models)/([^/]+/[^/]+)", path):
                return self.info(*match.groups(), "main", body=body)
            if match := re.fullmatch(r"/api/(datasets|models)/(.+?)/tree/(\w+)", path):
                kind, id, _ = match.groups()
                listing = json.dumps(tree(root / kind / id)).encode()
                return self.send(200, listing, {"Content-Type": "application/json"}, body)
            if match := re.fullmatch(r"/api/(datasets|models)/(.+?)/auth-check", path):
                return self.send(200, b"{}", {}, body) if self.open(match[2]) else self.refuse(body)
            if match := re.fullmatch(r"/(?:(datasets)/)?(.+?)/resolve/(\w+)/(.+)", path):
                kind, id, revision, name = match.groups()
                if not self.open(id):
                    return self.refuse(body)
                return self.file(root / (kind or "models") / id / name, {"X-Repo-Commit": revision}, body)
            if match := re.fullmatch(r"/files/(.+)", path):
                return self.file(root / "files" / match[1], {}, body)
            return self.send(404, b"{}", {}, body)

        def info(self, kind: str, id: str, revision: str, *, body: bool) -> None:
            folder = root / kind / id
            if not folder.is_dir():
                return self.send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
            if revision not in (revisions[id], "main"):
                return self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
            info = {"id": id, "sha": revisions[id], "siblings": siblings(folder), "tags": [], "private": False}
            info |= {"gated": "auto" if id in gated else False, "cardData": {"license": "mit"}}
            return self.send(200, json.dumps(info).encode(), {"Content-Type": "application/json"}, body)

        def open(self, id: str) -> bool:
            return id not in gated or self.headers.get("Authorization") == f"Bearer {TOKEN}"

        def refuse(self, body: bool) -> None:
            self.send(401, b"{}", {"X-Error-Code": "GatedRepo"}, body)

        def file(self, path: Path, headers: dict[str, str], body: bool) -> None:
            if not path.is_file():
                return self.send(404, b"{}", {"X-Error-Code": "EntryNotFound"}, body)
            content = path.read_bytes()
            headers |= {"ETag": f'"{git_blob(content)}"', "Accept-Ranges": "bytes"}
            if self.fault and self.fault.content is not None:
                content = self.fault.content
            asked = self.headers.get("Range") if body else None
            if body:
                served.asked.append((path.name, asked))
            if asked:
                start = int(asked.removeprefix("bytes=").split("-")[0])
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
                return self.send(206, content[start:], headers, body)
            return self.send(200, content, headers, body)

        def send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            cut = self.fault.cut if self.fault else None
            if body:
                self.wfile.write(content[:cut])
            if body and cut is not None:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    served.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()


def git_blob(content: bytes) -> str:
    """The object id under which git, and so the hub, knows a small file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def siblings(folder: Path) -> list[dict]:
    """The hub's list of a repository's files: parquet and weights with their SHA-256, the rest as git knows them."""
    found = []
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            content = file.read_bytes()
            entry = {
                "rfilename": file.relative_to(folder).as_posix(),
                "size": len(content),
                "blobId": git_blob(content),
            }
            if file.suffix in (".parquet", ".safetensors"):
                sha = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": sha, "size": len(content), "pointerSize": 128}
            found.append(entry)
    return found


def tree(folder: Path) -> list[dict]:
    """The same list, as the hub gives it for a folder."""
    return [
        {"type": "file", "path": entry["rfilename"], "size": entry["size"], "oid": entry["blobId"]}
        for entry in siblings(folder)
    ]
