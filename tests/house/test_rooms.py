"""The rooms of the house: the typed word is the file, nobody imports upward, and each room is tested in its own."""

from __future__ import annotations

import ast
import configparser
import importlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rosberta.__main__ import main
from rosberta.frame.flow import FLOW
from support.trees import ROOT

PACKAGE = ROOT / "workflow/rosberta"
CODE = [*(ROOT / "workflow").rglob("*.py"), *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
LONGEST = 400
"""Lines of a file of code: one that needs a map is two files."""


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Hold a copy of the packages to the floors."""
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--config", str(ROOT / ".importlinter")]
    path = f"import sys; sys.path[:0] = [{str(folder)!r}]; sys.argv = {command!r}; "
    run = path + "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=False, cwd=folder)


def test_the_floors_hold() -> None:
    """Every contract is kept."""
    done = lint(ROOT / "workflow")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "broken"),
    [
        ("rosberta/texts/draws.py", "from rosberta.training import curves", "stands below it BROKEN"),
        ("rosberta/stages/mix.py", "from rosberta.stages import mine", "imports another stage BROKEN"),
        ("rosberta/commands/cost.py", "from rosberta.stages import mix", "called by name BROKEN"),
        ("rosberta/utils/__init__.py", "", "not listed as layers"),
        ("miniature/world/relation.py", "from rosberta.frame import mistakes", "knows nothing of rosberta BROKEN"),
        ("rosberta/costs/bulk.py", "import miniature", "knows the miniature BROKEN"),
    ],
)
def test_what_breaks_the_floors_is_found(tmp_path: Path, file: str, line: str, broken: str) -> None:
    """An import upward, a stage that is imported, a new drawer."""
    for package in ("rosberta", "miniature"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "workflow" / package, tmp_path / package, ignore=ignored)
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.is_file() else '"""A drawer."""\n'
    path.write_text(f"{before}\n{line}\n", encoding="utf-8")
    done = lint(tmp_path)
    assert done.returncode != 0
    assert broken in done.stdout + done.stderr


def test_every_module_is_in_a_contract() -> None:
    """A room that is not on a floor fails; so do new packages beside the rooms."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    floors = contracts["importlinter:contract:floors"]["layers"].replace("|", "\n").split()
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms | {"__main__"} == set(floors)
    assert contracts["importlinter:contract:floors"]["exhaustive"] == "True"


def test_the_typed_word_is_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Stages and commands are modules of their names, and the help lists them apart, a line each."""
    stages = {path.stem for path in (PACKAGE / "stages").glob("[a-z]*.py")}
    commands = {path.stem for path in (PACKAGE / "commands").glob("[a-z]*.py")}
    assert stages == set(FLOW)
    assert not stages & commands
    for word in stages:
        assert callable(importlib.import_module(f"rosberta.stages.{word}").run)
    for word in commands:
        command = importlib.import_module(f"rosberta.commands.{word}")
        assert callable(command.run)
        assert callable(command.arguments)
        assert command.__doc__.startswith(f"Command `{word}`: ")
    assert main(["--help"]) == 0
    listed = re.findall(r"^  (\w+)(?: [A-Z]+)? {2,}\S", capsys.readouterr().out, re.MULTILINE)
    assert listed == [*FLOW, *sorted(commands)]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("mines", "'mines' is neither a stage nor a command; did you mean \"mine\"?"),
        ("plan", "'plan' is neither a stage nor a command"),
    ],
)
def test_an_unknown_word_is_a_mistake(capsys: pytest.CaptureFixture[str], typed: str, said: str) -> None:
    """One line, with the nearest word."""
    assert main([typed]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("word", ["collect", "compare", "cost", "pins", "preset", "schema", "score", "try"])
def test_a_word_says_what_it_takes(capsys: pytest.CaptureFixture[str], word: str) -> None:
    """`WORD --help` is of that word alone."""
    with pytest.raises(SystemExit) as ended:
        main([word, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m rosberta {word}")


def test_no_file_needs_a_map() -> None:
    """None of code has more than so many lines."""
    long = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in CODE}
    assert not {name: lines for name, lines in long.items() if lines > LONGEST}


def test_tests_mirror_the_rooms() -> None:
    """A folder of tests is a room, the miniature, the house, or what tests share; every stage has its file."""
    folders = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "__pycache__"}
    rooms = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - rooms == {"house", "miniature", "support"}
    for stage in FLOW:
        assert (ROOT / f"tests/stages/test_{stage}.py").is_file(), stage


def test_no_test_imports_another() -> None:
    """What tests share stands in `support`."""
    names = {path.stem for path in (ROOT / "tests").rglob("test_*.py")}
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            imported: list[str] = []
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in imported:
                # The room of evaluation has a module with such a name.
                assert name.startswith("rosberta.") or not names & set(name.split(".")), f"{path.name} imports {name}"


def test_names_are_imported_at_run_time_in_three_places_only() -> None:
    """What a stage imports by a name that no source holds would be missing from its code."""
    found = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\b(?:import_module|__import__)\(", path.read_text(encoding="utf-8"))
    }
    assert found == {"__main__.py", "doors/run.py", "corpus/adapters/__init__.py"}


def test_private_names_stay_in_their_module() -> None:
    """What another module needs has no underscore."""
    for path in (ROOT / "workflow").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("rosberta", "miniature")):
                private = [alias.name for alias in node.names if alias.name.startswith("_")]
                assert not private, f"{path.relative_to(ROOT)} imports {private} of {node.module}"
