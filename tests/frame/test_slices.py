"""A job's slice holds the parameters that it reads, as they are taken, and changes with no others."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from rosberta.doors import parameters
from rosberta.doors.slices import agrees, checksum, expected
from rosberta.frame.files import canonical
from rosberta.frame.flow import FLOW
from rosberta.frame.slices import jobs_of, slices
from support.trees import ROOT


def plain(preset: str = "tiny") -> dict[str, Any]:
    """The parameters of a preset, defaults filled in."""
    return parameters.load(ROOT / f"workflow/presets/{preset}.yaml").model_dump(mode="json")


@pytest.mark.parametrize("preset", ["miniature", "tiny", "small", "paper"])
def test_there_is_a_slice_for_each_job(preset: str) -> None:
    """One a key, or one for the stage; `check` has none, it writes them."""
    data = plain(preset)
    jobs = [f"{stage}@{key}" if key else stage for stage in FLOW if stage != "check" for key in jobs_of(stage, data)]
    assert list(slices(data)) == jobs


def test_a_slice_holds_values_by_their_path() -> None:
    """Defaults are filled in, so that an edit of a default is an edit."""
    found = slices(plain())["clean@sberquad"]["parameters"]
    assert found["collect.cap"] == 100_000
    assert found["collect.sources.sberquad.min_cosine"] is None
    assert found["clean"]["overlap"]["words"] == 8
    groups = {name: source["group"] for name, source in plain()["collect"]["sources"].items()}
    assert slices(plain())["deduplicate"]["parameters"]["collect.sources.*.group"] == groups


@pytest.mark.parametrize(
    ("path", "value", "reached"),
    [
        (("collect", "sources", "sberquad", "cap"), 5, ["collect@sberquad", "clean@sberquad", "report"]),
        (("collect", "sources", "sberquad", "licence"), "mit", ["report"]),
        (("contrast", "temperature"), 0.5, ["contrast@full", "report"]),
        (("merge", "base_share"), 0.5, ["merge@full", "report"]),
        (("runs", "full", "seed"), 9, ["contrast@full", "report"]),
        (("models", "full", "pooling"), "mean", ["evaluate@full", "report"]),
    ],
)
def test_an_edit_changes_the_slices_that_read_it(path: tuple[str, ...], value: object, reached: list[str]) -> None:
    """And no others."""
    before = slices(plain())
    data = plain()
    block = data
    for part in path[:-1]:
        block = block[part]
    assert block[path[-1]] != value
    block[path[-1]] = value
    after = slices(data)
    assert [job for job in after if after[job] != before[job]] == reached


def test_the_ledger_agrees_with_what_stands_here() -> None:
    """An entry agrees where it records the checksum of the job's slice, and not otherwise."""
    data = plain()
    sums = expected(data)["mine@sberquad"]
    path, text = "data/check/mine@sberquad.json", canonical(slices(data)["mine@sberquad"])
    assert sums == {path: hashlib.md5(text.encode()).hexdigest()}
    entry = {"deps": [{"path": path, "md5": sums[path]}, {"path": "data/cleaned/sberquad.parquet", "md5": "0"}]}
    assert agrees(sums, entry)
    data["mine"]["seed"] = 5
    assert not agrees(expected(data)["mine@sberquad"], entry)
    assert not agrees(sums, {})


def test_checksums_are_those_of_dvc() -> None:
    """Of files, and of folders, which DVC knows by the list of their files."""
    from dvc.dependency import Dependency
    from dvc.repo import Repo

    with Repo(str(ROOT)) as repo:
        for path in ("params.yaml", "workflow/miniature"):
            dependency = Dependency(None, str(ROOT / path), repo=repo)
            assert checksum(ROOT / path) == dependency.get_hash().value, path
