"""A stage as two processes: the artifact of one, written once; a mistake is told once; nobody is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from rosberta.doors.launch import launch
from rosberta.frame.artifacts import ENCODERS, MINED, MIXTURES, RUNS, SCRATCH
from rosberta.frame.files import sha256, write_json
from rosberta.frame.rows import write_rows
from safetensors.numpy import load_file
from support.encoders import ENGLISH, RUSSIAN, mined_rows, write_roberta
from support.trees import ROOT

pytestmark = pytest.mark.distributed

CONTRASTED = RUNS / "full" / "contrasted"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the tiny experiment up to its run, whose steps are of three device batches.

    Of a gradient that is nothing but rounding (the keys' biases) AdamW's own epsilon would make whole steps.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    text = (ROOT / "workflow/presets/tiny.yaml").read_text(encoding="utf-8")
    assert "  devices: 1\n" in text
    (tmp_path / "params.yaml").write_text(
        text.replace("  devices: 1\n", "  devices: 3\n  epsilon: 0.0001\n"), encoding="utf-8"
    )
    write_roberta(ENCODERS / "ru_en", [*RUSSIAN, *ENGLISH])
    plan = {}
    for name in ("a", "b"):
        path = MINED / f"{name}.parquet"
        lines = mined_rows(name, 30, negatives=7)
        lines[3]["positives"] = [line["positive"] for line in lines if line is not lines[3]]
        write_rows(path, lines, {})
        plan[name] = {"sha256": sha256(path), "rows": 30, "prefix": "search"}
    write_json(MIXTURES / "full.json", {"mixture": "full", "rows": 60, "sources": plan})
    return tmp_path


def started(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command of rosberta's."""
    return subprocess.run(
        [sys.executable, "-m", "rosberta", *arguments],
        env=os.environ | variables, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_two_processes_write_what_one_does(project: Path) -> None:
    """The same schedule to the byte, the same weights and curve but for the order of sums; texts are cut once."""
    launch(["contrast", "full"], 2)
    stores = {path.name: path.stat().st_mtime_ns for path in (SCRATCH / "tokens").iterdir()}
    CONTRASTED.rename("of-two")
    done = started("contrast", "full")
    assert done.returncode == 0, done.stderr
    assert {path.name: path.stat().st_mtime_ns for path in (SCRATCH / "tokens").iterdir()} == stores
    assert len(stores) == 4
    two = Path("of-two")
    assert (two / "schedule.parquet").read_bytes() == (CONTRASTED / "schedule.parquet").read_bytes()
    # The anchor of row 3 is known to have all other rows' positives, too: it meets none of them.
    batches = pq.read_table(two / "schedule.parquet")["rows"].to_pylist()
    assert not any(3 in rows and len(rows) > 1 for rows in batches)
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (two, CONTRASTED))
    for name, weight in ours.items():
        np.testing.assert_allclose(weight, theirs[name], atol=2e-5, err_msg=name)
    curves = [
        [json.loads(line) for line in (folder / "loss.jsonl").read_text().splitlines()] for folder in (two, CONTRASTED)
    ]
    assert len(curves[0]) == 6
    for of_two, of_one in zip(*curves, strict=True):
        np.testing.assert_allclose(list(of_two.values()), list(of_one.values()), rtol=1e-4)
    assert sorted(path.name for path in RUNS.joinpath("full").iterdir()) == ["contrasted"]


def test_a_mistake_of_all_is_told_once(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """As one process tells it; what was there stays."""
    write_rows(MINED / "a.parquet", mined_rows("a", 8, negatives=7), {})
    CONTRASTED.mkdir(parents=True)
    with pytest.raises(SystemExit) as left:
        launch(["contrast", "full"], 2)
    assert left.value.code == 1
    said = capfd.readouterr().err
    assert said.count("is not what the plan of full names") == 1
    assert "Traceback" not in said
    assert list(CONTRASTED.iterdir()) == []


LOSING = """
import os, signal, sys
sys.path[:] = os.environ["REAL_PATH"].split(os.pathsep)
for name in [name for name in sys.modules if name.startswith("rosberta")]:
    del sys.modules[name]
import torch
from rosberta.training.processes import met
with met():
    torch.distributed.all_reduce(torch.zeros(1))
    if os.environ["RANK"] == "1":
        {how}
    torch.distributed.all_reduce(torch.zeros(1))
"""


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("raise MemoryError('no memory left')", "MemoryError: no memory left"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "process 1 was ended by SIGKILL"),
    ],
)
def test_why_a_process_left_is_told(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, how: str, told: str
) -> None:
    """The first, which loses it, has nothing to say of that."""
    monkeypatch.setenv("REAL_PATH", os.pathsep.join(sys.path))
    monkeypatch.setenv("PYTHONPATH", stand_in(project, LOSING.format(how=how)))
    with pytest.raises(SystemExit):
        launch(["contrast", "full"], 2)
    said = capfd.readouterr().err
    assert told in said
    assert "Connection" not in said


def stand_in(folder: Path, code: str) -> str:
    """A folder whose `python -m rosberta` runs this code."""
    package = folder / "stand-in" / "rosberta"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(code)
    return str(package.parent)


ALONE = """
import os, time
if os.environ["RANK"] == "1":
    raise SystemExit("the second has no memory left")
time.sleep(300)
"""


def test_a_failure_of_one_ends_all_and_is_told(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others would wait for it for ever."""
    monkeypatch.setattr("rosberta.doors.launch.GRACE", 0.5)
    monkeypatch.setenv("PYTHONPATH", stand_in(project, ALONE))
    begun = time.monotonic()
    with pytest.raises(SystemExit):
        launch(["contrast", "full"], 2)
    assert time.monotonic() - begun < 60
    assert "the second has no memory left" in capfd.readouterr().err


MET = """
import sys
sys.path[:] = os.environ["REAL_PATH"].split(os.pathsep)
for name in [name for name in sys.modules if name.startswith("rosberta")]:
    del sys.modules[name]
from rosberta.training.processes import met
world = met()
world.__enter__()
"""
UP = """
import os, time
from pathlib import Path
{first}
Path(f"up-{{os.environ['RANK']}}").write_text(str(os.getpid()))
time.sleep(300)
"""


@pytest.mark.parametrize(("how", "first"), [(signal.SIGTERM, ""), (signal.SIGKILL, MET)])
def test_nobody_outlives_the_launcher(project: Path, how: signal.Signals, first: str) -> None:
    """However it ends: what went on alone would write what the next start writes."""
    code = "from rosberta.doors.launch import launch; import os; os.environ['PYTHONPATH'] = os.environ['STAND_IN']; "
    launcher = subprocess.Popen(
        [sys.executable, "-c", f"{code}launch(['contrast', 'full'], 2)"],
        env=os.environ
        | {"STAND_IN": stand_in(project, UP.format(first=first)), "REAL_PATH": os.pathsep.join(sys.path)},
    )
    up = [project / "up-0", project / "up-1"]
    until = time.monotonic() + 120
    while not all(path.exists() and path.read_text() for path in up):
        assert time.monotonic() < until
        time.sleep(0.05)
    launcher.send_signal(how)
    launcher.wait()
    for path in up:
        while Path("/proc", path.read_text(), "exe").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
