"""Every command of the README runs, every snippet is valid, every room and stage it names is there."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest
from rosberta.doors import parameters
from rosberta.frame.flow import FLOW
from support.trees import ROOT, Tree, copied, merged

README = (ROOT / "README.md").read_text(encoding="utf-8")


pytestmark = [pytest.mark.built, pytest.mark.xdist_group("readme")]


def blocks(language: str) -> list[str]:
    """The README's code blocks in one language."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    return [block for name, block in found if name == language]


COMMANDS = [line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def tree(built_by_dvc: Tree, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A built tree whose `.venv` is the environment that runs these tests."""
    copy = copied(built_by_dvc, tmp_path_factory.mktemp("readme"))
    (copy.root / ".venv").mkdir()
    (copy.root / ".venv/bin").symlink_to(Path(sys.executable).parent)
    for marker in ("installed-cpu", "installed-test"):
        (copy.root / ".venv" / marker).touch()
    return copy


def check_page(tree: Tree, command: str) -> None:
    """Start the page, ask it for the nearest texts, and end it as its user would."""
    started = subprocess.Popen(
        [*shlex.split(command), "--no-browser"], cwd=tree.root, env=tree.environment, stderr=subprocess.PIPE, text=True
    )
    assert started.stderr is not None
    said: list[str] = []
    try:
        for line in started.stderr:
            said.append(line)
            if found := re.search(r"the page is (http://\S+/);", line):
                opened = build_opener(ProxyHandler({})).open(
                    f"{found[1]}search?{urlencode({'q': 'мост', 'in': 'TERRa'})}"
                )
                assert [len(shown) for shown in json.load(opened)["models"].values()] == [10, 10]
                break
        else:
            raise AssertionError((command, said))
    finally:
        started.send_signal(signal.SIGINT)
        started.communicate(timeout=60)
    assert started.returncode == 0, said


def test_every_command_runs(tree: Tree) -> None:
    """The README's commands, in the README's order; what would run these tests again is only resolved."""
    assert len(COMMANDS) >= 10
    for command in COMMANDS:
        if command.startswith("python -m rosberta try"):
            check_page(tree, command)
            continue
        resolved = "make --dry-run test" if command == "make test" else command
        done = tree.run("bash", "-c", resolved, check=False)
        assert done.returncode == 0, (command, done.stdout[-2000:], done.stderr[-2000:])
        if command == "make":
            assert "results/report/report.html" in done.stdout


@pytest.mark.parametrize("snippet", blocks("yaml"))
def test_every_snippet_is_valid(snippet: str) -> None:
    """Each snippet can be added to the default experiment as it stands."""
    from ruamel.yaml import YAML

    before = parameters.read(ROOT / "params.yaml")
    after = merged(parameters.read(ROOT / "params.yaml"), YAML(typ="safe").load(snippet))
    assert after != before
    parameters.check(after)


def test_the_picture_of_the_flow_is_the_flow() -> None:
    """The diagram has the edges of the flow, and the table its stages in order."""
    edges = set()
    for line in blocks("mermaid")[0].splitlines()[1:]:
        sources, target = line.split("-->")
        edges |= {(source.strip(), target.strip()) for source in sources.split("&")}
    assert edges == {(read, name) for name, stage in FLOW.items() for read in stage.reads}
    assert re.findall(r"^\| `([a-z]+)(?:\[\w+\])?` \|", README, re.MULTILINE) == list(FLOW)


def test_every_room_exists() -> None:
    """The map names only what is there."""
    tree = next(block for block in blocks("") if "Snakefile  dvc.yaml" in block)
    stack: list[tuple[int, Path]] = [(-1, ROOT)]
    for line in tree.splitlines():
        indent = len(line) - len(line.lstrip())
        names = [name for name in re.split(r"\s{2,}", line.strip()) if re.fullmatch(r"[\w./*-]+", name)]
        while stack[-1][0] >= indent:
            stack.pop()
        for name in names:
            assert list(stack[-1][1].glob(name.rstrip("/"))), line
        if names and names[0].endswith("/"):
            stack.append((indent, stack[-1][1] / names[0]))


def test_every_named_file_exists() -> None:
    """Paths in the text are there, but for what a build writes."""
    for path in set(re.findall(r"`((?:workflow|tests|envs|benchmarks)/[\w./-]+)`", README)):
        assert (ROOT / path).exists(), path
    assert os.access(ROOT / ".ci/run", os.X_OK)
