"""Snakemake and DVC are two doors to one graph: same stages, same files, same ledger, nothing computed twice."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from pathlib import Path

import pytest
from rosberta.doors import parameters, slices
from rosberta.experiment import Experiment
from rosberta.frame.flow import FLOW
from support.trees import ROOT, Tree, cloned, commit, copied, keyed

pytestmark = pytest.mark.built

# Tests of one group run in one process, one after another: they share a tree that they change and set back.
GROUPS = [pytest.mark.xdist_group("even"), pytest.mark.xdist_group("odd")]


def stages_of_dvc(root: Path) -> dict:
    """What DVC itself resolves: per stage the files that it reads and writes."""
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return {
            stage.name: {
                kind: {Path(file.fs_path).relative_to(root).as_posix() for file in getattr(stage, kind)}
                for kind in ("deps", "outs")
            }
            for stage in repo.index.stages
        }


def jobs_of_snakemake(tree: Tree) -> dict:
    """What Snakemake itself resolves, from its own dry run over everything."""
    text = tree.run("snakemake", "--dry-run", "--forceall", "--printshellcmds").stdout
    found = {}
    for block in re.split(r"\n(?=rule )", text):
        command = re.search(r"repro (\S+) logs/", block)
        if command:
            files = {
                kind: set(re.search(rf"^    {kind}: (.+)$", block, re.MULTILINE)[1].split(", "))
                for kind in ("input", "output")
            }
            found[command[1]] = files
    return found


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A clone in which nothing is ever built."""
    return cloned(tmp_path_factory.mktemp("graph"))


@GROUPS[0]
@pytest.mark.parametrize("preset", ["miniature", "tiny", "small", "paper"])
def test_both_doors_resolve_the_same_graph(clone: Tree, preset: str) -> None:
    """No job without a stage, no output and no dependency that only one of the two knows."""
    clone.run("python", "-m", "rosberta", "preset", preset)
    clone.run("python", "-m", "rosberta", "windows", "full")  # runs that choose their negatives
    stages, jobs = stages_of_dvc(clone.root), jobs_of_snakemake(clone)
    # It has no rule: it goes before all jobs.
    assert set(stages) == {*jobs, "check"}
    del stages["check"]
    owners = {out: name for name, stage in stages.items() for out in stage["outs"]}

    def writers(path: str) -> set[str]:
        """The stages whose outputs are this path, hold it, or lie in it."""
        return {
            name
            for out, name in owners.items()
            if out == path or out.startswith(path + "/") or path.startswith(out + "/")
        }

    for name, stage in stages.items():
        assert stage["outs"] == jobs[name]["output"], name
        # What `check` writes comes before all jobs, and is no input of theirs to Snakemake.
        data = {dep for dep in stage["deps"] if dep.startswith(("data/", "results/"))} - {f"data/check/{name}.json"}
        assert set().union(*map(writers, data)) == set().union(*map(writers, jobs[name]["input"])), name
        assert f".snakemake/slices/{name}.json" in jobs[name]["input"], name


@GROUPS[0]
def test_each_job_depends_on_its_own_slice(clone: Tree) -> None:
    """Of what `check` writes a stage depends on the file of its own job, and on no parameters or code besides."""
    clone.run("python", "-m", "rosberta", "preset", "miniature")
    stages = stages_of_dvc(clone.root)
    experiment = parameters.load(ROOT / "workflow/presets/miniature.yaml")
    found = slices.expected(experiment.resolved())
    assert {"check", *found} == set(stages)
    assert stages["check"]["deps"] == {"params.yaml", "workflow/miniature", "workflow/rosberta"}
    for name, sums in found.items():
        own = {dep for dep in stages[name]["deps"] if not dep.startswith(("data/", "results/")) or "data/check" in dep}
        assert own == set(sums), name


