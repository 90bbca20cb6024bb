"""`try`: the page shows the nearest texts, and asks for nothing from elsewhere."""

from __future__ import annotations

import csv
import importlib
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html import unescape
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta.__main__ import main
from rosberta.doors.named_model import Named
from rosberta.embedding.embedder import Embedder
from rosberta.evaluation.prompts import model_prompts
from rosberta.frame.mistakes import Mistake
from rosberta.report.nearest import Nearest, Shown, collections, texts_of_file
from support.encoders import ENGLISH, RUSSIAN, write_roberta

command = importlib.import_module("rosberta.commands.try")  # a word that Python keeps for itself

TEXTS = [*RUSSIAN, *ENGLISH, "<i>Who</i> bakes <cakes> & pies?"]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with texts of one's own, a task of search and one of pairs that are laid out."""
    root = tmp_path_factory.mktemp("place")
    (root / "mine.txt").write_text("\n".join([*TEXTS, "", TEXTS[0]]), encoding="utf-8")
    for name, role in (("RuBQRetrieval", "document"), ("STS22", "sentence")):
        rows = [{"split": "test", "role": role, "text": text} for text in TEXTS]
        rows.append({"split": "test", "role": "query", "text": "Запрос?"})
        (root / "data/benchmark" / name).mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), root / "data/benchmark" / name / "texts.parquet")
    return root


@pytest.fixture(scope="module")
def page(place: Path) -> Nearest:
    """Two encoders with the recipe's prompts."""
    models = {}
    for seed, name in enumerate(("one", "two")):
        folder = write_roberta(place / name, TEXTS, seed=seed)
        embedder = Embedder.load(folder, "mean", 64)
        models[name] = Shown(embedder, model_prompts("rosberta"))
    return Nearest(models, collections(place / "mine.txt", [place / "data/benchmark"]))


@pytest.fixture(scope="module")
def address(page: Nearest) -> Iterator[str]:
    """The page, served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), command.handler(page))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def get(url: str, **headers: str) -> bytes:
    with build_opener(ProxyHandler({})).open(Request(url, headers=headers)) as answer:
        return answer.read()


@pytest.mark.parametrize(
    ("where", "before", "prefix"),
    [
        ("mine.txt", "search_query: ", "search_document: "),
        ("RuBQRetrieval", "search_query: ", "search_document: "),
        ("STS22", "clustering: ", "clustering: "),
    ],
)
@pytest.mark.parametrize("query", ["Кто строит мост?", "who bakes pies & <cakes>?"])
def test_texts_stand_in_the_order_of_their_cosine(
    page: Nearest, address: str, where: str, before: str, prefix: str, query: str
) -> None:
    """As each model's own embeddings have it, each side with the prefix that is the recipe's for it."""
    found = json.loads(get(f"{address}search?{urlencode({'q': query, 'in': where})}"))
    assert found["texts"] == len(TEXTS)
    for name, model in page.models.items():
        assert found["prompts"][name] == [before, prefix]
        rows = model.embedder.embed([f"{before}{query}", *(f"{prefix}{text}" for text in TEXTS)])
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        cosines = rows[1:] @ rows[0]
        shown = found["models"][name]
        assert [each["text"] for each in shown] == [TEXTS[place] for place in (-cosines).argsort(kind="stable")[:10]]
        assert [each["cosine"] for each in shown] == pytest.approx(sorted(cosines, reverse=True)[:10], abs=1e-4)


def test_what_there_is_to_choose(address: str) -> None:
    """Both models, one's own file first, then the tasks."""
    known = json.loads(get(f"{address}known"))
    assert known == {"models": ["one", "two"], "collections": ["mine.txt", "RuBQRetrieval", "STS22"]}


def test_the_page_loads_nothing_from_elsewhere(address: str) -> None:
    """No address of another place stands in it, and the browser is told to ask for none."""
    text = get(address).decode()
    assert not re.search(r"(?:https?:)?//[\w.]", text)
    assert "innerHTML" not in text
    with build_opener(ProxyHandler({})).open(address) as answer:
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")


