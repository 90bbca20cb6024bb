"""Made-up artifacts of all stages, the report of them, and its page and tables read back."""

from __future__ import annotations

import csv
import json
import random
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta import published
from rosberta.corpus.duplicates import LISTED
from rosberta.corpus.seen import SEEN
from rosberta.doors import parameters
from rosberta.experiment import Experiment
from rosberta.frame.files import write_json
from rosberta.frame.rows import write_rows
from rosberta.stages import report

from support.trees import ROOT

OWN = {
    "dataset": "ai-forever/headline-classification",
    "category": "Classification",
    "files": {"train": "train.parquet", "test": "test.parquet"},
    "prefix": "classification",
}


def experiment(**changes) -> Experiment:
    """The default experiment with changed blocks, and with a task of one's own."""
    data = parameters.read(ROOT / "params.yaml")
    data["benchmark"]["tasks"]["MyHeadlines"] = OWN
    return parameters.check(data | changes)


def build(e: Experiment, folder: Path) -> None:
    """Lay out small artifacts of all stages, as the stages write them."""
    chance = random.Random(0)
    for number, task in enumerate(e.benchmark.tasks):
        (folder / "data/benchmark" / task).mkdir(parents=True)
        pq.write_table(pa.table({"text": ["t"] * (20 + number)}), folder / "data/benchmark" / task / "texts.parquet")
    (folder / "data/index/documents/titled").mkdir(parents=True)
    np.save(folder / "data/index/documents/RuBQRetrieval.npy", np.arange(3, dtype=np.uint64))
    np.save(folder / "data/index/documents/titled/RuBQRetrieval.npy", np.zeros((2, 0), np.uint64))
    mined = {}
    for name in e.collect.sources:
        collected = chance.randrange(200, 400)
        long, leaked = chance.randrange(0, 9), chance.randrange(0, 5)
        cleaned = collected - long - leaked
        mined[name] = cleaned - 1
        leaks = {"STS22": {"near": {"rows": 0, "negatives": 1, "ids": [f"{name}:7"]}}}
        if leaked:
            leaks["TERRa"] = {"exact": {"rows": leaked, "negatives": 0, "ids": [f"{name}:{n}" for n in range(leaked)]}}
        counts = {
            "collected": {"read": collected + 40, "kept": collected, "dropped": {"over the cap": 40}},
            "cleaned": {
                "read": collected,
                "kept": cleaned,
                "dropped": {"too long": long, "overlap with the benchmark": leaked},
                "overlap": leaks,
            },
            "deduplicated": {"read": cleaned, "kept": cleaned, "dropped": {}},
            "mined": {
                "read": cleaned,
                "kept": cleaned - 1,
                "dropped": {"too_few_candidates": 1},
                "provided": cleaned - 1,
                "mined": 6 * (cleaned - 1),
                "random": 0,
            },
        }
        for stage, count in counts.items():
            write_rows(folder / "data" / stage / f"{name}.parquet", [], count)
        write_json(folder / f"data/mined/{name}/mine.json", negatives(chance))
        for stage, schema in (("seen", SEEN), ("duplicates", LISTED)):
            (folder / "data" / stage).mkdir(exist_ok=True)
            pq.write_table(pa.Table.from_pylist([], schema=schema), folder / "data" / stage / f"{name}.parquet")
    for name in e.mixtures:
        rows = {source: mined[source] for source in e.sources_of(name)}
        total = sum(rows.values())
        parts = {
            source: {
                "rows": n,
                "share": n / total,
                "group": e.collect.sources[source].group,
                "prefix": "search",
                "sha256": "",
            }
            for source, n in rows.items()
        }
        write_json(folder / f"data/mixtures/{name}.json", {"mixture": name, "rows": total, "sources": parts})
    for name in e.encoders:
        curve(folder / "results/encoders" / name, 9.2, 3.1, 100, chance)
    for number, name in enumerate(e.runs):
        contrasted = folder / "results/runs" / name / "contrasted"
        curve(contrasted, 3.4, 0.5 + 0.15 * number, 120, chance)
        sources = chance.choices(e.sources_of(e.runs[name].mixture), k=120)
        pq.write_table(pa.table({"step": range(1, 121), "source": sources}), contrasted / "schedule.parquet")
    for number, name in enumerate(e.models):
        scores = folder / "results/scores" / name
        write_json(scores / "summary.json", summary(e, number, chance))
        for place, task in enumerate(e.benchmark.tasks):
            (scores / "examples").mkdir(exist_ok=True)
            pq.write_table(examples(place, chance), scores / "examples" / f"{task}.parquet")


