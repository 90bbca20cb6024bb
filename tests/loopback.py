"""A server on loopback that speaks the part of the hub's interface that the project uses."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@contextmanager
def serve(root: Path, revisions: dict[str, str]) -> Iterator[str]:
    """Serve ``root/datasets/<id>`` and ``root/models/<id>`` at one revision each; yield the endpoint's address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            path = self.path.split("?")[0]
            if match := re.fullmatch(r"/api/(datasets|models)/(.+?)/revision/(\w+)", path):
                kind, id, revision = match.groups()
                folder = root / kind / id
                if not folder.is_dir():
                    return self.send(404, b"{}", {"X-Error-Code": "RepoNotFound"}, body)
                if revision != revisions[id]:
                    return self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"}, body)
                info = {"id": id, "sha": revision, "siblings": siblings(folder), "tags": [], "private": False}
                return self.send(200, json.dumps(info).encode(), {"Content-Type": "application/json"}, body)
            if match := re.fullmatch(r"/api/(datasets|models)/(.+?)/tree/(\w+)", path):
                kind, id, _ = match.groups()
                listing = json.dumps(tree(root / kind / id)).encode()
                return self.send(200, listing, {"Content-Type": "application/json"}, body)
            if match := re.fullmatch(r"/(?:(datasets)/)?(.+?)/resolve/(\w+)/(.+)", path):
                kind, id, revision, name = match.groups()
                file = root / (kind or "models") / id / name
                content = file.read_bytes()
                headers = {"ETag": f'"{git_blob(content)}"', "X-Repo-Commit": revision, "Accept-Ranges": "bytes"}
                return self.send(200, content, headers, body)
            return self.send(404, b"{}", {}, body)

        def send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
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
