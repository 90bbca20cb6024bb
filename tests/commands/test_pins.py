"""The presets for the real hub find their files in repositories of its shape; `pins write` pins what is not."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rosberta.commands import pins
from rosberta.corpus import raw_files
from rosberta.doors import parameters
from rosberta.frame.files import digest
from rosberta.frame.mistakes import Mistake
from rosberta.outside.mirror import MIRROR
from rosberta.outside.pins import all_pins
from rosberta.outside.selection import wanted
from support.hub_shapes import paths, write_shapes
from support.loopback import serve
from support.trees import ROOT

PRESETS = ROOT / "workflow/presets"
DINO = "sts-dino-x1x2-postprocessed.jsonl"


def ask(endpoint: str, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Type ``python -m rosberta pins WORDS`` in the current directory, with this endpoint for the hub."""
    variables = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "PYTHONPATH": str(ROOT / "workflow")}
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", MIRROR, "HF_TOKEN"):
        variables.pop(variable, None)
    command = [sys.executable, "-m", "rosberta", "pins", *words]
    return subprocess.run(command, env=variables, text=True, capture_output=True, check=False)


@pytest.mark.parametrize("name", ["small", "paper"])
def test_a_preset_runs_on_a_hub_of_the_true_shape(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has no revision is written and nothing else, and then every pin can be had; nothing is downloaded."""
    monkeypatch.chdir(tmp_path)
    text = (PRESETS / f"{name}.yaml").read_text()
    experiment = parameters.load(PRESETS / f"{name}.yaml")
    root = tmp_path / "origin"
    commits = write_shapes(root, [(kind, id) for kind, id, pin in all_pins(experiment) if not pin.url])
    served = commits | {id: pin.revision for _, id, pin in all_pins(experiment) if pin.revision}
    (root / "files").mkdir()
    (root / "files" / DINO).write_text('{"text_a": "a", "text_b": "b", "label": 0.9}\n')
    with serve(root, served) as server:
        address = f"{server.endpoint}/files/{DINO}"
        text = text.replace(f"https://www.cis.uni-muenchen.de/~schickt/dino/{DINO}", address)
        Path("params.yaml").write_text(text)
        unpinned = [id for _, id, pin in all_pins(experiment) if pin.revision is None]
        before = ask(server.endpoint, tmp_path / "home", "check")
        assert before.returncode == 1
        assert [line.split()[1] for line in before.stdout.splitlines() if "no: " in line] == unpinned
        written = ask(server.endpoint, tmp_path / "home", "write")
        assert written.returncode == 0, written.stdout + written.stderr
        after = ask(server.endpoint, tmp_path / "home", "check")
        assert after.returncode == 0, after.stdout
        assert {name for name, _ in server.asked} == {DINO}
    sum_of = {"timoschick/dino": hashlib.sha256((root / "files" / DINO).read_bytes()).hexdigest()}
    lines = text.splitlines()
    for id in unpinned:
        revision = sum_of.get(id) or commits[id]
        start = next(number for number, line in enumerate(lines) if line.startswith(f"    {id}:"))
        place = next(number for number in range(start, len(lines)) if "revision: null" in lines[number])
        lines[place] = lines[place].replace("revision: null", f"revision: {revision}")
        assert f"hub.datasets.{id}.revision: None -> '{revision}'" in written.stderr
        assert revision in written.stdout
    assert Path("params.yaml").read_text().splitlines() == lines


@pytest.mark.parametrize("name", ["small", "paper"])
def test_every_source_has_files_on_a_hub_of_the_true_shape(name: str, tmp_path: Path) -> None:
    """What a pin takes holds what the source reads, in a form that is read."""
    experiment = parameters.load(PRESETS / f"{name}.yaml")
    for key, source in experiment.collect.sources.items():
        pin = experiment.hub.datasets[source.dataset]
        if pin.url:
            continue
        for path in paths("dataset", source.dataset):
            if wanted(path, pin):
                (tmp_path / source.dataset / path).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / source.dataset / path).touch()
        assert raw_files.files(tmp_path / source.dataset, source.files), key


def test_a_mirror_without_an_index_is_pinned_by_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` prints it and `write` writes it; what fails is told, and does not keep the rest from being written."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "mirror/datasets/some/set"
    folder.mkdir(parents=True)
    (folder / "train.jsonl").write_text('{"anchor": "a", "positive": "b"}\n')
    monkeypatch.setenv(MIRROR, str(tmp_path / "mirror"))
    text = (PRESETS / "small.yaml").read_text()
    block = "hub:\n  origin: hub\n  datasets:\n    some/set:  # mine\n      files:\n        - '*'\n    gone/set: {}\n"
    block += text[text.index("  models:") :]
    Path("params.yaml").write_text(block)
    experiment = parameters.check(parameters.read(PRESETS / "small.yaml"))
    hub = experiment.hub.model_copy(
        update={"datasets": {id: experiment.hub.datasets["deepvk/ru-HNP"].model_copy(
            update={"revision": None, "files": ["*"]}) for id in ("gone/set", "some/set")}, "models": {}}
    )  # fmt: skip
    experiment = experiment.model_copy(update={"hub": hub})
    expected = digest(folder)
    table, complete = pins.check(experiment)
    assert not complete
    assert f"no revision is pinned; to pin what the mirror has, write revision: {expected}" in table
    table, complete = pins.write(experiment)
    assert not complete
    gone, some = table.splitlines()[-2:]
    assert "gone/set" in gone
    assert "no: the mirror that ROSBERTA_MIRROR names has no datasets/gone/set" in gone
    assert some.endswith(expected)
    after = Path("params.yaml").read_text()
    assert after == block.replace("        - '*'\n", f"        - '*'\n      revision: {expected}\n")


def test_the_miniature_has_nothing_to_pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mistake, match="the miniature is made here, not fetched"):
        pins.write(parameters.load(ROOT / "params.yaml"))
