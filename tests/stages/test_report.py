"""The report says what the artifacts hold, marks what is published, and is the same bytes for the same artifacts."""

from __future__ import annotations

import csv
import html
import json
import os
import random
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta import published
from rosberta.corpus import overlap
from rosberta.doors import parameters
from rosberta.experiment import Experiment
from rosberta.frame.files import write_json
from rosberta.frame.flow import FLOW
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import write_rows
from rosberta.published import CATEGORIES
from rosberta.report.evaluation import heatmap
from rosberta.report.figures import figures
from rosberta.report.results import RULES, STEPS, read, version_of
from rosberta.report.table import DASH, Column, Row, Table
from rosberta.report.tables import NOTE
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
        curve(folder / "results/runs" / name / "contrasted", 3.4, 0.5 + 0.15 * number, 120, chance)
    for number, name in enumerate(e.models):
        write_json(folder / f"results/scores/{name}/summary.json", summary(e, number, chance))


def curve(folder: Path, start: float, end: float, steps: int, chance: random.Random) -> None:
    folder.mkdir(parents=True)
    lines = []
    for step in range(1, steps + 1):
        loss = end + (start - end) * 0.96**step + chance.gauss(0, 0.06)
        lines.append(json.dumps({"step": step, "loss": round(loss, 4), "learning_rate": 0.001}))
    (folder / "loss.jsonl").write_text("\n".join(lines) + "\n")


def summary(e: Experiment, number: int, chance: random.Random) -> dict:
    categories = {task.name: task.category for version in published.VERSIONS for task in published.tasks(version)}
    groups: dict[str, dict] = {"tasks": {}, "own_tasks": {}}
    for name, task in e.benchmark.tasks.items():
        score = round(chance.uniform(20, 60) + 4 * number, 4)
        entry = {"category": task.category or categories[name], "score": score, "prefix": "classification: "}
        groups["own_tasks" if task.category else "tasks"][name] = entry
    return groups


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


def test_equal_artifacts_give_equal_bytes(default, built, tmp_path):
    """Another folder, process, hash seed, time zone and locale: the same files with the same bytes."""
    build(default, tmp_path)
    (tmp_path / "params.json").write_text(default.model_dump_json())
    script = (
        "from pathlib import Path; from rosberta.stages import report; from rosberta.experiment import Experiment;"
        "report.run(Experiment.model_validate_json(Path('params.json').read_text()))"
    )
    other = {"PYTHONHASHSEED": "5", "TZ": "Asia/Vladivostok", "LC_ALL": "C", "PYTHONPATH": str(ROOT / "workflow")}
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=os.environ | other, check=True)
    assert files(tmp_path / "results/report") == files(built / "results/report")


def test_files_do_not_say_when_or_where(built):
    """No file holds a date, a time or a path of this machine."""
    for name, content in files(built / "results/report").items():
        text = content.decode()
        assert str(built) not in text, name
        assert not re.search(r"(?<![\w.:/])/(home|tmp|usr|work|var|root|Users)/", text), name
        assert not re.search(r"\b20\d\d-[01]\d-[0-3]\d\b|\b[0-2]\d:[0-5]\d:[0-5]\d\b|dc:date", text), name


def test_page_loads_nothing(page, built):
    """The page is complete: scripts, images, fonts and styles come from nowhere else; links only lead away."""
    assert not page.tags & {"script", "img", "link", "iframe", "object", "embed", "source"}
    for tag, name, value in page.addresses:
        assert value.startswith("#") or (tag == "a" and name == "href"), (tag, name, value)
    text = (built / "results/report/report.html").read_text()
    assert not re.search(r"@import|@font-face|url\((?!#)", text)


def test_identifiers_are_unique_and_known(page):
    """Each identifier stands once on the page, and each reference within it is to one of them."""
    assert len(page.identifiers) == len(set(page.identifiers))
    inner = {value[1:] for _, _, value in page.addresses if value.startswith("#")}
    assert inner <= set(page.identifiers)


def test_miniature_is_marked_everywhere(built, page):
    """The banner stands on the page, and the note at every table that holds numbers of ours, in every format."""
    assert html.escape(NOTE) in (built / "results/report/report.html").read_text().split("<header>")[0]
    for name in page.tables:
        holds = name not in {"ablations", "stages"}
        root = built / "results/report/tables"
        assert page.captions[name].count(NOTE) == holds, name
        assert (root / f"{name}.csv").read_text().startswith(f"# {NOTE}\n") == holds, name
        assert (f"> {NOTE}." in (root / f"{name}.md").read_text()) == holds, name


