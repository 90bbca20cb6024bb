"""Stage `check`: a file a job, and a mistake before anything is written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rosberta.__main__ import main
from rosberta.doors import parameters
from rosberta.frame.slices import slices
from support.trees import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the tiny experiment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "workflow/presets/tiny.yaml").read_bytes())
    return tmp_path


def test_each_job_gets_its_slice(project: Path) -> None:
    """And what was there of another experiment goes."""
    assert main(["check"]) == 0
    expected = slices(parameters.load().resolved())
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (project / "data/check").iterdir()}
    assert found == expected
    text = (project / "params.yaml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "results/encoders/ru_en, prompts" not in line]
    (project / "params.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert main(["check"]) == 0
    jobs = {path.stem for path in (project / "data/check").iterdir()}
    assert set(found) - jobs == {"evaluate@untrained"}


def test_equal_parameters_give_equal_bytes(project: Path) -> None:
    """Whatever their order and comments, and whether a default is said."""
    assert main(["check"]) == 0
    before = {path.name: path.read_bytes() for path in (project / "data/check").iterdir()}
    text = (project / "params.yaml").read_text(encoding="utf-8")
    blocks = [block for block in text.split("\n\n") if block.strip()]
    (project / "params.yaml").write_text("# A comment.\n" + "\n\n".join(reversed(blocks)) + "\n", encoding="utf-8")
    assert main(["check"]) == 0
    assert {path.name: path.read_bytes() for path in (project / "data/check").iterdir()} == before


def test_a_mistake_leaves_what_was_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, and the slices of the last valid experiment stay."""
    assert main(["check"]) == 0
    before = {path.name: path.read_bytes() for path in (project / "data/check").iterdir()}
    capsys.readouterr()
    text = (project / "params.yaml").read_text(encoding="utf-8")
    (project / "params.yaml").write_text(text.replace("temperature: 0.02", "temperature: -1"), encoding="utf-8")
    assert main(["check"]) == 1
    assert "contrast.temperature" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in (project / "data/check").iterdir()} == before