@GROUPS[0]
def test_flow_says_what_dvc_says(clone: Tree) -> None:
    """The page that explains the flow names the stages, keys and edges of ``dvc.yaml``."""
    clone.run("python", "-m", "rosberta", "preset", "miniature")
    stages = stages_of_dvc(clone.root)
    owners = {out: name.split("@")[0] for name, stage in stages.items() for out in stage["outs"]}
    edges = {
        (owner, name.split("@")[0])
        for name, stage in stages.items()
        for dep in stage["deps"]
        for out, owner in owners.items()
        if out == dep or out.startswith(dep + "/") or dep.startswith(out + "/")
        # That each job reads its slice goes without saying.
        if owner != "check" or name == "hub"
    }
    assert edges == {(read, name) for name, stage in FLOW.items() for read in stage.reads}
    for name, stage in FLOW.items():
        assert any("@" in job for job in stages if job.split("@")[0] == name) == (stage.keys is not None)
    lines = (ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()
    assert [line.strip(" :") for line in lines if re.fullmatch(r"  [a-z]+:", line)] == list(FLOW)


def test_the_committed_ledger_is_of_this_code_and_these_parameters() -> None:
    """Every stage of the default experiment is recorded, with the code and the parameters that stand here."""
    experiment = parameters.load(ROOT / "params.yaml")
    recorded = Tree(ROOT).lock()
    found = slices.expected(experiment.resolved())
    assert {"check", *found} == set(recorded)
    different = [name for name, sums in found.items() if not slices.agrees(sums, recorded[name])]
    assert not different


@GROUPS[0]
def test_groups_are_kept_together(request: pytest.FixtureRequest) -> None:
    """Where tests run side by side: else those of one tree would meet what others left in theirs.

    pytest-xdist tells groups by the end of a test's name, which pytest 9.2 does not let it write any more.
    """
    if request.config.getoption("dist", "no") == "loadgroup":
        assert request.node.nodeid.endswith("@even")


def test_entries_of_the_ledger_are_small() -> None:
    """Every job reads and writes all of it: an entry is a line for the job, and four or five for each file of its."""
    stages: dict[str, int] = {}
    for line in (ROOT / "dvc.lock").read_text(encoding="utf-8").splitlines()[2:]:
        if re.fullmatch(r"  \S+:", line):
            stages[line.strip(" :")] = 0
        stages[list(stages)[-1]] += 1
    wide = ("clean", "release", "report")
    assert max(lines for name, lines in stages.items() if name.split("@")[0] not in wide) <= 31
    assert max(lines for name, lines in stages.items() if name != "report") <= 36


@GROUPS[1]
def test_both_doors_write_the_same_ledger(built_by_snakemake: Tree, built_by_dvc: Tree) -> None:
    """Guarantees 1 and 2: two clean rebuilds, one through each door, agree on every checksum."""
    ours, theirs = built_by_snakemake.lock(), built_by_dvc.lock()
    assert set(ours) == set(theirs)
    different = [name for name in ours if ours[name] != theirs[name]]
    assert not different


@GROUPS[1]
def test_after_either_door_the_other_has_nothing_left(built_by_snakemake: Tree, built_by_dvc: Tree) -> None:
    """Guarantee 1: no job to start, no stage to run, no file out of date."""
    for tree in (built_by_snakemake, built_by_dvc):
        ledger = (tree.root / "dvc.lock").read_bytes()
        assert tree.jobs() == []
        assert tree.repro() == []
        assert tree.run("dvc", "status").stdout.strip() == "Data and pipelines are up to date."
        assert (tree.root / "dvc.lock").read_bytes() == ledger


@GROUPS[1]
def test_no_artifact_depends_on_place_or_time(built_by_snakemake: Tree, built_by_dvc: Tree) -> None:
    """No path of a machine in any text artifact; the two trees stand in different places and were built in turn."""
    for tree in (built_by_snakemake, built_by_dvc):
        for folder in ("data", "results"):
            for file in (tree.root / folder).rglob("*"):
                if file.suffix in (".json", ".csv", ".md", ".html", ".jsonl", ".svg"):
                    assert str(tree.root) not in file.read_text(encoding="utf-8"), file


def test_forty_jobs_at_once_do_not_fail_on_the_lock(tmp_path: Path) -> None:
    """Snakemake may start as many jobs as it likes: each waits for DVC's lock."""
    tree = Tree(tmp_path)
    (tmp_path / "dvc.yaml").write_text(
        "stages:\n  write:\n    foreach: ${names}\n    do:\n"
        "      cmd: mkdir -p out && echo ${key} > out/${key}.txt\n      outs:\n        - out/${key}.txt\n"
    )
    (tmp_path / "params.yaml").write_text("names:\n" + "".join(f"  n{number}: 1\n" for number in range(40)))
    (tmp_path / "Snakefile").write_text(
        'rule all:\n    input: expand("out/n{number}.txt", number=range(40))\n'
        'rule write:\n    output: "out/{name}.txt"\n'
        '    shell: "dvc --wait-for-lock repro --single-item write@{wildcards.name}"\n'
    )
    tree.run("git", "init", "--quiet")
    tree.run("dvc", "init", "--quiet")
    tree.run("snakemake", "--cores", "40")
    assert len(tree.lock()) == 40


SOURCES = "opus100,ru_hnp,sberquad"
MERGED = "merge@full evaluate@full release@full report"
CONTRASTED = f"contrast@full {MERGED}"

# Block of the parameters: what is edited, and every stage that may run for it: those that the edit reaches, up to where
# bytes come out equal. `report` prints all parameters, so it follows every edit.
REACHES = {
    "hub": (
        "licence: cc-by-sa-4.0}\n    merionum",
        'licence: cc-by-sa-4.0, files: ["*", "none/*"]}\n    merionum',
        "check hub report",
    ),
    "benchmark": (
        "TERRa: {dataset: mteb/TERRa}",
        "TERRa: {dataset: mteb/TERRa, language: rus}",
        "check benchmark evaluate@full,untrained release@full report",
    ),
    "collect": (
        "sberquad: {adapter",
        "sberquad: {cap: 99999, adapter",
        "check collect@sberquad deduplicate release@full report",
    ),
    "clean": ("min_characters: 3", "min_characters: 2", f"check clean@{SOURCES} report"),
    "deduplicate": ("similarity: 0.85", "similarity: 0.99", "check deduplicate report"),
    "mine": (
        "negatives: 7\n  seed: 0",
        "negatives: 7\n  seed: 1",
        f"check mine@{SOURCES} mix@basic_russian,full {CONTRASTED}",
    ),
    # Nothing names these.
    "pools": ("\npretrain:\n", "\npools:\n  all: {groups: [basic_russian]}\n\npretrain:\n", "check report"),
    "minings": ("\npretrain:\n", "\nminings:\n  wide: {negatives: 9}\n\npretrain:\n", "check report"),
    "pretrain": (
        "mask_probability: 0.15",
        "mask_probability: 0.2",
        "check pretrain@ru_en contrast@full merge@full evaluate@full,untrained release@full report",
    ),
    "contrast": ("temperature: 0.02", "temperature: 0.03", f"check {CONTRASTED}"),
    "merge": ("merge:\n  base_share: 0.1", "merge:\n  base_share: 0.3", f"check {MERGED}"),
    "evaluate": ("seed: 42", "seed: 43", "check evaluate@full,untrained release@full report"),
    "release": ("encoders:\n", "release: {licence: mit}\n\nencoders:\n", "check release@full report"),
    "encoders": (
        "mixture: full, pretrain: {}",
        "mixture: full, pretrain: {base_share: 0.5}",
        "check pretrain@ru_en contrast@full merge@full evaluate@full,untrained release@full report",
    ),
    "mixtures": (
        "basic_russian: {groups: [basic_russian]}",
        "basic_russian: {groups: [basic_russian], without: [opus100]}",
        "check deduplicate mix@basic_russian report",
    ),
    "runs": ("seed: 0, contrast: {}", "seed: 1, contrast: {}", f"check {CONTRASTED}"),
    "models": (
        "weights: results/encoders/ru_en, prompts: rosberta",
        "weights: results/encoders/ru_en, prompts: none",
        "check evaluate@untrained release@full report",
    ),
}


def behind(jobs: list[str]) -> set[str]:
    """The stages that read, at whatever remove, what these jobs write."""
    found = {job.split("@")[0] for job in jobs}
    for name, stage in FLOW.items():  # in order, so once is enough
        if found & set(stage.reads):
            found.add(name)
    return found


@pytest.fixture(scope="module")
def edited(built_by_dvc: Tree, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A built tree that is edited and set back, block after block."""
    return copied(built_by_dvc, tmp_path_factory.mktemp("edited"))


def test_every_block_is_edited() -> None:
    """The table above has a row for each block of the parameters."""
    assert list(REACHES) == list(Experiment.model_fields)


@pytest.mark.parametrize("block", [pytest.param(block, marks=GROUPS[place % 2]) for place, block in enumerate(REACHES)])
def test_an_edit_reruns_what_it_reaches_and_nothing_else(edited: Tree, block: str) -> None:
    """Guarantee 3: exactly the stages that the edit reaches run; set back, none does."""
    old, new, expected = REACHES[block]
    edited.edit(old, new)
    # The two doors take turns, so that both are held to it without doubling the time.
    by_snakemake = block in ("clean", "merge", "mixtures", "models")
    started = edited.jobs()
    ran = edited.snakemake() if by_snakemake else sorted(edited.repro())
    # Snakemake starts no job that the edit does not reach; those behind it it starts before it knows their inputs.
    assert {job.split("@")[0] for job in started if job not in ran} <= behind(sorted({*keyed(expected)} - {"check"}))
    assert ran == keyed(expected)
    edited.edit(new, old)
    assert (edited.repro() if by_snakemake else edited.snakemake()) == []
    # What DVC restored is new to Snakemake, which starts jobs behind it that have nothing to do.
    assert (edited.snakemake() if by_snakemake else edited.repro()) == []


@GROUPS[0]
def test_an_edit_that_is_only_told_reaches_what_tells_it(edited: Tree) -> None:
    """A licence stands in the report's tables and on cards, and decides nothing."""
    edited.edit("licence: cc-by-sa-4.0}\n    merionum", "licence: cc-by-sa}\n    merionum")
    assert sorted(edited.repro()) == ["check", "release@full", "report"]
    edited.edit("licence: cc-by-sa}\n    merionum", "licence: cc-by-sa-4.0}\n    merionum")
    assert edited.repro() == []


# A module, and every stage whose code it is a part of. Nothing but a comment changes, so bytes come out equal.
CODE = {
    "report/svg.py": "check report",
    "corpus/adapters/sberquad.py": "check collect@sberquad",
    "encoder/slerp.py": "check pretrain@ru_en merge@full",
    "commands/cost.py": "check",
}


@pytest.mark.parametrize("module", [pytest.param(name, marks=GROUPS[place % 2]) for place, name in enumerate(CODE)])
def test_an_edit_of_code_reruns_what_it_reaches_and_nothing_else(edited: Tree, module: str) -> None:
    """Through either door, without anything being written by hand; set back, nothing runs."""
    path = edited.root / "workflow/rosberta" / module
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}# A comment.\n", encoding="utf-8")
    by_snakemake = module == "encoder/slerp.py"
    ran = edited.snakemake() if by_snakemake else edited.repro()
    assert sorted(ran) == keyed(CODE[module])
    path.write_text(before, encoding="utf-8")
    assert (edited.repro() if by_snakemake else edited.snakemake()) == []
    assert (edited.snakemake() if by_snakemake else []) == []


@GROUPS[1]
def test_a_comment_or_another_order_runs_nothing(edited: Tree) -> None:
    """What does not change a value is looked at by `check`, and changes nothing."""
    path = edited.root / "params.yaml"
    before = path.read_text(encoding="utf-8")
    blocks = [block for block in before.split("\n\n") if block.strip()]
    path.write_text("# A comment.\n" + "\n\n".join(reversed(blocks)) + "\n", encoding="utf-8")
    assert parameters.read(path) == parameters.read(ROOT / "workflow/presets/tiny.yaml")
    assert edited.jobs() == []
    assert edited.repro() == ["check"]
    assert edited.snakemake() == []
    path.write_text(before, encoding="utf-8")
    assert edited.repro() == []


@GROUPS[1]
def test_a_deleted_output_is_restored_not_recomputed(edited: Tree) -> None:
    """Files and folders, through either door."""
    lost = [Path("data/mined/sberquad.parquet"), Path("results/runs/full/contrasted")]
    for door, path in itertools.product((edited.snakemake, edited.repro), lost):
        whole = edited.root / path
        shutil.rmtree(whole) if whole.is_dir() else whole.unlink()
        assert door() == []
        assert whole.exists()


@GROUPS[0]
def test_a_clone_with_pulled_data_has_nothing_to_compute(edited: Tree, tmp_path: Path) -> None:
    """After clone and `dvc pull` neither door computes anything, and both still notice an edit."""
    edited.run("dvc", "remote", "add", "--default", "store", str(tmp_path / "store"))
    edited.run("dvc", "push", "--quiet")
    commit(edited)
    edited.run("git", "clone", "--quiet", str(edited.root), str(tmp_path / "clone"))
    clone = Tree(tmp_path / "clone")
    clone.run("dvc", "pull", "--quiet")
    assert clone.repro() == []
    assert clone.snakemake() == []
    assert clone.jobs() == []
    clone.edit("temperature: 0.02", "temperature: 0.04")
    assert "contrast@full" in clone.jobs()
    assert list(json.loads(clone.run("dvc", "status", "--json").stdout)) == ["check"]
    assert clone.repro("check") == ["check"]
    changed = sorted(json.loads(clone.run("dvc", "status", "--json").stdout))
    assert changed == ["contrast@full", "release@full", "report"]
    assert ["check", *clone.snakemake()] == keyed(REACHES["contrast"][2])


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("negatives: 7\n  seed", "negatifs: 7\n  seed", 'mine.negatifs: unknown key; did you mean "negatives"?'),
        ("first_rank: 5", "first_rank: -5", "mine.first_rank: input should be greater than or equal to 0, found -5"),
        ("encoder: ru_en", "encoder: ru-en", "runs.full.encoder: 'ru-en' is not in encoders; did you mean \"ru_en\"?"),
    ],
)
def test_a_mistake_in_the_parameters_stops_both_doors(
    built_by_dvc: Tree, tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    """An unknown key, a value out of range, a typo in a name: one clear line, before anything runs."""
    tree = copied(built_by_dvc, tmp_path)
    tree.edit(old, new)
    for door in (["snakemake", "--cores", "1"], ["dvc", "repro"]):
        done = tree.run(*door, check=False)
        said = done.stdout + done.stderr
        assert done.returncode != 0
        assert sentence in said
        assert "Traceback" not in said
        assert set(re.findall(r"^Running stage '([^']+)'", said, re.MULTILINE)) <= {"check"}