def negatives(chance: random.Random) -> dict:
    """What the stage `mine` says of the negatives of a source."""
    share = {"count": 3, "share": 0.03, "low": 0.0103, "high": 0.0852}
    return {
        "counts": {
            "kept": 95,
            "dropped": {"too_few_candidates": 5},
            "filled": 3,
            "short": 2,
            "judged": 800,
            "refused": 9,
        },
        "judged": {"scores": {"positives": [0.9] * 5, "negatives": [0.1] * 5}, "above": share, "likely": share},
        "rows": 20,
        "negatives": 100,
        "suspected": dict.fromkeys(("near_duplicate", "shared_passage", "shared_answer", "any"), share),
        "scores": {"positives": [0.6, 0.7, round(chance.uniform(0.8, 0.9), 4), 0.92, 0.95], "negatives": [0.5] * 5},
        "margins": [5] * 19 + [2, 3],
        "above": {"count": 25, "share": 0.25, "low": 0.1755, "high": 0.343},
        "positive_ranks": {"before": 14, "inside": 5, "beyond": 1},
        "examples": [
            {"anchor": "А?", "positive": "Б" * 200, "negatives": ["В", "Г"], "scores": [0.9, 0.8, 0.7]},
            {"anchor": "Д?", "positive": "Е | Ж", "negatives": ["<b>З</b>"]},
        ],
    }


def curve(folder: Path, start: float, end: float, steps: int, chance: random.Random) -> None:
    folder.mkdir(parents=True)
    lines = []
    for step in range(1, steps + 1):
        loss = end + (start - end) * 0.96**step + chance.gauss(0, 0.06)
        point = {"step": step, "loss": round(loss, 4), "learning_rate": 0.001}
        lines.append(json.dumps(point | ({"validation_loss": round(loss + 0.2, 4)} if step % 5 == 1 else {})))
    (folder / "loss.jsonl").write_text("\n".join(lines) + "\n")


def examples(place: int, chance: random.Random) -> pa.Table:
    """Metrics of the 30 examples of a task."""
    ids = pa.array(range(30 * place, 30 * place + 30), pa.uint64())
    return pa.table({"split": ["test"] * 30, "id": ids, "value": [chance.random() for _ in range(30)]})


def summary(e: Experiment, number: int, chance: random.Random) -> dict:
    categories = {task.name: task.category for version in published.VERSIONS for task in published.tasks(version)}
    groups: dict[str, dict] = {"tasks": {}, "own_tasks": {}}
    for name, task in e.benchmark.tasks.items():
        score = round(chance.uniform(20, 60) + 4 * number, 4)
        entry = {"category": task.category or categories[name], "score": score, "prefix": "classification: "}
        entry |= {"splits": ["test"], "data": "d", "settings": "s", "code": "c", "texts": 200, "texts_cut": number}
        groups["own_tasks" if task.category else "tasks"][name] = entry
    facts = {"prompts": "rosberta", "precision": "fp32", "max_length": 128, "pooling": "cls", "similarity": "cosine"}
    return {**groups, "model": {**facts, "revision": f"{number}" * 40}}


def render(e: Experiment, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    report.run(e)
    return folder / "results/report"


@pytest.fixture(scope="module")
def default() -> Experiment:
    return experiment()


@pytest.fixture(scope="module")
def built(default: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the default experiment over synthetic artifacts; its root."""
    folder = tmp_path_factory.mktemp("report")
    build(default, folder)
    with pytest.MonkeyPatch.context() as patch:
        render(default, folder, patch)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


class Page(HTMLParser):
    """What the tests ask of the page: its tables by name, and every address in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.captions: dict[str, str] = {}
        self.addresses: list[tuple[str, str, str]] = []
        self.tags: set[str] = set()
        self.identifiers: list[str] = []
        self._table = self._cell = self._caption = None
        self._skip = self._head = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.tags.add(tag)
        if "id" in known:
            self.identifiers.append(known["id"])
        self.addresses += [(tag, name, value) for name, value in attrs if name in {"src", "href", "xlink:href", "data"}]
        if tag == "figure" and known["id"].startswith("table-"):
            self._table = known["id"].removeprefix("table-")
            self.tables[self._table] = []
        elif tag == "figcaption" and self._table:
            self._caption = ""
        elif tag in {"thead", "tbody"}:
            self._head = tag == "thead"
        elif tag == "tr" and not self._head:
            self.tables[self._table].append([])
        elif tag in {"th", "td"} and not self._head:
            self._cell = ""
        elif known.get("class") == "tag":
            self._skip = True

    def handle_endtag(self, tag):
        if tag in {"th", "td"} and not self._head:
            self.tables[self._table][-1].append(self._cell.strip())
            self._cell = None
        elif tag == "figcaption" and self._caption is not None:
            self.captions[self._table], self._caption = self._caption, None
        elif tag == "figure":
            self._table = None
        elif tag == "span":
            self._skip = False

    def handle_data(self, data):
        if self._cell is not None and not self._skip:
            self._cell += data
        elif self._caption is not None:
            self._caption += data


@pytest.fixture(scope="module")
def page(built: Path) -> Page:
    return Page((built / "results/report/report.html").read_text())


def table(built: Path, name: str) -> list[dict[str, str]]:
    """A table's CSV, past its note."""
    lines = (built / f"results/report/tables/{name}.csv").read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("# ")))
