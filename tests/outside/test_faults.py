"""The seam under fault: whatever a server does, the pinned bytes arrive or one line says why not, and what to do."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rosberta.frame.files import read_json
from support.loopback import TOKEN, Fault, serve
from support.trees import ROOT

pytestmark = pytest.mark.slow

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TRAIN = "data/train.parquet"
PIN = f"dataset some/set @ {COMMIT}"

DRIVER = """
import logging, sys
from pathlib import Path
from huggingface_hub import constants
from rosberta.commands import pins
from rosberta.doors import parameters
from rosberta.experiment.hub import Hub
from rosberta.outside import client
from rosberta.outside.pins import fetch
from rosberta.stages import hub
logging.basicConfig(level=logging.WARNING)
waits = []
client.pause = waits.append
constants.DOWNLOAD_CHUNK_SIZE = 10_000
whole = parameters.check(parameters.read(Path(sys.argv[1])))
experiment = whole.model_copy(update={"hub": Hub.model_validate_json(sys.argv[2])})
try:
    if sys.argv[3] == "fetch":
        hub.run(experiment)
        print(fetch("dataset", "some/set"))
    elif sys.argv[3] == "check":
        print(pins.check(experiment))
    else:
        pins.mirror(experiment, Path(sys.argv[3]))
finally:
    print("waits", waits)
"""
"""What a user's start does, in a process of its own; waits are noted and not waited, and a few
kilobytes go to disk at once where a user's megabytes do."""


@pytest.fixture
def origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set of a few hundred kilobytes, a file at a plain address, and a current directory to work in."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    folder = tmp_path / "origin/datasets/some/set/data"
    folder.mkdir(parents=True)
    texts = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(5000)]
    pq.write_table(pa.table({"text": texts}), folder / "train.parquet")
    (folder.parent / "README.md").write_text("# A set\n")
    (tmp_path / "origin/files").mkdir()
    (tmp_path / "origin/files/pairs.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return tmp_path / "origin"


def start(
    endpoint: str, *, home: Path, command: str = "fetch", pins: dict[str, Any] | None = None, **environment: str
) -> subprocess.CompletedProcess:
    """Start once, against this server."""
    hub = {"origin": "hub", "datasets": pins or {"some/set": {"revision": COMMIT}}, "models": {}}
    variables = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PYTHONPATH": str(ROOT / "workflow")}
    for proxy in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "ROSBERTA_MIRROR", "HF_TOKEN"):
        variables.pop(proxy, None)
    variables |= {"HF_HUB_DISABLE_XET": "1", **environment}
    return subprocess.run(
        [sys.executable, "-c", DRIVER, str(ROOT / "params.yaml"), json.dumps(hub), command],
        env=variables,
        text=True,
        capture_output=True,
        check=False,
    )


def waits(done: subprocess.CompletedProcess) -> list[float]:
    return json.loads(done.stdout.splitlines()[-1].removeprefix("waits "))


WRONG = Fault(TRAIN, content=b"not what was pinned")
BUSY = Fault("/revision/", status=429, headers={"Retry-After": "7"}, times=1)