def test_stand_ins_are_no_models_of_their_name(built):
    """A model of the miniature is not given out as the real one whose name it bears."""
    (teacher,) = [row for row in table(built, "models") if row["Model"] == "teacher"]
    assert teacher["What it is"] == "stand-in for intfloat/multilingual-e5-small"


def test_real_data_is_not_marked(default, tmp_path, monkeypatch):
    """With data of the hub neither banner nor note stands anywhere."""
    real = default.model_copy(update={"hub": default.hub.model_copy(update={"origin": "hub"})})
    build(real, tmp_path)
    for name, content in files(render(real, tmp_path, monkeypatch)).items():
        assert NOTE.encode() not in content, name
        assert b"stand-in" not in content, name


def test_csv_and_markdown_hold_what_the_page_shows(built, page):
    """Every value of every table is the same text in HTML, CSV and Markdown."""
    for name, shown in page.tables.items():
        path = built / f"results/report/tables/{name}"
        lines = [line for line in path.with_suffix(".csv").read_text().splitlines() if not line.startswith("# ")]
        rows = list(csv.reader(lines))
        mixed = rows[0][0] == "Numbers"
        values = [[cell or DASH for cell in row[mixed:]] for row in rows[1:]]
        assert values, name
        assert [[cell.replace("\u202f", "") for cell in row] for row in shown] == values, name
        body = [line for line in path.with_suffix(".md").read_text().splitlines() if line.startswith("| ")][2:]
        assert [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in body] == [
            [cell.replace("|", "\\|") or DASH for cell in row] for row in rows[1:]
        ], name


def test_published_numbers_are_labelled(built):
    """A row of published numbers says so, and holds what is published; ours never says so."""
    rows = table(built, "models")
    names = {row.name: row for row in published.baselines()}
    assert [row["Model"] for row in rows if row["Numbers"] == "published"] == list(names)
    for row in rows[: len(names)]:
        known = names[row["Model"]]
        assert [float(row[short]) for short in CATEGORIES.values()] == list(known.categories.values())
        assert float(row["Task mean"]) == known.task_mean
    text = re.sub(r"\s+", " ", (built / "results/report/report.html").read_text())
    tagged = re.findall(r'<tr class="published"> <th scope="row">([^<]+)<span class="tag">published</span>', text)
    expected = [*published.mixtures(), *published.ablations(), *published.baselines()]
    assert [html.unescape(name) for name in tagged] == [row.name for row in expected]
    assert 'colspan="4" class="over published"><span class="tag">published</span></th>' in text


def test_averages(default, built):
    """The task mean averages tasks, the category mean averages categories; they are two numbers."""
    rows = {row["Model"]: row for row in table(built, "models") if row["Numbers"] == "ours"}
    metrics = json.loads((built / "results/report/metrics.json").read_text())
    assert list(rows) == list(default.models)
    for name in default.models:
        scores = json.loads((built / f"results/scores/{name}/summary.json").read_text())["tasks"]
        by_category: dict[str, list[float]] = {}
        for score in scores.values():
            by_category.setdefault(score["category"], []).append(score["score"])
        task_mean = fmean(score["score"] for score in scores.values())
        category_mean = fmean(fmean(each) for each in by_category.values())
        assert float(rows[name]["Task mean"]) == pytest.approx(task_mean, abs=0.005)
        assert float(rows[name]["Category mean"]) == pytest.approx(category_mean, abs=0.005)
        assert abs(task_mean - category_mean) > 0.02
        assert metrics[name]["task_mean"] == pytest.approx(task_mean, abs=1e-4)
        assert metrics[name]["category_mean"] == pytest.approx(category_mean, abs=1e-4)
        for category, each in by_category.items():
            assert metrics[name][category] == pytest.approx(fmean(each), abs=1e-4)


def test_mixtures_average_categories(built):
    """In the table of mixtures, ours are averaged as the published rows are: by category."""
    models = {row["Model"]: row for row in table(built, "models") if row["Numbers"] == "ours"}
    ours = [row for row in table(built, "mixtures") if row["Numbers"] == "ours"]
    assert [row["Data"] for row in ours] == ["basic_english", "basic_russian", "basic", "synthetic", "full"]
    for row in ours:
        assert float(row["Average (category mean)"]) == pytest.approx(
            float(models[row["Model"]]["Category mean"]), abs=0.06
        )
        assert row["Steps"] == "120"


def test_own_tasks_stand_apart(built):
    """One's own task has a table of its own, and enters no average."""
    (row,) = table(built, "own_tasks")
    assert row["Task"] == "MyHeadlines"
    assert row["Test texts here"] == "43"
    assert "MyHeadlines" not in {row["Task"] for row in table(built, "scores")}


