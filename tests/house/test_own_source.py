"""A source of one's own takes entries in the parameters and no code: the README's example, run on data of its shape."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import miniature
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta.doors import parameters
from rosberta.frame.artifacts import COLLECTED
from rosberta.frame.files import canonical
from rosberta.frame.rows import read_counts, read_rows
from support.trees import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = [
    {"question": f"Как открыть порт {n}?", "answer": f"Разрешите порт {n} в настройках.", "votes": "3"}
    for n in range(9)
]


def example() -> dict[str, Any]:
    """The README's entries for a source: the first block behind the words that say how."""
    from ruamel.yaml import YAML

    block = re.search(r"\*\*Add a source\.\*\*.*?^```yaml\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert block is not None
    return YAML(typ="safe").load(block[1])


def write(path: Path) -> None:
    """The rows in the format that the file's ending says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(ROWS), path)
    elif path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(ROWS[0]))
            writer.writeheader()
            writer.writerows(ROWS)
    else:
        path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), encoding="utf-8")


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sets and models of the preset `tiny` in the hub's layout."""
    root = tmp_path_factory.mktemp("mirror")
    tiny = parameters.load(ROOT / "workflow/presets/tiny.yaml").hub
    miniature.build(root, sorted(tiny.datasets), sorted(tiny.models), seed=7, rows=60)
    return root


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_the_example_of_the_readme_runs(ending: str, mirror: Path, tmp_path: Path) -> None:
    """With its two entries added, the set is pinned and collected, each row under the names that the entry gives."""
    more, data = example(), parameters.read(ROOT / "workflow/presets/tiny.yaml")
    (name,), (id,) = more["collect"]["sources"], more["hub"]["datasets"]
    source = more["collect"]["sources"][name]
    source["files"] = f"train.{ending}"
    write(mirror / "datasets" / id / source["files"])
    data["hub"] = {
        "origin": "hub",
        "datasets": data["hub"]["datasets"] | more["hub"]["datasets"],
        "models": data["hub"]["models"],
    }
    # The mirror holds no revision of its models, so one that is not known cannot be held to anything.
    for pin in data["hub"]["models"].values():
        pin["revision"] = pin["revision"] or "0" * 40
    data["collect"]["sources"][name] = source
    (tmp_path / "params.yaml").write_text(canonical(data), encoding="utf-8")
    environment = {**os.environ, "ROSBERTA_MIRROR": str(mirror), "PYTHONPATH": str(ROOT / "workflow")}
    for command in (["hub"], ["collect", name]):
        done = subprocess.run(
            [sys.executable, "-m", "rosberta", *command],
            cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    rows = read_rows(tmp_path / COLLECTED / f"{name}.parquet").to_pylist()
    assert [(row["anchor"], row["positive"]) for row in rows] == [(row["question"], row["answer"]) for row in ROWS]
    assert {row["group"] for row in rows} == {source["group"]}
    assert read_counts(tmp_path / COLLECTED / f"{name}.parquet")["kept"] == len(ROWS)