@pytest.mark.parametrize(
    ("path", "host", "status"),
    [
        ("search?q=&in=mine.txt", "127.0.0.1", 404),
        ("search?q=x&in=/etc/passwd", "127.0.0.1", 404),
        ("../../params.yaml", "127.0.0.1", 404),
        ("known", "elsewhere.example", 403),
    ],
)
def test_nothing_else_is_served(address: str, path: str, host: str, status: int) -> None:
    """Nor to a site that gave this machine a name of its own."""
    with pytest.raises(HTTPError) as error:
        get(address + path, Host=host)
    assert error.value.code == status


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine (apt-get install chromium)")
@pytest.mark.parametrize("query", ["Кто строит мост?", "who bakes pies & <cakes>?"])
def test_a_browser_shows_them(page: Nearest, address: str, tmp_path: Path, query: str) -> None:
    """In Chromium, cut off from all other addresses: the lists of both models, in order."""
    assert BROWSER is not None
    done = subprocess.run(
        [
            BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-proxy-server",
            "--virtual-time-budget=10000", "--dump-dom", f"{address}?{urlencode({'q': query, 'in': 'mine.txt'})}",
        ],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    expected = page.search(query, "mine.txt")["models"]
    sections = re.findall(r"<section>(.*?)</section>", done.stdout, re.DOTALL)
    assert len(sections) == 2, done.stdout[-2000:] + done.stderr[-2000:]
    for section, (name, shown) in zip(sections, expected.items(), strict=True):
        assert re.search(rf"<h2[^>]*>{name}</h2>", section)
        found = re.findall(r"<b[^>]*>([\d.-]+)</b><span[^>]*>(.*?)</span>", section)
        assert [(cosine, unescape(text)) for cosine, text in found] == [
            (f"{each['cosine']:.3f}", each["text"]) for each in shown
        ]


def test_files_of_ones_own(tmp_path: Path) -> None:
    """Lines or tables; equal texts once, blank ones never."""
    rows = ["Раз, два", "Three", "Раз, два", " "]
    (tmp_path / "a.txt").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": row}) + "\n" for row in rows), encoding="utf-8")
    for name, delimiter in (("a.csv", ","), ("a.tsv", "\t")):
        with (tmp_path / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([["id", "text"], *enumerate(rows)])
    pq.write_table(pa.table({"text": rows}), tmp_path / "a.parquet")
    for name in ("a.txt", "a.jsonl", "a.csv", "a.tsv", "a.parquet"):
        assert texts_of_file(tmp_path / name) == ["Раз, два", "Three"], name


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("absent.txt", None, "no such file"),
        ("bad.txt", "строка".encode("cp1251"), "cannot be read"),
        ("bad.parquet", b"PAR", "cannot be read"),
        ("empty.txt", b"\n \n", "holds no text"),
        ("other.csv", b"id,words\n1,x\n", "has no column 'text', but id, words"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, name: str, content: bytes | None, sentence: str) -> None:
    """Before any model is loaded."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(Mistake, match=sentence):
        collections(tmp_path / name, [])


def asked(**more: object) -> SimpleNamespace:
    return SimpleNamespace(**({"pooling": "mean"} | more))


def test_prompts_that_mteb_registers(page: Nearest, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the model's id on the hub; a folder has none."""
    id = "intfloat/multilingual-e5-small"
    named = Named("e5", f"data/hub/models/{id}.json", {}, None)
    monkeypatch.setattr(command, "fetched", lambda _: place / "one")
    monkeypatch.chdir(place)
    assert command._shown(asked(), named, "mteb").prompts == {"query": "query: ", "document": "passage: "}
    with pytest.raises(Mistake, match=r"prompts 'mteb' are those .* this model has none"):
        command._shown(asked(), named._replace(weights=str(place / "one")), "mteb")


def test_instructions_of_a_task_are_typed(page: Nearest, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any model is loaded: there is no task whose instruction it would be."""

    def loaded(*_: object) -> None:
        raise LookupError("loaded")

    monkeypatch.setattr("rosberta.evaluation.models.load_model", loaded)
    named = Named("one", str(place / "one"), {}, None)
    with pytest.raises(Mistake, match=r"one: its prompts depend on the task; give one as --prompts '\{query: "):
        command._shown(asked(), named, "instruct")
    with pytest.raises(LookupError, match="loaded"):
        command._shown(asked(), named, "{query: 'Instruct: find it. Query: '}")


def test_mistakes_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No texts, or a model too many."""
    monkeypatch.chdir(tmp_path)
    assert main(["try", "full"]) == 1
    assert "no texts; name a file" in capsys.readouterr().err
    assert main(["try", "a", "b", "c"]) == 1
    assert "3 models, but two stand side by side" in capsys.readouterr().err
    assert main(["try", "a", "--port", "99999"]) == 1
    assert capsys.readouterr().err == "rosberta: --port 99999: ports are 0-65535; choose another\n"