def test_funnel_adds_up(default, built):
    """Of every source, what a stage reads is what it keeps and what it drops, and the last line sums up all."""
    rows, reasons = table(built, "funnel"), table(built, "dropped")
    assert [row["Source"] for row in rows] == [*default.collect.sources, "All sources"]
    assert [row["Source"] for row in reasons] == [row["Source"] for row in rows]
    states = ["raw", "collected", "cleaned", "mined"]
    for row, dropped in zip(rows, reasons, strict=True):
        for before, stage, after in zip(states, STEPS, states[1:], strict=False):
            gone = sum(int(number) for title, number in dropped.items() if title.startswith(f"by {stage}: "))
            assert int(row[f"Rows: {before}"]) == int(row[f"Rows: {after}"]) + gone
        assert int(row["Negatives: mined"]) == 6 * int(row["Negatives: provided"])
    for lines in (rows, reasons):
        for column in lines[0]:
            if column not in {"Source", "Group"}:
                assert int(lines[-1][column]) == sum(int(line[column]) for line in lines[:-1])
    assert RULES == overlap.RULES
    *found, total = table(built, "overlap")
    assert {row["Task"] for row in found} == {"TERRa", "STS22"}
    assert total["Rows dropped: exact"] == reasons[-1]["by clean: overlap with the benchmark"]
    assert int(total["Negatives removed"]) == len(default.collect.sources)
    assert all(row["Examples"].startswith(row["Source"]) for row in found)


def test_shares_add_up(default, built):
    """The shares of the sources of a mixture are those of its rows; a source outside has none."""
    *rows, total = table(built, "plans")
    for name in default.mixtures:
        assert int(total[f"{name}: rows"]) == sum(int(row[f"{name}: rows"] or 0) for row in rows)
        for row in rows:
            inside = row["Source"] in default.sources_of(name)
            assert bool(row[f"{name}: rows"]) == inside
            if inside:
                share = 100 * int(row[f"{name}: rows"]) / int(total[f"{name}: rows"])
                assert float(row[f"{name}: %"]) == pytest.approx(share, abs=0.051)


def test_plots_hold_the_losses(default, built):
    """The plots' data is the logged loss of every encoder and every run."""
    for name, keys, folder in (
        ("pretrain", default.encoders, "results/encoders/{}"),
        ("contrast", default.runs, "results/runs/{}/contrasted"),
    ):
        rows = list(csv.reader((built / f"results/report/plots/{name}.csv").read_text().splitlines()))[1:]
        logged = []
        for key in keys:
            for line in (built / folder.format(key) / "loss.jsonl").read_text().splitlines():
                point = json.loads(line)
                logged.append([key, str(point["step"]), str(point["loss"])])
        assert rows == logged


def test_missing_pieces_give_dashes(tmp_path, monkeypatch):
    """With nothing built yet there is a report all the same: published numbers, and dashes for ours."""
    (tmp_path / "results").mkdir()
    folder = render(experiment(), tmp_path, monkeypatch)
    ours = [row for row in table(tmp_path, "models") if row["Numbers"] == "ours"]
    assert ours
    for row in ours:
        assert not any(row[column] for column in (*CATEGORIES.values(), "Task mean", "Category mean"))
    page = Page((folder / "report.html").read_text())
    assert [cells[2:] for cells in page.tables["models"][-len(ours) :]] == [[DASH] * 9] * len(ours)
    assert not any(json.loads((folder / "metrics.json").read_text()).values())


def test_a_missing_task_gives_dashes(default, built, tmp_path, monkeypatch):
    """Without one task's score its category and both means are dashes; the other categories stand."""
    build(default, tmp_path)
    path = tmp_path / "results/scores/full/summary.json"
    summary = json.loads(path.read_text())
    del summary["tasks"]["STS22"]
    write_json(path, summary)
    render(default, tmp_path, monkeypatch)
    (before,), (after,) = (
        [row for row in table(root, "models") if row["Model"] == "full"] for root in (built, tmp_path)
    )
    empty = {column for column, value in after.items() if not value}
    assert empty == {"STS", "Task mean", "Category mean"}
    assert {column: value for column, value in after.items() if value} == {
        column: value for column, value in before.items() if column not in empty
    }
    (score,) = [row for row in table(tmp_path, "scores") if row["Task"] == "STS22"]
    assert score["full"] == ""


def test_tiny_experiment(tmp_path, monkeypatch):
    """An experiment of three tasks, of which no mixture is one of the paper's, is reported too."""
    tiny = parameters.load(ROOT / "workflow/presets/tiny.yaml")
    build(tiny, tmp_path)
    render(tiny, tmp_path, monkeypatch)
    rows = table(tmp_path, "mixtures")
    # basic_russian has no run, and a mixture named `full` that holds other groups is not the paper's.
    assert [row["Data"] for row in rows if row["Numbers"] == "ours"] == ["not run here"] * 5 + ["full"]
    assert rows[-1]["Pair"]
    assert not rows[-1]["Average (category mean)"]


