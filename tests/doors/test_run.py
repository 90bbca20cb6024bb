"""A job is held to what `check` laid down for it, so that nothing is recorded as what it was not."""

from __future__ import annotations

from pathlib import Path

import pytest
from rosberta.doors import run
from rosberta.doors.run import run_stage
from rosberta.frame.mistakes import Mistake
from rosberta.stages import mix
from support.trees import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tiny experiment, checked, and a stage `mix` that does what it is told to."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "workflow/presets/tiny.yaml").read_bytes())
    run_stage("check", None)
    return tmp_path


def edit(project: Path, old: str, new: str) -> None:
    """Replace some text of the parameters."""
    text = (project / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    (project / "params.yaml").write_text(text.replace(old, new), encoding="utf-8")


WITHOUT = ("basic_russian: {groups: [basic_russian]}", "basic_russian: {groups: [basic_russian], without: [opus100]}")


def test_an_edit_since_check_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any work, with the parameter that changed; another job's edit is none of this one's."""
    done: list[str] = []
    monkeypatch.setattr(mix, "run", lambda experiment, key: done.append(key))
    edit(project, *WITHOUT)
    with pytest.raises(Mistake, match=r"mix@basic_russian: .*sources_of\.basic_russian changed since `check` ran"):
        run_stage("mix", "basic_russian")
    run_stage("mix", "full")
    assert done == ["full"]
    run_stage("check", None)
    run_stage("mix", "basic_russian")
    assert done == ["full", "basic_russian"]


def test_an_edit_during_the_work_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job fails, so that neither door records it."""
    monkeypatch.setattr(mix, "run", lambda experiment, key: edit(project, *WITHOUT))
    with pytest.raises(Mistake, match="changed since `check` ran; nothing is recorded"):
        run_stage("mix", "basic_russian")


def test_an_edit_of_code_during_the_work_is_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read anew when the work is done."""
    monkeypatch.setattr(mix, "run", lambda experiment, key: None)
    forget = run.forget
    stock = run.slice_of

    def edited() -> None:
        forget()
        monkeypatch.setattr(
            run, "slice_of", lambda *job: {**stock(*job), "code": {"rosberta/stages/mix.py": "another"}}
        )

    monkeypatch.setattr(run, "forget", edited)
    with pytest.raises(Mistake, match=r"mix@basic_russian: .*rosberta/stages/mix\.py"):
        run_stage("mix", "basic_russian")


def test_by_hand_without_check_a_stage_just_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to hold it to, and nothing is recorded."""
    (project / "data/check/mix@full.json").unlink()
    done: list[str] = []
    monkeypatch.setattr(mix, "run", lambda experiment, key: done.append(key))
    run_stage("mix", "full")
    assert done == ["full"]


def test_a_run_has_its_own_threads(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run, or an encoder, says for itself counts."""
    from rosberta.stages import contrast

    edit(project, "seed: 0, contrast: {}", "seed: 0, contrast: {threads: 2}")
    run_stage("check", None)
    asked: list[int] = []
    monkeypatch.setattr(run, "settle", lambda threads, **_: asked.append(threads))
    monkeypatch.setattr(contrast, "run", lambda experiment, key: None)
    run_stage("contrast", "full")
    assert asked == [2]


def test_weights_that_change_during_the_work_are_refused(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC looks at a folder of one's own when the work is done, and would record what was not scored."""
    (project / "mine").mkdir()
    (project / "mine/model.safetensors").write_bytes(b"one")
    edit(project, "weights: results/encoders/ru_en", "weights: mine")
    run_stage("check", None)
    monkeypatch.setattr(run, "call", lambda *_: None)
    run_stage("evaluate", "untrained")
    monkeypatch.setattr(run, "call", lambda *_: (project / "mine/model.safetensors").write_bytes(b"two"))
    with pytest.raises(Mistake, match=r"evaluate@untrained: mine changed in the meantime; nothing is recorded"):
        run_stage("evaluate", "untrained")
