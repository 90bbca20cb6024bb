"""What DVC's ledger costs a job, by the number of stages.

    python benchmarks/ledger/ledger.py TREE                                  # 86, 300 and 1000 stages
    python benchmarks/ledger/ledger.py TREE --stages 300 --lines 30          # were an entry no longer than 30 lines
    python benchmarks/ledger/ledger.py TREE --stages 86 --jobs 1 2 4 8       # jobs beside one another, too

TREE is a tree of this project that is built: ``dvc status`` finds nothing to do. It is copied, and its experiment is
made larger by repeating the entries of ``params.yaml`` that stages are made from, and with them those of ``dvc.lock``,
under new keys. One of the tree's own stages is measured, with a command that writes nothing but the time:

- ``read``, ``rewrite``: the whole ledger, with DVC's own functions
- ``status``: ``dvc status STAGE``
- ``no-op``: ``dvc repro --single-item STAGE`` where there is nothing to do
- ``recorded``: the same after an edit of a dependency, so that the stage runs and is recorded
- ``N beside``: N jobs of the stage's group at once, each recorded

Seconds are the least of the repeats: of the processor, and by the clock. DVC is that of the Python that runs this.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dvc.utils.serialize import dump_yaml, dumps_yaml, load_yaml

LEFT_OUT = (".venv", ".git", "__pycache__", ".scratch", "conda", "tmp")
"""Folders of a tree that no stage needs."""

WITHIN = """
import time
from dvc.utils.serialize import load_yaml, modify_yaml
load_yaml("empty.yaml")  # what is imported at first use
cpu, clock = time.process_time(), time.perf_counter()
{}
print(time.process_time() - cpu, time.perf_counter() - clock)
"""
READ, REWRITE = 'load_yaml("dvc.lock")', 'with modify_yaml("dvc.lock"): pass'

Times = tuple[float, float]
"""Seconds of the processor, and by the clock."""


# The larger experiment


def enlarge(tree: Path, number: int, stage: str, lines: int | None) -> int:
    """Give a tree's experiment about so many stages, and return how many they are."""
    parameters, stages, ledger = (load_yaml(tree / name) for name in ("params.yaml", "dvc.yaml", "dvc.lock"))
    group = stages["stages"][stage.partition("@")[0]]
    group = group.get("do", group)
    group["cmd"] = "; ".join(f"date +%s%N > {out}" for out in group["outs"])

    mappings = {name: each["foreach"][2:-1] for name, each in stages["stages"].items() if "foreach" in each}
    single = len(stages["stages"]) - len(mappings)
    factor = (number - single) / sum(len(at(parameters, path)) for path in mappings.values())
    copies = {path: repeat(at(parameters, path), factor) for path in set(mappings.values())}

    entries = ledger["stages"]
    for name, path in mappings.items():
        for key, new in copies[path]:
            if original := entries.get(f"{name}@{key}"):
                entries[f"{name}@{new}"] = renamed(original, key, new)
    for name, entry in entries.items():
        values = entry.get("params", {}).get("params.yaml", {})
        values.update({path: copy.deepcopy(at(parameters, path)) for path in values})
        if lines and name != stage:
            shorten(entry, lines)
    entries[stage]["cmd"] = group["cmd"].replace("${key}", stage.partition("@")[2])

    dump_yaml(tree / "params.yaml", parameters)
    dump_yaml(tree / "dvc.yaml", stages)
    dump_yaml(tree / "dvc.lock", ledger)
    return len(entries)


def at(parameters: Mapping[str, Any], path: str) -> Any:
    """The value at a path with dots."""
    for part in path.split("."):
        parameters = parameters[part]
    return parameters


def repeat(mapping: dict[str, Any], factor: float) -> list[tuple[str, str]]:
    """Make a mapping so many times as large, and return the keys repeated, each with its new one."""
    keys = list(mapping)
    pairs = [(keys[i % len(keys)], f"{keys[i % len(keys)]}_{i // len(keys)}") for i in range(round(factor * len(keys)))]
    pairs = pairs[len(keys) :]
    mapping.update({new: copy.deepcopy(mapping[key]) for key, new in pairs})
    return pairs


def renamed(value: Any, key: str, new: str) -> Any:
    """A ledger's entry with one key for another, wherever it stands as a whole word."""
    if isinstance(value, dict):
        return {renamed(name, key, new): renamed(each, key, new) for name, each in value.items()}
    if isinstance(value, list):
        return [renamed(each, key, new) for each in value]
    return re.sub(rf"(?<![\w-]){re.escape(key)}(?![\w-])", new, value) if isinstance(value, str) else value


def shorten(entry: dict[str, Any], lines: int) -> None:
    """Drop parameters, and then dependencies, until an entry has no more than so many lines."""
    values = entry.get("params", {}).get("params.yaml", {})
    while dumps_yaml(entry).count("\n") + 1 > lines:
        if values:
            values.pop(max(values, key=lambda name: len(str(values[name]))))
        elif entry.get("deps"):
            entry["deps"].pop()
        else:
            return


# What is measured


