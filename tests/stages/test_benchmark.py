# ruff: noqa: F811 (the fixture has one name everywhere)
"""Stage `benchmark`: every task is laid out, in equal bytes, or refused by name; what must stay unseen is there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from miniature import benchmark as made
from miniature.sets.planted import planted
from miniature.world.world import World
from rosberta.evaluation import tasks
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake
from rosberta.stages import benchmark
from support.laying_out import ROWS, SEED, SPLITS, cache, experiment, laid_out, mirror, own, pins, project, published  # noqa: F401 (a fixture)
from support.scoring import Entry


def test_every_task_is_there(laid_out: Path):
    """All 25 tasks of both versions of ruMTEB are laid out, each with its test texts."""
    folders = sorted(path.name for path in (laid_out / "data/benchmark").iterdir())
    assert folders == sorted(tasks.rumteb())
    assert all((laid_out / "data/benchmark" / name / "texts.parquet").is_file() for name in folders)


def test_planted_texts_are_in_the_benchmark(laid_out: Path):
    """Every text that the training sources repeat on purpose is a test text, or a document of RuBQ's corpus."""
    found = [
        text
        for path in sorted((laid_out / "data/benchmark").glob("*/texts.parquet"))
        for text in pq.read_table(path)["text"].to_pylist()
    ]
    task = tasks.load_task(
        "RuBQRetrieval", published("RuBQRetrieval")["RuBQRetrieval"], laid_out / "data/benchmark/RuBQRetrieval"
    )
    task.load_data()
    everything = "\n".join([*found, *task.dataset["default"]["test"]["corpus"]["text"]])
    assert [text for text in planted(World(SEED)) if text not in everything] == []


def test_training_and_evaluation_name_different_things(laid_out: Path):
    """In the miniature no review, comment, abstract or message that is scored on is also trained on."""
    for name in ("GeoreviewClassification", "CEDRClassification", "RuSciBenchGRNTIClassification"):
        task = tasks.load_task(name, published(name)[name], laid_out / "data/benchmark" / name)
        task.load_data()
        assert not set(task.dataset["train"]["text"]) & set(task.dataset["test"]["text"]), name


def test_equal_bytes_twice(project: Path):
    """Laying out twice gives the same bytes, and so does making the miniature."""
    whole = experiment(published("TERRa", "RuBQRetrieval", "STS22"), pins())
    benchmark.run(whole)
    first = digest(project / "data/benchmark")
    shutil.rmtree(project / "data/benchmark")
    benchmark.run(whole)
    assert digest(project / "data/benchmark") == first
    for id in ("ai-forever/rubq-retrieval", "mteb/amazon_massive_intent", "mteb/MIRACLReranking"):
        made.write_dataset(id, project / "one" / id, SEED, ROWS)
        made.write_dataset(id, project / "two" / id, SEED, ROWS)
    assert digest(project / "one") == digest(project / "two")


@pytest.mark.usefixtures("project")
def test_other_revision_is_refused():
    """A pin that is not the revision that mteb evaluates is refused, with both named."""
    theirs = pins("mteb/TERRa")["mteb/TERRa"]
    with pytest.raises(Mistake, match=rf"hub\.datasets\.mteb/TERRa\.revision: {'0' * 40}.*{theirs}"):
        benchmark.run(experiment(published("TERRa"), {"mteb/TERRa": "0" * 40}))
    assert not Path("data/benchmark").exists()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"TERA": Entry("mteb/TERRa")}, 'benchmark.tasks.TERA.*did you mean "TERRa"'),
        ({"TERRa": Entry("mteb/CEDRClassification")}, "benchmark.tasks.TERRa.dataset.*mteb/TERRa"),
        ({"TERRa": Entry("mteb/TERRa", columns={"text": "x"})}, "benchmark.tasks.TERRa.columns.*category"),
        ({"Mine": Entry("x", category="Classification", files={"test": "t"})}, "Mine.files.*'train'"),
        ({"Mine": Entry("x", category="STS", files={"test": "t"}, columns={"scor": "s"})}, 'Mine.columns.*"score"'),
        ({"Mine": Entry("x", category="STS", files={"test": "t"}, prefix="search")}, "Mine.prefix.*two sides"),
        ({"Mine": Entry("x", category="STS", files={"test": "t"}, candidates="y")}, "Mine.candidates"),
    ],
)
def test_a_wrong_entry_is_refused(entries: dict[str, Entry], message: str):
    """What is wrong with an entry is said by task and field, before any file is read."""
    with pytest.raises(Mistake, match=message):
        benchmark.run(experiment(entries, pins()))


@pytest.mark.usefixtures("project")
def test_own_task_cannot_take_a_published_name(mirror: Path):
    """A task of one's own under the name of a ruMTEB task would pass for it, and is refused."""
    table = pa.table({"text": ["а", "б"], "label": [0, 1]})
    own(mirror, "own/name", train=table, test=table)
    with pytest.raises(Mistake, match=r"TERRa.*another"):
        benchmark.run(experiment({"TERRa": Entry("own/name", category="Classification", files=SPLITS)}, {}))
