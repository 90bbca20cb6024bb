"""What is left out of the parameters takes its default, at both doors; who only evaluates is asked for nothing else."""

from __future__ import annotations

import base64
import copy
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rosberta.doors import parameters
from rosberta.experiment import Experiment
from rosberta.experiment.blocks import Block
from rosberta.frame.flow import FLOW
from rosberta.frame.mistakes import Mistake
from rosberta.frame.slices import jobs_of, slices
from rosberta.stages import check, deduplicate, index
from ruamel.yaml import YAML
from support.trees import ROOT, Tree, cloned, commit

MINIATURE = ROOT / "workflow/presets/miniature.yaml"
ALONE = """
hub:
  datasets:
    mteb/TERRa: {revision: 48312c334eb916d88481dc4a41bd0d8b2fa0d576}
  models:
    intfloat/multilingual-e5-small: {revision: fd1525a9fd15316a2d503bf26ab031a61d056e98}
benchmark:
  tasks:
    TERRa: {dataset: mteb/TERRa}
models:
  teacher: {weights: data/hub/models/intfloat/multilingual-e5-small.json, prompts: e5}
"""


def optional(block: Block, data: dict[str, Any], seen: set[str], *place: str) -> Iterator[tuple[str, ...]]:
    """Paths of what the parameters may leave out, as far as they have it: a place of each kind."""
    for name, written in data.items():
        value, kind = getattr(block, name), f"{type(block).__name__}.{name}"
        if not type(block).model_fields[name].is_required() and kind not in seen:
            seen.add(kind)
            yield (*place, name)
        if isinstance(value, Block):
            yield from optional(value, written, seen, *place, name)
        elif isinstance(value, dict):
            for key, each in value.items():
                if isinstance(each, Block):
                    yield from optional(each, written[key], seen, *place, name, key)


DATA = parameters.read(MINIATURE)
BUILT = ("encoders", "mixtures", "runs")
"""Blocks that others name: where they are left out, so are these."""
NEEDED = {("collect",), ("collect", "sources"), ("clean",), ("clean", "tokenizer"), ("mine",), ("mine", "teacher")}
NEEDED |= {(block,) for block in BUILT}
"""What only who evaluates may leave out."""
BEFORE = Experiment.model_validate(DATA).resolved()
PATHS = list(optional(Experiment.model_validate(DATA), DATA, set()))