FAULTS: dict[str, tuple[list[Fault], str | None, list[float]]] = {
    "nothing": ([], None, []),
    "429 with Retry-After, once": ([BUSY], None, [7]),
    "503, twice": ([Fault(TRAIN, status=503, times=2)], None, [1, 2]),
    "body cut, once": ([Fault(TRAIN, cut=70_000, times=1)], None, [1]),
    "wrong content, once": ([Fault(TRAIN, content=WRONG.content, times=1)], None, []),
    "503 for ever": (
        [Fault("/revision/", status=503)],
        f"{PIN}: the hub cannot be reached (the server answers 503 Service Unavailable); set ROSBERTA_MIRROR",
        [1, 2, 4, 8],
    ),
    "429 for an hour": (
        [Fault("/revision/", status=429, headers={"Retry-After": "3600"})],
        f"{PIN}: the hub cannot be reached (the server answers 429 Too Many Requests and asks to wait 3600 s)",
        [],
    ),
    "wrong content for ever": ([WRONG], f"{PIN}: {TRAIN}: what arrives has ", []),
    "set gone": (
        [Fault("/revision/", status=404, headers={"X-Error-Code": "RepoNotFound"})],
        f"{PIN}: the hub has no such dataset; correct the id in hub.datasets",
        [],
    ),
    "revision gone": (
        [Fault("/revision/", status=404, headers={"X-Error-Code": "RevisionNotFound"})],
        f"{PIN}: the hub has no such revision; correct hub.datasets.some/set.revision",
        [],
    ),
    "file gone": (
        [Fault(TRAIN, status=404, headers={"X-Error-Code": "EntryNotFound"})],
        f"{PIN}: a file is gone",
        [],
    ),
    "access denied": ([Fault("/revision/", status=403)], f"{PIN}: the hub answers with status 403", []),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_bytes_arrive_or_one_line_says_why_not(fault: str, origin: Path, tmp_path: Path) -> None:
    """And a second start, when the fault is over, ends well in every case."""
    faults, message, expected = FAULTS[fault]
    with serve(origin, {"some/set": COMMIT}, faults) as server:
        done = start(server.endpoint, home=tmp_path / "home")
    assert waits(done) == expected
    if message is None:
        assert done.returncode == 0, done.stderr
        folder = Path(done.stdout.splitlines()[0])
        assert (folder / TRAIN).read_bytes() == (origin / "datasets/some/set" / TRAIN).read_bytes()
        return
    last = done.stderr.splitlines()[-1]
    assert done.returncode == 1
    assert message in last, done.stderr
    with serve(origin, {"some/set": COMMIT}) as server:
        again = start(server.endpoint, home=tmp_path / "home")
    assert again.returncode == 0, again.stderr


def sent(asked: Sequence[tuple[str, str | None]]) -> list[int]:
    """Where each request for the large file began."""
    return [int(given.removeprefix("bytes=").split("-")[0]) if given else 0 for name, given in asked if "train" in name]


def test_a_download_goes_on_where_it_broke_off(origin: Path, tmp_path: Path) -> None:
    """Within a start, and in the next start after one that gave up."""
    faults = [Fault(TRAIN, cut=70_000, times=1), Fault(TRAIN, cut=0)]
    with serve(origin, {"some/set": COMMIT}, faults) as server:
        done = start(server.endpoint, home=tmp_path / "home")
        assert f"{PIN}: the hub cannot be reached (the download broke off" in done.stderr.splitlines()[-1]
        assert sent(server.asked) == [0, 70_000, 70_000, 70_000, 70_000]
    with serve(origin, {"some/set": COMMIT}) as server:
        assert start(server.endpoint, home=tmp_path / "home").returncode == 0
        assert sent(server.asked) == [70_000]


def test_a_damaged_cache_is_fetched_again(origin: Path, tmp_path: Path) -> None:
    """What a full disk or a bad sector did to the cache does not last; what is whole needs no server."""
    with serve(origin, {"some/set": COMMIT}) as server:
        folder = Path(start(server.endpoint, home=tmp_path / "home").stdout.splitlines()[0])
        cached = (folder / TRAIN).resolve()
        content = cached.read_bytes()
        cached.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        done = start(server.endpoint, home=tmp_path / "home")
        assert done.returncode == 0, done.stderr
        assert "fetched once more" in done.stderr
        assert (folder / TRAIN).read_bytes() == content
        assert sent(server.asked) == [0, 0]
        start(server.endpoint, home=tmp_path / "home")
        assert sent(server.asked) == [0, 0]


def test_a_gated_set_needs_a_token(origin: Path, tmp_path: Path) -> None:
    """Said before anything is downloaded; with the token it arrives."""
    with serve(origin, {"some/set": COMMIT}, gated=["some/set"]) as server:
        done = start(server.endpoint, home=tmp_path / "home")
        assert f"{PIN}: access is gated; ask for it on its page, and set HF_TOKEN" in done.stderr
        assert sent(server.asked) == []
        assert start(server.endpoint, home=tmp_path / "home", HF_TOKEN=TOKEN).returncode == 0


def test_no_network_is_one_sentence(origin: Path, tmp_path: Path) -> None:
    """With the way out; and once there is network, the same start ends well."""
    done = start("http://127.0.0.1:9", home=tmp_path / "home")
    assert f"{PIN}: the hub cannot be reached (no network" in done.stderr.splitlines()[-1]
    assert "set ROSBERTA_MIRROR, or try again" in done.stderr
    with serve(origin, {"some/set": COMMIT}) as server:
        assert start(server.endpoint, home=tmp_path / "home").returncode == 0


def test_a_file_at_an_address_is_pinned_by_its_checksum(origin: Path, tmp_path: Path) -> None:
    """Broken off and continued; refused where it is another file."""
    file = origin / "files/pairs.jsonl"
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    with serve(origin, {}, [Fault("/files/", times=0), Fault("/files/", cut=90_000, times=2)]) as server:
        pins = {"some/set": {"revision": sha, "url": f"{server.endpoint}/files/pairs.jsonl"}}
        done = start(server.endpoint, home=tmp_path / "home", pins=pins)
        assert done.returncode == 0, done.stderr
        assert (Path(done.stdout.splitlines()[0]) / "pairs.jsonl").read_bytes() == file.read_bytes()
        assert ("pairs.jsonl", "bytes=90000-") in server.asked
        pins["some/set"]["revision"] = "0" * 64
        done = start(server.endpoint, home=tmp_path / "home", pins=pins)
        assert "pairs.jsonl: what arrives has checksum" in done.stderr.splitlines()[-1]


def test_check_says_of_every_pin_whether_it_can_be_had(origin: Path, tmp_path: Path) -> None:
    """One bad pin does not hide the next, and nothing is downloaded."""
    pins = {"gone/set": {"revision": COMMIT}, "none/pinned": {}, "some/set": {"revision": COMMIT}}
    (origin / "datasets/none/pinned").mkdir(parents=True)
    with serve(origin, {"some/set": COMMIT, "none/pinned": COMMIT}) as server:
        done = start(server.endpoint, home=tmp_path / "home", command="check", pins=pins)
        assert done.returncode == 0, done.stderr
        gone, none, some = eval(done.stdout.splitlines()[0])[0].splitlines()[-3:]
        assert gone.endswith("no: the hub has no such dataset")
        digest = f"to pin what the hub has today, write revision: {COMMIT} (python -m rosberta pins write)"
        assert none.endswith(f"no: no revision is pinned; {digest}")
        size = sum(file.stat().st_size for file in (origin / "datasets/some/set").rglob("*.*")) / 1e6
        assert some.split() == ["dataset", "some/set", COMMIT[:12], f"{size:.1f}", "mit", "yes"]
        assert not server.asked


def test_a_mirror_is_filled_and_serves(origin: Path, tmp_path: Path) -> None:
    """Broken off, filled in a second start without fetching twice, held to its index, and used without network."""
    root = tmp_path / "carried"
    with serve(
        origin, {"some/set": COMMIT}, [Fault(TRAIN, cut=70_000, times=1), Fault(TRAIN, cut=0, times=5)]
    ) as server:
        assert start(server.endpoint, home=tmp_path / "home", command=str(root)).returncode == 1
        assert start(server.endpoint, home=tmp_path / "home", command=str(root)).returncode == 0
        assert start(server.endpoint, home=tmp_path / "home", command=str(root)).returncode == 0
        assert sent(server.asked)[-1] == 70_000
    assert sorted(path.name for path in (root / "datasets/some/set").iterdir()) == ["README.md", "data"]
    assert read_json(root / "index.json")["datasets/some/set"]["revision"] == COMMIT
    done = start("http://127.0.0.1:9", home=tmp_path / "empty", ROSBERTA_MIRROR=str(root))
    assert done.stdout.splitlines()[0] == str(root / "datasets/some/set")
    # A second mirror, filled from the first, mends what is damaged there, and what an earlier pin left is not listed.
    second = tmp_path / "second"
    assert (
        start("http://127.0.0.1:9", home=tmp_path / "empty", command=str(second), ROSBERTA_MIRROR=str(root)).returncode
        == 0
    )
    copied = second / "datasets/some/set" / TRAIN
    whole = copied.read_bytes()
    copied.write_bytes(whole[:-1] + b"?")
    (copied.parent / "train-00001-of-00002.parquet").write_bytes(whole)
    assert (
        start("http://127.0.0.1:9", home=tmp_path / "empty", command=str(second), ROSBERTA_MIRROR=str(root)).returncode
        == 0
    )
    assert copied.read_bytes() == whole
    assert start("http://127.0.0.1:9", home=tmp_path / "empty", ROSBERTA_MIRROR=str(second)).returncode == 0
    shutil.copyfile(origin / "files/pairs.jsonl", root / "datasets/some/set" / TRAIN)
    done = start("http://127.0.0.1:9", home=tmp_path / "empty", ROSBERTA_MIRROR=str(root))
    assert f"{PIN}: the mirror is damaged: {TRAIN} differs from its index.json" in done.stderr.splitlines()[-1]