def test_another_version_is_not_mixed(default, tmp_path, monkeypatch):
    """On v1.1 the published rows, which are on v1, keep only what both versions share."""
    old = {"MIRACLRetrieval", "RiaNewsRetrieval"}
    data = parameters.read(ROOT / "params.yaml")
    listed = data["benchmark"]["tasks"]
    for name in old:
        listed[f"{name}HardNegatives.v2"] = listed.pop(name)
    newer = parameters.check(data)
    assert (version_of(default.benchmark.tasks), version_of(newer.benchmark.tasks)) == ("v1", "v1.1")
    build(newer, tmp_path)
    render(newer, tmp_path, monkeypatch)
    for row in table(tmp_path, "models"):
        missing = {column for column, value in row.items() if not value}
        assert missing == ({"Retr", "Task mean", "Category mean"} if row["Numbers"] == "published" else set())


def test_damaged_artifact_is_named(default, tmp_path, monkeypatch):
    """A damaged file is one line that names it, and an earlier report stays."""
    build(default, tmp_path)
    folder = render(default, tmp_path, monkeypatch)
    before = files(folder)
    (tmp_path / "results/runs/full/contrasted/loss.jsonl").write_text("{")
    with pytest.raises(Mistake, match=r"runs/full/contrasted/loss\.jsonl: not readable"):
        report.run(default)
    assert files(folder) == before


def test_best_is_bold_among_peers():
    """The best of published rows and the best of ours stand out apart; a single number does not."""
    column = Column("Score", 1, best=True)
    rows = [("a", 9.0, True), ("b", 8.0, True), ("c", 3.04, False), ("d", 3.02, False), ("e", None, False)]
    built = Table(
        "t", "T", "", (Column("Name"), column), tuple(Row((name, value), published=p) for name, value, p in rows)
    )
    # 3.04 and 3.02 are both written 3.0.
    assert [built.is_best(row, 1) for row in built.rows] == [True, False, True, True, False]
    single = Table("t", "T", "", (Column("Name"), column), (Row(("a", 1.0)),))
    assert not single.is_best(single.rows[0], 1)


def test_the_heat_map_shows_who_has_own_tasks_alone(default, built, monkeypatch):
    """Their lines only, with ours; ruMTEB's would be empty."""
    monkeypatch.chdir(built)
    results = read(default)
    task = {"mine": next(iter(default.benchmark.tasks.values())).model_copy(update={"category": "STS"})}
    mine = default.model_copy(update={"benchmark": default.benchmark.model_copy(update={"tasks": task})})
    models = tuple(replace(model, scores={}, own={"mine": 1.0 + place}) for place, model in enumerate(results.models))
    drawn = texts_of(heatmap(replace(results, experiment=mine, models=models)))
    assert {"mine", "1.0", "2.0", *default.models} <= drawn
    assert not drawn & {task.name for task in published.tasks("v1")}
    unscored = tuple(replace(model, scores={}, own={}) for model in results.models)
    assert texts_of(heatmap(replace(results, models=unscored))) == {"No model has been evaluated."}


def test_the_heat_map_takes_what_the_paper_lacks_from_the_leaderboard(default, built, monkeypatch):
    """The two tasks of v1.1 that v1 has not."""
    monkeypatch.chdir(built)
    drawn = texts_of(heatmap(replace(read(default), version="v1.1")))
    [known] = [row.key for row in published.baselines() if row.key == "intfloat/multilingual-e5-base"]
    for task in {task.name for task in published.tasks("v1.1")} - {task.name for task in published.tasks("v1")}:
        assert task in drawn
        assert f"{published.leaderboard()[known][task]:.1f}" in drawn


def texts_of(figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts} | {text.get_text() for text in figure.texts}


def test_figures_name_everything(default, built, monkeypatch):
    """Every source, mixture, run and model stands in a figure, and every stage in that of the flow."""
    monkeypatch.chdir(built)
    drawn = figures(read(default))
    named = {
        "funnel": default.collect.sources,
        "mixtures": default.mixtures,
        "loss": [*default.runs, *default.encoders],
        "categories": [published.RELEASED, *default.models],
        "heatmap": [
            *default.models,
            *(task.name for task in published.tasks("v1")),
            *(row.name for row in published.baselines()),
        ],
        "stages": FLOW,
    }
    assert list(drawn) and set(drawn) == set(named)
    for name, words in named.items():
        for word in words:
            assert re.search(rf">{re.escape(word)}\b", drawn[name]), (name, word)