def without(data: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    dropped = copy.deepcopy(data)
    block = dropped
    for name in path[:-1]:
        block = block[name]
    del block[path[-1]]
    return dropped


def test_there_is_much_to_leave_out() -> None:
    """The walk finds fields of every block, blocks themselves, and fields of what users name."""
    found = {".".join(path) for path in PATHS}
    assert {"collect.surplus", "contrast", "hub.miniature", "hub.miniature.rows", "clean.overlap.words"} <= found
    assert any(path[:2] == ("hub", "datasets") for path in PATHS)
    assert any(path[0] == "runs" and path[-1] == "merge" for path in PATHS)
    assert len(PATHS) > 60


@pytest.mark.parametrize("path", [path for path in PATHS if path not in NEEDED], ids=".".join)
def test_a_field_left_out_takes_its_default(path: tuple[str, ...]) -> None:
    """Checked and resolved, which is all that the doors read, as if its default stood there; the jobs stay the same."""
    dropped = without(DATA, path)
    try:
        found = parameters.check(dropped).resolved()
    except Mistake as mistake:  # a default may not fit the rest of the miniature: that is said, and nothing breaks
        assert "\n" not in str(mistake)
        return
    assert all(jobs_of(stage, found) == jobs_of(stage, BEFORE) for stage in FLOW)
    again, value = copy.deepcopy(dropped), found
    block = again
    for name in path:
        value = value[name]
    for name in path[:-1]:
        block = block[name]
    block[path[-1]] = value
    assert parameters.check(again).resolved() == found


def test_only_what_has_no_default_is_asked_for_by_the_graph() -> None:
    """DVC draws its graph of the raw file: what it takes of it is required, or a block that `vars` stands in for."""
    graph = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    defaults: dict[str, Any] = {}
    for entry in graph["vars"]:
        defaults |= entry
    text = json.dumps(graph["stages"])
    taken = {part.split("}")[0] for part in text.split("${")[1:]}
    left_out = {".".join(path) for path in PATHS}
    of_items = {path[-1] for path in PATHS if path[:2] == ("collect", "sources") or path[0] in (*BUILT, "models")}
    for name in taken - {"key"}:
        if name.startswith("item."):
            assert name.removeprefix("item.") not in of_items, name
            continue
        value: Any = defaults
        for part in name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        in_sources = name in ("clean.tokenizer", "mine.teacher")  # asked for where there are sources, and only there
        assert value == {} or in_sources or name not in left_out, name


def everything_left_out() -> dict[str, Any]:
    """The miniature without anything that may be left out, but for what its defaults would contradict."""
    data = copy.deepcopy(DATA)
    for path in PATHS:
        kept = path in NEEDED or path[:2] == ("hub", "datasets") or path[:2] == ("collect", "sources")
        if not kept and path[0] not in ("benchmark", "mixtures", "models"):
            data = without(data, path) if path[0] in data and _there(data, path) else data
    return data


def _there(data: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(data, dict) or name not in data:
            return False
        data = data[name]
    return True


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    return cloned(tmp_path_factory.mktemp("defaults") / "tree")


def listed(tree: Tree) -> tuple[set[str], set[str]]:
    """The jobs as each door sees them."""
    by_dvc = {line.split()[0] for line in tree.run("dvc", "stage", "list", "--name-only").stdout.splitlines()}
    return by_dvc - {"check"}, set(tree.jobs())


def test_both_doors_open_with_all_left_out(tree: Tree) -> None:
    """Both see the jobs that they would see with every default written."""
    data = everything_left_out()
    assert data["collect"].keys() == {"sources"}
    assert not data.keys() & {"deduplicate", "pretrain", "contrast", "merge", "evaluate"}
    YAML().dump(data, tree.root / "params.yaml")
    by_dvc, by_snakemake = listed(tree)
    assert by_dvc == by_snakemake == slices(Experiment.model_validate(data).resolved()).keys()


def test_both_doors_open_for_evaluating_alone(tree: Tree) -> None:
    """Nothing of training is asked for: no sources, no tokenizer, no teacher."""
    (tree.root / "params.yaml").write_text(ALONE)
    by_dvc, by_snakemake = listed(tree)
    assert by_dvc == by_snakemake == {"hub", "benchmark", "index", "deduplicate", "evaluate@teacher", "report"}


def test_what_a_kill_left_is_done_again(tree: Tree) -> None:
    """The plain command goes on, where Snakemake by itself asks what to do about a job that was killed."""
    (tree.root / "params.yaml").write_bytes(MINIATURE.read_bytes())
    left = tree.root / ".snakemake/incomplete" / base64.b64encode(b"data/hub").decode()
    left.parent.mkdir(parents=True, exist_ok=True)
    left.touch()
    (tree.root / "data/hub").mkdir(parents=True)
    try:
        assert "hub" in tree.jobs()
    finally:
        left.unlink()
        (tree.root / "data/hub").rmdir()


def test_an_experiment_starts_in_a_clone_where_nothing_is_built(tree: Tree) -> None:
    """With a value that the parameters do not have, and the ledger as it is committed."""
    (tree.root / "params.yaml").write_bytes(MINIATURE.read_bytes())
    shutil.copyfile(ROOT / "dvc.lock", tree.root / "dvc.lock")
    commit(tree)
    assert tree.run("dvc", "exp", "run", "--set-param", "contrast.temperature=0.05", "check").returncode == 0
    assert (
        json.loads((tree.root / "data/check/contrast@full.json").read_text())["parameters"]["contrast_of.full"][
            "temperature"
        ]
        == 0.05
    )


def test_a_dry_run_lists_every_job_of_a_clone_where_nothing_is_built(tree: Tree) -> None:
    """With ``--force``: else DVC asks for the checksums of files that no job has written yet."""
    (tree.root / "params.yaml").write_bytes(MINIATURE.read_bytes())
    (tree.root / "dvc.lock").unlink(missing_ok=True)
    commit(tree)
    wanted = slices(Experiment.model_validate(DATA).resolved()).keys() | {"check"}
    for command in (("repro", "--dry", "--force"), ("exp", "run", "--dry", "--force")):
        done = tree.run("dvc", *command)
        listed = re.findall(r"^Running stage '([^']+)'", done.stdout + done.stderr, re.MULTILINE)
        assert set(listed) == wanted, command
        assert len(listed) == len(wanted)
    assert not (tree.root / "data/hub").exists()


def test_what_is_read_as_a_whole_is_there_for_evaluating_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages that read all of what there is of training find that there is none."""
    monkeypatch.chdir(tmp_path)
    experiment = parameters.check(YAML(typ="safe").load(ALONE))
    check.run(experiment)
    index.run(experiment)
    deduplicate.run(experiment)
    graph = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    folders = {dep for name in ("report", "deduplicate") for dep in graph[name]["deps"] if not dep.endswith(".json")}
    assert all(Path(folder).is_dir() for folder in folders - {"data/hub", "data/benchmark", "results/report"})


@pytest.mark.parametrize("name", ["clean.tokenizer", "mine.teacher"])
def test_sources_ask_for_tokenizer_and_teacher(name: str) -> None:
    with pytest.raises(Mistake, match=f"{name}: missing; it has no default, and there are sources"):
        parameters.check(without(DATA, tuple(name.split("."))))


def test_a_method_given_keeps_the_others() -> None:
    """A block that is given in part is filled up."""
    data = copy.deepcopy(DATA)
    data["mine"]["methods"] = {"synthetic": "ranks"}
    methods = parameters.check(data).mine.methods
    assert methods == {**Experiment.model_validate(DATA).mine.methods, "synthetic": "ranks"}
    assert Experiment.model_validate(DATA).mine.methods["synthetic"] == "random"


@pytest.mark.parametrize("name", ["miniature", "tiny", "small", "paper"])
def test_dvc_rewrites_a_preset_and_reads_the_same(name: str, tmp_path: Path) -> None:
    """As ``dvc exp run --set-param`` does."""
    from dvc.utils.serialize import modify_yaml

    path = tmp_path / "params.yaml"
    path.write_bytes((ROOT / f"workflow/presets/{name}.yaml").read_bytes())
    before = parameters.read(path)
    with modify_yaml(path) as data:
        data["contrast"]["temperature"] = 0.05
    before["contrast"]["temperature"] = 0.05
    assert parameters.read(path) == before
