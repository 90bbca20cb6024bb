"""The code of a stage is what it imports, as an independent reading of the imports finds it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import grimp
import pytest
from rosberta.frame import code
from rosberta.frame.code import closure, code_of
from rosberta.frame.flow import FLOW
from support.trees import ROOT

CARRIERS = ("rosberta.frame", "rosberta.experiment", "rosberta.outside")
DECIDING = {"rosberta.frame.flow", "rosberta.frame.rows", "rosberta.frame.weights"}
"""What carries bytes and decides none, and what of it does: said here once more, so that no list grows unseen."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Every import between modules of the project, but those for the type checker."""
    return grimp.build_graph("rosberta", "miniature", exclude_type_checking_imports=True, cache_dir=None)


def reached(graph: grimp.ImportGraph, stage: str) -> set[str]:
    """What a stage imports, whatever the depth, less the rooms that decide nothing."""
    carriers = [room for room in CARRIERS if (stage, room) != ("rosberta.stages.hub", "rosberta.outside")]
    found: set[str] = set()
    waiting = {stage}
    while waiting:
        module = waiting.pop()
        carried = any(f"{module}.".startswith(f"{room}.") for room in carriers) and module not in DECIDING
        if module in found or module == "rosberta" or (carried and module != stage):
            continue
        found.add(module)
        waiting |= graph.find_modules_directly_imported_by(module)
        room = module.rpartition(".")[0]
        waiting |= {room} if room.count(".") else set()
    return found


@pytest.mark.parametrize("stage", FLOW)
def test_the_closure_of_a_stage_is_that_of_its_imports(graph: grimp.ImportGraph, stage: str) -> None:
    """No module that decides a stage's bytes is missing, and none is there that it does not import."""
    assert closure(f"rosberta.stages.{stage}") == reached(graph, f"rosberta.stages.{stage}")


def test_code_is_known_by_its_content() -> None:
    """Sums are those of the files, and what lies beside a module counts with it."""
    sums = code_of("rosberta.stages.report")
    beside = ("report/page.css", "report/page.html.j2", "report/loss.json", "published/scores.csv", "costs/gpus.csv")
    for name in ("rosberta/stages/report.py", *(f"rosberta/{name}" for name in beside)):
        content = (ROOT / "workflow" / name).read_bytes()
        assert sums[name] == hashlib.md5(content).hexdigest()
    assert not [name for name in sums if not (ROOT / "workflow" / name).is_file()]


def test_what_counts_where() -> None:
    """The report's code is not evaluation's; an adapter's code is that of the sources that name it."""
    scoring = code_of("rosberta.stages.evaluate")
    assert not [name for name in scoring if name.startswith(("rosberta/report", "rosberta/costs", "rosberta/doors"))]
    assert {"rosberta/encoder/folder.py", "rosberta/frame/weights.py"} <= set(scoring)
    assert "rosberta/frame/rows.py" in code_of("rosberta.stages.collect")
    assert "rosberta/frame/flow.py" in code_of("rosberta.stages.report")
    alone = code_of("rosberta.stages.collect")
    named = code_of("rosberta.stages.collect", "rosberta.corpus.adapters.sberquad")
    assert set(named) - set(alone) == {"rosberta/corpus/adapters/sberquad.py", "rosberta/corpus/adapters/pairs.py"}
    assert {"miniature/world/world.py", "rosberta/outside/hub.py", "rosberta/outside/selection.py"} <= set(
        code_of("rosberta.stages.hub")
    )


def test_imports_for_the_type_checker_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor do names that are no module; imports in functions do."""
    room = tmp_path / "rosberta/room"
    room.mkdir(parents=True)
    (tmp_path / "rosberta/__init__.py").touch()
    (room / "__init__.py").touch()
    (room / "a.py").write_text(
        "from typing import TYPE_CHECKING\nfrom rosberta.room.b import name\n"
        "if TYPE_CHECKING:\n    from rosberta.room.c import T\n"
        "def f():\n    from rosberta.room import d\n    return d, name\n"
    )
    for name in "bcd":
        (room / f"{name}.py").write_text("name = T = 1\n")
    monkeypatch.setattr(code, "PACKAGES", tmp_path)
    code.forget()
    try:
        assert code.imports("rosberta.room.a") == {"rosberta.room", "rosberta.room.b", "rosberta.room.d"}
    finally:
        code.forget()


def test_code_that_was_edited_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it is said to be forgotten."""
    (tmp_path / "rosberta").mkdir()
    (tmp_path / "rosberta/__init__.py").touch()
    (tmp_path / "rosberta/a.py").write_text("x = 1\n")
    monkeypatch.setattr(code, "PACKAGES", tmp_path)
    code.forget()
    try:
        before = code_of("rosberta.a")
        (tmp_path / "rosberta/a.py").write_text("x = 2\n")
        code.forget()
        assert code_of("rosberta.a") != before
    finally:
        code.forget()
