"""A job's slice holds the parameters that it reads, as they are taken, and changes with no others."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from rosberta.doors import parameters
from rosberta.doors.slices import agrees, expected, folder_checksum, ledger, write_slices
from rosberta.frame.code import code_of
from rosberta.frame.files import canonical, digest
from rosberta.frame.flow import FLOW
from rosberta.frame.mistakes import Mistake
from rosberta.frame.slices import jobs_of, slices
from ruamel.yaml import YAML
from support.trees import ROOT


def plain(preset: str = "tiny") -> dict[str, Any]:
    """The experiment of a preset, resolved."""
    return parameters.load(ROOT / f"workflow/presets/{preset}.yaml").resolved()


@pytest.mark.parametrize("preset", ["miniature", "tiny", "small", "paper"])
def test_there_is_a_slice_for_each_job(preset: str) -> None:
    """One a key, or one for the stage; `check` has none, it writes them."""
    data = plain(preset)
    jobs = [f"{stage}@{key}" if key else stage for stage in FLOW if stage != "check" for key in jobs_of(stage, data)]
    assert list(slices(data)) == jobs


def test_a_slice_holds_values_by_their_path() -> None:
    """Defaults are filled in, so that an edit of a default is an edit."""
    found = slices(plain())["clean@sberquad"]["parameters"]
    assert found["collect.sources.sberquad.min_cosine"] is None
    assert found["clean"]["overlap"]["words"] == 8
    groups = {name: source["group"] for name, source in plain()["collect"]["sources"].items()}
    found = slices(plain())["deduplicate"]["parameters"]
    assert found["collect.cap"] == 100_000
    assert found["collect.sources.*.group"] == groups


def test_weights_of_ones_own_count_by_their_content(tmp_path: Path) -> None:
    """Another byte is another checksum for its evaluation, and for that alone, whatever times and sizes say."""
    file = tmp_path / "mine/model.safetensors"
    file.parent.mkdir()
    file.write_bytes(b"one")
    data = plain()
    data["models"]["mine"] = data["models"]["full"] | {"weights": str(file.parent)}
    before, times = expected(data), file.stat()
    file.write_bytes(b"two")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    after = expected(data)
    assert [job for job in before if before[job] != after[job]] == ["evaluate@mine"]
    file.write_bytes(b"one")
    assert expected(data) == before


def test_a_folders_checksum_is_dvcs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As DVC itself would write it into the ledger."""
    from dvc.repo import Repo

    for name in ("a/b.json", "a.json", "a-b", "Б/ё.txt", "1_Pooling/config.json"):
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text(name, encoding="utf-8")
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    with Repo.init(no_scm=True) as repo:
        stage = repo.stage.create(cmd="true", deps=[str(tmp_path / "mine")], name="see", single_stage=False)
        stage.save_deps()
        assert stage.deps[0].hash_info.value == folder_checksum(tmp_path / "mine")


CLEANED = [f"clean@{source}" for source in plain()["collect"]["sources"]]


@pytest.mark.parametrize(
    ("path", "value", "reached"),
    [
        (("collect", "sources", "sberquad", "cap"), 5, ["collect@sberquad", "deduplicate", "release@full", "report"]),
        (("collect", "sources", "sberquad", "licence"), "mit", ["release@full", "report"]),
        (("clean", "overlap", "words"), 9, ["index", *CLEANED, "report"]),
        (("clean", "overlap", "share"), 0.6, [*CLEANED, "report"]),
        (("clean", "max_tokens"), 7, [*CLEANED, "report"]),
        (("contrast", "temperature"), 0.5, ["contrast@full", "release@full", "report"]),
        (("merge", "base_share"), 0.5, ["merge@full", "release@full", "report"]),
        (("runs", "full", "seed"), 9, ["contrast@full", "release@full", "report"]),
        (("runs", "full", "merge"), {"base_share": 0.7}, ["merge@full", "release@full", "report"]),
        (("models", "full", "pooling"), "mean", ["evaluate@full", "report"]),
        (("mixtures", "basic_russian", "without"), ["opus100"], ["deduplicate", "mix@basic_russian", "report"]),
    ],
)
def test_an_edit_changes_the_slices_that_read_it(path: tuple[str, ...], value: object, reached: list[str]) -> None:
    """And no others."""
    before = slices(plain())
    data = parameters.read(ROOT / "workflow/presets/tiny.yaml")
    block = data
    for part in path[:-1]:
        block = block[part]
    assert block.get(path[-1]) != value
    block[path[-1]] = value
    after = slices(parameters.check(data).resolved())
    assert [job for job in after if after[job] != before[job]] == reached