def timed(act: Callable[[], object]) -> Times:
    """Seconds that the processes take which an act starts."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    act()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.perf_counter() - start


def least(repeats: int, act: Callable[[], object], prepare: Callable[[], object] = lambda: None) -> Times:
    """The least of the repeats, after one that is not counted."""
    found = []
    for _ in range(repeats + 1):
        prepare()
        found.append(timed(act))
    return min(cpu for cpu, _ in found[1:]), min(clock for _, clock in found[1:])


class Tree:
    """A copy of a built tree, and what is run in it."""

    def __init__(self, tree: Path, folder: Path, stage: str, number: int, lines: int | None) -> None:
        self.path, self.stage = folder / "tree", stage
        shutil.copytree(tree, self.path, symlinks=True, ignore=shutil.ignore_patterns(*LEFT_OUT))
        self.environment = os.environ | {
            "PYTHONPATH": str(self.path / "workflow"),
            "DVC_SITE_CACHE_DIR": str(folder / "site"),
        }
        self.number = enlarge(self.path, number, stage, lines)
        self.edits = 0
        (self.path / "empty.yaml").write_text("{}\n")
        self.run("git", "init", "--quiet")

    def run(self, *command: str) -> str:
        """What a command prints; one that fails ends the measurement."""
        ended = subprocess.run(
            command, cwd=self.path, env=self.environment, capture_output=True, text=True, check=False
        )
        if ended.returncode:
            raise SystemExit(f"{' '.join(command)}: {ended.stdout[-2000:]}{ended.stderr[-2000:]}")
        return ended.stdout + ended.stderr

    def dvc(self, *arguments: str) -> str:
        """What `dvc` prints."""
        return self.run(sys.executable, "-m", "dvc", *arguments)

    def within(self, code: str) -> Times:
        """What a line of Python takes, in a process of its own, without the process's start."""
        cpu, clock = self.run(sys.executable, "-c", WITHIN.format(code)).split()
        return float(cpu), float(clock)

    def repro(self, expect: str = "") -> None:
        """Run the stage as a rule of the workflow does."""
        printed = self.dvc("--wait-for-lock", "repro", "--single-item", self.stage)
        if expect not in printed:
            raise SystemExit(f"{self.stage}: not as expected ({expect}):\n{printed}")

    def dependency(self) -> Path:
        """A file that the stage depends on, of its own code if there is one."""
        entry = load_yaml(self.path / "dvc.lock")["stages"][self.stage]
        files = [dep["path"] for dep in entry["deps"] if (self.path / dep["path"]).is_file()]
        return self.path / max(files, key=lambda path: path.startswith("workflow/"))

    def edit(self) -> None:
        """Change the dependency's content, so that the stage runs."""
        path, self.edits = self.dependency(), self.edits + 1
        text = re.sub(r"\n# edit \d+\n$", "", path.read_text(encoding="utf-8"))
        path.unlink()
        path.write_text(f"{text}\n# edit {self.edits}\n", encoding="utf-8")

    def together(self, number: int) -> None:
        """So many jobs of the stage's group beside one another."""
        name, quiet = self.stage.partition("@")[0], subprocess.DEVNULL
        own = [each for each in load_yaml(self.path / "dvc.lock")["stages"] if each.partition("@")[0] == name]
        arguments = ("--wait-for-lock", "repro", "--single-item", "--force", "--no-run-cache")
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "dvc", *arguments, each],
                cwd=self.path,
                env=self.environment,
                stdout=quiet,
                stderr=quiet,
            )
            for each in own[:number]
        ]
        codes = [job.wait() for job in started]  # of all, so that none is left running
        if len(started) < number or any(codes):
            raise SystemExit(f"{number} jobs of {name} beside one another failed")


def measure(tree: Tree, repeats: int, jobs: list[int]) -> Iterator[tuple[str, Times]]:
    """What each act takes, one after the other."""
    for name, how in ("read", READ), ("rewrite", REWRITE):
        found = [tree.within(how) for _ in range(repeats)]
        yield name, (min(cpu for cpu, _ in found), min(clock for _, clock in found))
    tree.repro()
    yield "status", least(repeats, lambda: tree.dvc("status", tree.stage))
    yield "no-op", least(repeats, lambda: tree.repro(expect="didn't change"))
    yield "recorded", least(repeats, lambda: tree.repro(expect="Updating lock file"), tree.edit)
    for number in jobs:
        yield f"{number} beside", least(repeats, lambda number=number: tree.together(number))


def main() -> None:
    """Print a table, or a line of JSON for each number of stages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path, help="a built tree of this project")
    parser.add_argument("--stages", type=int, nargs="+", default=[86, 300, 1000], help="how many stages, about")
    parser.add_argument("--stage", default="collect@dino_sts", help="the stage measured; its outputs are files")
    parser.add_argument("--lines", type=int, help="shorten every other entry of the ledger to so many lines")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--jobs", type=int, nargs="*", default=[], help="also run so many jobs beside one another")
    parser.add_argument("--json", action="store_true", help="a line of JSON each, with the seconds by the clock too")
    settings = parser.parse_args()

    for row, number in enumerate(settings.stages):
        with TemporaryDirectory() as folder:
            tree = Tree(settings.tree.resolve(), Path(folder), settings.stage, number, settings.lines)
            size = (tree.path / "dvc.lock").read_text(encoding="utf-8").count("\n")
            found = dict(measure(tree, settings.repeats, settings.jobs))
            if settings.json:
                rounded = {name: [round(each, 3) for each in times] for name, times in found.items()}
                print(json.dumps({"stages": tree.number, "lines": size, **rounded}), flush=True)
                continue
            if not row:
                print(f"| stages | lines | {' | '.join(found)} |\n|{'---|' * (len(found) + 2)}")
            cells = " | ".join(f"{cpu:.2f} ({clock:.2f})" for cpu, clock in found.values())
            print(f"| {tree.number} | {size} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
