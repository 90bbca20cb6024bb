"""All that comes from outside comes through one seam, and is what was pinned, whatever its origin."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta.doors import parameters
from rosberta.experiment import Experiment
from rosberta.experiment.hub import Hub
from rosberta.frame.files import digest, read_json
from rosberta.frame.mistakes import Mistake
from rosberta.outside.mirror import MIRROR
from rosberta.outside.pins import fetch, manifest
from rosberta.stages import hub
from support.loopback import serve
from support.trees import ROOT

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the hub's layout with one set and one model, and a current directory to work in."""
    work, root = tmp_path / "work", tmp_path / "mirror"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.delenv(MIRROR, raising=False)
    folder = root / "datasets/some/set"
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.table({"text": ["один", "two"]}), folder / "data/train.parquet")
    (folder / "README.md").write_text("# A set\n")
    (folder / "set.py").write_text("raise SystemExit('code of a stranger')\n")
    model = root / "models/some/model"
    model.mkdir(parents=True)
    (model / "config.json").write_text("{}")
    for name in ("training_args.bin", "optimizer.pt", "model.py"):
        (model / name).write_bytes(b"pickle")
    return root


def experiment(**pin: Any) -> Experiment:
    """The default experiment with just these pins, from the hub."""
    data = parameters.read(ROOT / "params.yaml")
    whole = parameters.check(data)
    pins = {"datasets": {"some/set": {"revision": COMMIT, **pin}}, "models": {"some/model": {"revision": COMMIT}}}
    return whole.model_copy(update={"hub": Hub.model_validate({"origin": "hub", **pins})})


def test_a_mirror_is_read_in_place(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that comes back is the mirror's own; the manifest holds no path of this machine."""
    monkeypatch.setenv(MIRROR, str(mirror))
    hub.run(experiment())
    assert fetch("dataset", "some/set") == mirror / "datasets/some/set"
    assert str(mirror) not in Path("data/hub/datasets/some/set.json").read_text()


def test_nothing_that_can_carry_code_is_taken(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading scripts and pickles are not in the manifest (guarantee 6)."""
    monkeypatch.setenv(MIRROR, str(mirror))
    hub.run(experiment())
    taken = [file["path"] for file in manifest("dataset", "some/set")["files"]]
    assert taken == ["README.md", "data/train.parquet"]
    assert [file["path"] for file in manifest("model", "some/model")["files"]] == ["config.json"]


def test_globs_limit_what_is_pinned(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pin takes the files that it names; one that matches nothing is a mistake."""
    monkeypatch.setenv(MIRROR, str(mirror))
    hub.run(experiment(files=["data/*"]))
    assert [file["path"] for file in manifest("dataset", "some/set")["files"]] == ["data/train.parquet"]
    with pytest.raises(Mistake, match=r"no file matches \['dta/\*'\]; correct hub.datasets.some/set.files"):
        hub.run(experiment(files=["dta/*"]))


def test_a_content_digest_pins_a_mirror(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 digits pin the bytes themselves; the error says what is there."""
    monkeypatch.setenv(MIRROR, str(mirror))
    (mirror / "datasets/some/set/set.py").unlink()
    right = digest(mirror / "datasets/some/set")
    hub.run(experiment(revision=right))
    with pytest.raises(Mistake, match=f"the mirror has revision {right}"):
        hub.run(experiment(revision="0" * 64))
    with pytest.raises(Mistake, match=f"no revision is pinned; to pin what the mirror has, write revision: {right}"):
        hub.run(experiment(revision=None))


def test_a_damaged_file_is_refused(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed, cut or removed behind the manifest's back: named with pin and file."""
    monkeypatch.setenv(MIRROR, str(mirror))
    hub.run(experiment())
    file = mirror / "datasets/some/set/data/train.parquet"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(Mistake, match=rf"dataset some/set @ {COMMIT}: data/train\.parquet has checksum"):
        fetch("dataset", "some/set")
    file.write_bytes(content[:-1])
    with pytest.raises(Mistake, match=r"data/train.parquet has \d+ bytes, pinned are \d+"):
        fetch("dataset", "some/set")
    file.unlink()
    with pytest.raises(Mistake, match=r"data/train\.parquet is missing"):
        fetch("dataset", "some/set")


def test_an_id_that_is_not_pinned_is_named(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the nearest that is."""
    monkeypatch.setenv(MIRROR, str(mirror))
    hub.run(experiment())
    with pytest.raises(Mistake, match='is not resolved; did you mean "some/set"'):
        fetch("dataset", "some/sett")


def test_a_failure_leaves_what_was_there(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails does not touch the artifact of the last one that did not."""
    monkeypatch.setenv(MIRROR, str(mirror))
    hub.run(experiment())
    before = digest(Path("data/hub"))
    shutil.rmtree(mirror / "models/some/model")
    with pytest.raises(Mistake, match="the mirror that ROSBERTA_MIRROR names has no models/some/model"):
        hub.run(experiment())
    assert digest(Path("data/hub")) == before
    assert [path.name for path in Path("data").iterdir()] == ["hub"]


def on_the_hub(endpoint: str, home: Path, revision: str = COMMIT, id: str = "some/set") -> subprocess.CompletedProcess:
    """Resolve and fetch through the real client, in a process of its own that takes this endpoint for the hub."""
    code = (
        "import sys; from rosberta.experiment import Experiment; from rosberta.outside.pins import fetch; "
        "from rosberta.stages import hub; hub.run(Experiment.model_validate_json(sys.argv[1])); "
        "print(fetch('dataset', 'some/set')); print(fetch('model', 'some/model'))"
    )
    wanted = experiment(revision=revision) if id == "some/set" else other(id)
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    environment["PYTHONPATH"] = str(ROOT / "workflow")
    return subprocess.run(
        [sys.executable, "-c", code, wanted.model_dump_json()],
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )


def other(id: str) -> Experiment:
    """The experiment with another data set pinned."""
    wanted = experiment()
    pins = {"datasets": {id: {"revision": COMMIT}}, "models": {}}
    return wanted.model_copy(update={"hub": Hub.model_validate({"origin": "hub", **pins})})


def test_the_hub_gives_what_a_mirror_gives(mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through the real client over HTTP: same files and sizes, checksums verified, and an error for what is gone."""
    with serve(mirror, {"some/set": COMMIT, "some/model": COMMIT}) as server:
        endpoint = server.endpoint
        done = on_the_hub(endpoint, tmp_path / "home")
        assert done.returncode == 0, done.stderr
        folder, model = (Path(line) for line in done.stdout.splitlines())
        expected = (mirror / "datasets/some/set/data/train.parquet").read_bytes()
        assert (folder / "data/train.parquet").read_bytes() == expected
        assert not (folder / "set.py").exists()
        assert sorted(path.name for path in model.iterdir()) == ["config.json"]
        from_hub = read_json(Path("data/hub/datasets/some/set.json"))
        assert "the hub has no such revision" in on_the_hub(endpoint, tmp_path / "home", revision="f" * 40).stderr
        assert "the hub has no such dataset" in on_the_hub(endpoint, tmp_path / "home", id="no/such").stderr
    monkeypatch.setenv(MIRROR, str(mirror))
    hub.run(experiment())
    from_mirror = read_json(Path("data/hub/datasets/some/set.json"))
    assert [(f["path"], f["bytes"]) for f in from_hub["files"]] == [
        (f["path"], f["bytes"]) for f in from_mirror["files"]
    ]