def test_sources_do_not_reach_the_index() -> None:
    """It is of the test texts alone; without any source it holds none."""
    data = parameters.read(ROOT / "workflow/presets/tiny.yaml")
    before = slices(parameters.check(data).resolved())["index"]
    data["collect"]["sources"]["another"] = data["collect"]["sources"]["opus100"]
    assert slices(parameters.check(data).resolved())["index"] == before
    assert before["parameters"]["held_out"] == sorted(data["benchmark"]["tasks"])


def test_what_a_run_overrides_does_not_reach_it() -> None:
    """Its settings are its own: an edit of what all runs share leaves it as it is."""
    data = parameters.read(ROOT / "workflow/presets/tiny.yaml")
    data["runs"]["full"]["contrast"] = {"temperature": 0.05}
    before = slices(parameters.check(data).resolved())["contrast@full"]
    data["contrast"]["temperature"] = 0.5
    assert slices(parameters.check(data).resolved())["contrast@full"] == before


def test_a_round_reaches_the_sources_that_its_model_mines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A teacher in a folder of one's own counts by its digest; a run that chooses it trains on the plan by it."""
    data = parameters.read(ROOT / "workflow/presets/tiny.yaml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rounds/first").mkdir(parents=True)
    data["minings"] = {"second": {"teacher": f"./rounds/first@{'0' * 64}"}}
    data["runs"]["second"] = data["runs"]["full"] | {"mixture": "basic_russian/second"}
    experiment = parameters.check(data)
    assert experiment.plans_of("basic_russian") == ["mine", "second"]
    assert list(experiment.minings_of("sberquad")) == ["second"]
    before = slices(experiment.resolved())
    data["minings"]["second"]["teacher"] = f"./rounds/first@{'1' * 64}"
    after = slices(parameters.check(data).resolved())
    assert sorted(job for job in after if after[job] != before[job]) == ["mine@opus100", "mine@sberquad", "report"]
    data["minings"]["second"]["teacher"] = "./rounds/first"
    now = digest(Path("rounds/first"))
    with pytest.raises(Mistake, match=rf"lacks the digest of its content; write ./rounds/first@{now}"):
        parameters.check(data)
    data["mine"]["teacher"] = "./rounds/first"
    with pytest.raises(Mistake, match=r"mine\.teacher: './rounds/first' is no folder that minings may name"):
        parameters.check(data)


def test_another_revision_of_a_model_reaches_the_sources_that_it_cleans() -> None:
    """By its cosine, that is: no file of its own says which revision a source was cleaned by."""
    data = parameters.read(ROOT / "workflow/presets/tiny.yaml")
    data["hub"]["models"]["some/model"] = {"revision": "a" * 40}
    data["clean"]["similarity"] = {"model": "some/model"}
    data["collect"]["sources"]["opus100"]["min_cosine"] = 0.9
    before = slices(parameters.check(data).resolved())
    data["hub"]["models"]["some/model"]["revision"] = "b" * 40
    after = slices(parameters.check(data).resolved())
    assert "clean@opus100" in [job for job in after if after[job] != before[job]]
    assert after["clean@sberquad"] == before["clean@sberquad"]


def test_a_mining_changes_what_it_names_of_a_mapping() -> None:
    """And leaves the rest as `mine` has it."""
    data = parameters.read(ROOT / "workflow/presets/tiny.yaml")
    model = next(iter(data["hub"]["models"]))
    data["mine"] |= {"methods": {"synthetic": "ranks"}, "cross_encoder": {"model": model, "max_score": 0.25}}
    data["minings"] = {
        "wide": {"methods": {"retrieval": "ranks"}, "cross_encoder": {"max_length": 64}},
        "alone": {"cross_encoder": None},
    }
    experiment = parameters.check(data)
    wide, alone = experiment.mining("wide"), experiment.mining("alone")
    assert wide.methods == experiment.mine.methods | {"retrieval": "ranks"}
    assert wide.cross_encoder
    assert experiment.mine.cross_encoder
    assert wide.cross_encoder == experiment.mine.cross_encoder.model_copy(update={"max_length": 64})
    assert alone.cross_encoder is None
    assert alone.methods == experiment.mine.methods


