"""The command line: one command a stage, and one line for a mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rosberta.__main__ import main
from support.trees import ROOT


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with the tiny experiment."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_bytes((ROOT / "workflow/presets/tiny.yaml").read_bytes())
    return tmp_path


SETTLED = """
import json, sys, numpy, scipy.linalg
from pathlib import Path
from threadpoolctl import threadpool_info
from rosberta.doors.run import settle
settle(int(sys.argv[1]), online=False, scratch=Path("scratch"))
import sklearn.cluster
print(json.dumps([library["num_threads"] for library in threadpool_info()]))
"""


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_as_asked(tmp_path: Path, threads: int) -> None:
    """Of libraries loaded before and after, whatever the environment said."""
    said = subprocess.run(
        [sys.executable, "-c", SETTLED, str(threads)],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "3"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    counts = json.loads(said)
    assert len(counts) >= 2
    assert set(counts) == {threads}


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["clean", "sberqad"], "rosberta: clean: 'sberqad' is not in collect.sources; did you mean \"sberquad\"?"),
        (["mine", "sberquad"], "rosberta: data/deduplicated/sberquad.parquet: missing"),
        (["preset", "papr"], "rosberta: preset: 'papr' is none; did you mean \"paper\"?"),
    ],
)
def test_a_mistake_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], command: list[str], sentence: str
) -> None:
    """Status 1, one line on stderr, no trace, nothing written."""
    assert main(command) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith(sentence)
    assert sorted(path.name for path in project.iterdir()) == ["params.yaml"]


def test_reading_an_experiment_is_quick() -> None:
    """No heavy library is imported before a stage needs it: both doors load parameters at every start."""
    code = "import sys; from rosberta.doors import parameters, slices; parameters.load(); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    heavy = {"torch", "transformers", "sentence_transformers", "mteb", "datasets", "pandas", "sklearn", "matplotlib"}
    assert not heavy & set(done.stdout.split())
