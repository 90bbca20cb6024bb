"""Trees to try the project in: a fresh clone of the working tree, and the tiny experiment in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def merged(data: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Add a snippet's entries to the parameters, block by block."""
    for key, value in more.items():
        data[key] = merged(data.get(key, {}), value) if isinstance(value, dict) else value
    return data


@dataclass(frozen=True)
class Tree:
    """A checkout of the project somewhere, and its two doors."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """This environment's programs and the tree's own package."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("ROSBERTA_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root / "workflow"),
            "OMP_NUM_THREADS": "1",
        }

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in the tree."""
        done = subprocess.run(command, cwd=self.root, env=self.environment, text=True, capture_output=True, check=False)
        if check and done.returncode:
            logs = "\n".join(f"== {log}\n{log.read_text()[-3000:]}" for log in (self.root / "logs").rglob("*.log"))
            raise AssertionError(
                f"{' '.join(command)} failed:\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}\n{logs[-6000:]}"
            )
        return done

    def repro(self, *targets: str) -> list[str]:
        """Go through DVC's door; return the stages whose commands really ran, in order."""
        done = self.run("dvc", "repro", *targets)
        return re.findall(r"^Running stage '([^']+)'", done.stdout + done.stderr, re.MULTILINE)

    def snakemake(self) -> list[str]:
        """Go through Snakemake's door; return the stages whose commands really ran, sorted."""
        shutil.rmtree(self.root / "logs", ignore_errors=True)
        self.run("snakemake", "--cores", "2")
        logs = [log.read_text() for log in (self.root / "logs").rglob("*.log")]
        return sorted(stage for log in logs for stage in re.findall(r"^Running stage '([^']+)'", log, re.MULTILINE))

    def jobs(self) -> list[str]:
        """The jobs that Snakemake would start, as ``stage`` or ``stage@key``, sorted."""
        done = self.run("snakemake", "--dry-run", "--printshellcmds")
        return sorted(re.findall(r"repro (\S+) logs/", done.stdout + done.stderr))

    def edit(self, old: str, new: str) -> None:
        """Replace a line's text in ``params.yaml``; the text must stand there once."""
        path = self.root / "params.yaml"
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, (old, text.count(old))
        path.write_text(text.replace(old, new), encoding="utf-8")

    def lock(self) -> dict:
        """The ledger."""
        from ruamel.yaml import YAML

        return YAML(typ="safe").load((self.root / "dvc.lock").read_text(encoding="utf-8"))["stages"]


def cloned(folder: Path) -> Tree:
    """A git checkout of the working tree as it is now, without artifacts, records or ledger."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and name != "dvc.lock" and ((ROOT / name).is_file() or (ROOT / name).is_symlink()):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    tree = Tree(folder)
    tree.run("git", "init", "--quiet")
    commit(tree)
    return tree


def commit(tree: Tree) -> None:
    """Commit everything in the tree."""
    tree.run("git", "add", "--all")
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    tree.run("git", *identity, "commit", "--quiet", "--message", "State", "--allow-empty")


def tiny(folder: Path) -> Tree:
    """A fresh clone with the tiny experiment as its parameters."""
    tree = cloned(folder)
    tree.run("python", "-m", "rosberta", "preset", "tiny")
    commit(tree)
    return tree


def copied(tree: Tree, folder: Path) -> Tree:
    """The same tree somewhere else, with its cache and records."""
    shutil.copytree(tree.root, folder / "tree", symlinks=True)
    return Tree(folder / "tree")


def keyed(stages: str) -> list[str]:
    """Spell out ``stage@a,b`` for the expectations below."""
    spelled = []
    for stage in stages.split():
        name, _, keys = stage.partition("@")
        spelled += [f"{name}@{key}" for key in keys.split(",")] if keys else [name]
    return sorted(spelled)