def test_a_pool_reaches_the_sources_in_it() -> None:
    """Which sources it holds stands in the slice of each of these, and in that of `deduplicate`."""
    data = parameters.read(ROOT / "workflow/presets/tiny.yaml")
    data["pools"] = {"pair": {"sources": ["sberquad", "opus100"]}}
    data["mine"]["pools"] = ["pair"]
    before = slices(parameters.check(data).resolved())
    assert before["mine@sberquad"]["parameters"]["drawn_from.sberquad"] == {"mine": ["opus100"]}
    assert before["mine@ru_hnp"]["parameters"]["drawn_from.ru_hnp"] == {}
    data["pools"]["pair"]["sources"].append("ru_hnp")
    after = slices(parameters.check(data).resolved())
    reached = ["deduplicate", "mine@opus100", "mine@ru_hnp", "mine@sberquad", "report"]
    assert sorted(job for job in after if after[job] != before[job]) == reached
    for pools, line in (
        ({"pair": {"sources": ["sberquat"]}}, "pools.pair.sources: 'sberquat' is not in collect.sources"),
        ({"pairs": {"sources": ["sberquad"]}}, "mine.pools: 'pair' is not in pools"),
        ({"pair": {}}, "pools.pair: holds no source"),
    ):
        with pytest.raises(Mistake, match=line):
            parameters.check(data | {"pools": pools})


def test_a_slice_holds_the_code_of_its_job() -> None:
    """Of its stage, and of the adapter that its source names."""
    found = slices(plain())
    assert found["mine@sberquad"]["code"] == code_of("rosberta.stages.mine")
    named = code_of("rosberta.stages.collect", "rosberta.corpus.adapters.sberquad")
    assert found["collect@sberquad"]["code"] == named
    assert "rosberta/corpus/adapters/sberquad.py" in named
    assert "rosberta/corpus/adapters/sberquad.py" not in found["collect@ru_hnp"]["code"]


def test_the_ledger_agrees_with_what_stands_here() -> None:
    """An entry agrees where it records the checksum of the job's slice, and not otherwise."""
    data = plain()
    sums = expected(data)["mine@sberquad"]
    path, text = "data/check/mine@sberquad.json", canonical(slices(data)["mine@sberquad"])
    assert sums == {path: hashlib.md5(text.encode()).hexdigest()}
    entry = {"deps": [{"path": path, "md5": sums[path]}, {"path": "data/cleaned/sberquad.parquet", "md5": "0"}]}
    assert agrees(sums, entry)
    data["mine"]["seed"] = 5
    assert not agrees(expected(data)["mine@sberquad"], entry)
    assert not agrees(sums, {})


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a ledger that records the slices of the tiny experiment."""
    monkeypatch.chdir(tmp_path)
    entries = {
        job: {"cmd": "x", "deps": [{"path": path, "md5": sum} for path, sum in sums.items()]}
        for job, sums in expected(plain()).items()
    }
    with (tmp_path / "dvc.lock").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump({"schema": "2.0", "stages": entries}, file)
    return tmp_path


def test_slices_are_dated_by_whether_the_ledger_agrees(project: Path) -> None:
    """As old as can be where it does; new, with the ledger's date in it, where it does not; untouched when the same."""
    write_slices(plain())
    files = {path.stem: path for path in (project / ".snakemake/slices").iterdir()}
    assert set(files) == set(expected(plain()))
    assert {path.stat().st_mtime for path in files.values()} == {0}
    data = plain()
    data["merge_of"]["full"]["base_share"] = 0.9
    write_slices(data)
    changed = [job for job, path in files.items() if path.stat().st_mtime > 0]
    assert changed == ["merge@full", "release@full", "report"]
    held = json.loads(files["merge@full"].read_text())
    assert held["ledger"] == (project / "dvc.lock").stat().st_mtime_ns
    assert json.loads(files["mine@sberquad"].read_text())["ledger"] is None
    before = files["merge@full"].stat()
    write_slices(data)
    assert files["merge@full"].stat().st_mtime_ns == before.st_mtime_ns
    write_slices(plain())
    assert files["merge@full"].stat().st_mtime == 0


def test_without_a_ledger_everything_is_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is recorded that could agree."""
    monkeypatch.chdir(tmp_path)
    write_slices(plain())
    assert all(path.stat().st_mtime > 0 for path in (tmp_path / ".snakemake/slices").iterdir())


@pytest.mark.parametrize("text", ["", "stages:\n", "<<<<<<< ours\nstages: {}\n", "- a list\n"])
def test_a_damaged_ledger_is_a_mistake(project: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """One line that names it."""
    monkeypatch.setattr("rosberta.doors.slices.PAUSE", 0)
    (project / "dvc.lock").write_text(text)
    with pytest.raises(Mistake, match=r"dvc\.lock: is no ledger"):
        ledger()


def test_a_ledger_that_is_being_written_is_read_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC writes it in place."""
    whole = (project / "dvc.lock").read_text()
    (project / "dvc.lock").write_text("")
    monkeypatch.setattr(time, "sleep", lambda seconds: (project / "dvc.lock").write_text(whole))
    assert set(ledger()) == set(expected(plain()))
