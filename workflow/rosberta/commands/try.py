"""Command `try`: type a query on a local page, and see the nearest texts by one model, or by two side by side.

The models are named as for `score`. Texts are those of a task that is laid out, by the stage `benchmark` or by `score`,
to be chosen on the page, or of a file of one's own: a text a line, or a table (.csv, .tsv, .jsonl, .parquet) with a
column `text`. The page is served on this machine alone and asks for nothing from elsewhere.
"""

from __future__ import annotations

import argparse
import json
import logging
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rosberta.doors.devices import leased
from rosberta.doors.named_model import PROMPTS_HELP, Named, fetched, named_model, pooling_of, prompts_of
from rosberta.doors.run import settle
from rosberta.evaluation.own_prompts import own_prompts
from rosberta.evaluation.prompts import model_prompts
from rosberta.frame.artifacts import BENCHMARK, EMBEDDINGS, SCRATCH
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake
from rosberta.frame.weights import pinned_model
from rosberta.report.nearest import Nearest, Shown, collections

log = logging.getLogger(__name__)

PLACES = (BENCHMARK, SCRATCH / "score" / BENCHMARK)
"""Where tasks are laid out: by the experiment, and by `score`."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the models, the texts and the port."""
    parser.add_argument("models", nargs="+", metavar="MODEL", help="a model, or two, as for `score`")
    parser.add_argument("--file", type=Path, help="texts of one's own")
    parser.add_argument("--prompts", action="append", help=f"{PROMPTS_HELP}; given twice: of the first, of the second")
    parser.add_argument("--pooling", choices=["cls", "mean"], help="of plain transformers folders")
    parser.add_argument("--port", type=int, default=0, help="(any that is free)")
    parser.add_argument("--no-browser", action="store_true", help="only say where the page is")


def run(asked: argparse.Namespace) -> int:
    """Serve the page until it is interrupted."""
    if len(asked.models) > 2:
        raise Mistake(f"try: {len(asked.models)} models, but two stand side by side; leave some out")
    if not 0 <= asked.port < 1 << 16:
        raise Mistake(f"--port {asked.port}: ports are 0-65535; choose another")
    with leased(wanted=True):
        return _serve(asked)


def _serve(asked: argparse.Namespace) -> int:
    settle(1, online=True, scratch=SCRATCH / "try")
    texts = collections(asked.file, PLACES)
    named = [named_model(name) for name in asked.models]
    keys = {each.key for each in named} - {""}
    labels = [each.key for each in named] if len(keys) == len(named) else asked.models
    prompts = [None] if not asked.prompts else asked.prompts
    models = [_shown(asked, each, prompts[min(place, len(prompts) - 1)]) for place, each in enumerate(named)]
    page = Nearest(dict(zip(labels, models, strict=True)), texts)
    try:
        server = ThreadingHTTPServer(("127.0.0.1", asked.port), handler(page))
    except OSError as error:
        raise Mistake(f"--port {asked.port}: {error.strerror}; choose another") from None
    address = f"http://127.0.0.1:{server.server_port}/"
    log.info("the page is %s; Ctrl-C ends it", address)
    if not asked.no_browser:
        webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    return 0


def _shown(asked: argparse.Namespace, named: Named, said: str | None) -> Shown:
    from rosberta.embedding.cache import EmbeddingCache
    from rosberta.embedding.embedder import Embedder
    from rosberta.evaluation.models import load_model

    folder, known = fetched(named), named.known
    prompts = prompts_of(said, []) if said else known.prompts if known else own_prompts(folder, [])
    pooling = pooling_of(folder, asked.pooling, known)
    if prompts == "instruct":
        raise Mistake(f"{named.key}: its prompts depend on the task; give one as --prompts '{{query: ...}}'")
    prefixes = model_prompts(prompts, id=pinned_model(named.weights))
    model = load_model(folder, (known and known.max_length) or 512, pooling)
    cache = EmbeddingCache(EMBEDDINGS, 10**10)
    return Shown(Embedder(model, revision=digest(folder), cache=cache), prefixes)


def handler(page: Nearest) -> type[BaseHTTPRequestHandler]:
    """What answers the page's requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            given = {name: values[0] for name, values in parse_qs(asked.query).items()}
            if (self.headers.get("Host") or "").partition(":")[0] not in ("127.0.0.1", "localhost"):
                self._send(403, "text/plain", b"this page is for this machine")  # another site, under a name of its own
            elif asked.path == "/":
                self._send(200, "text/html", Path(__file__).with_name("try.html").read_bytes())
            elif asked.path == "/known":
                self._json({"models": list(page.models), "collections": list(page.places)})
            elif asked.path == "/search" and given.get("in") in page.places and given.get("q", "").strip():
                self._json(page.search(given["q"], given["in"]))
            else:
                self._send(404, "text/plain", b"no such page")

        def _json(self, value: object) -> None:
            self._send(200, "application/json", json.dumps(value, ensure_ascii=False).encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Security-Policy", "default-src 'self' 'unsafe-inline'")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            log.debug(format, *args)

    return Handler
