"""The preset `small` in miniature size, from a hub on loopback: pins, downloads, and every job to the report.

    python benchmarks/inputs/small.py FOLDER [SNAKEMAKE'S WORDS]

FOLDER takes a clone of this checkout's last commit, and what is served. Its numbers are the miniature's; all else,
sources, models, tasks, pins and the way by which files come in, is the preset's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import miniature
from rosberta.doors import parameters
from rosberta.outside.pins import all_pins
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.loopback import serve  # noqa: E402 (lies beside the tests)

PRESETS = ROOT / "workflow/presets"
SIZES = ("collect", "mine", "pretrain", "contrast", "evaluate")
"""Blocks whose numbers are the miniature's."""


def shrunk(address: str) -> dict[str, Any]:
    """The preset with the miniature's numbers, and its one address on loopback."""
    small, made = (YAML(typ="safe").load(PRESETS / f"{name}.yaml") for name in ("small", "miniature"))
    for block in SIZES:
        numbers = {name: value for name, value in made[block].items() if isinstance(value, (int, float))}
        small[block] |= numbers | {name: "fp32" for name in small[block] if name == "precision"}
    for block in ("pretrain", "contrast"):
        small[block] |= {"compiled": False, "precision": "fp32", "validation": made[block].get("validation", 0)}
    for source in small["collect"]["sources"].values():
        source.pop("cap", None)
    small["hub"]["datasets"]["timoschick/dino"]["url"] = address
    return small


def main(folder: Path, words: list[str]) -> int:
    """Serve, pin, check, build; say what each took."""
    hub, clone = folder / "hub", folder / "clone"
    pinned = all_pins(parameters.load(PRESETS / "small.yaml"))
    ids = {kind: [id for each, id, _ in pinned if each == kind] for kind in ("dataset", "model")}
    miniature.build(hub, ids["dataset"], ids["model"], 7, 300)
    (file,) = (path for path in (hub / "datasets/timoschick/dino").rglob("*.jsonl"))
    (hub / "files").mkdir()
    (hub / "files" / file.name).write_bytes(file.read_bytes())
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    revisions = {id: pin.revision or f"{len(id):040x}" for _, id, pin in pinned}
    with serve(hub, revisions) as served:
        YAML().dump(shrunk(f"{served.endpoint}/files/{file.name}"), clone / "params.yaml")
        environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
        environment |= {"HF_ENDPOINT": served.endpoint, "HF_HOME": str(folder / "home")}
        environment |= {"PYTHONPATH": str(clone / "workflow")}
        environment.pop("ROSBERTA_MIRROR", None)
        rosberta = [sys.executable, "-m", "rosberta", "pins"]
        for command in ([*rosberta, "write"], [*rosberta, "check"], ["snakemake", "--cores", "2", *words]):
            begun = time.monotonic()
            done = subprocess.run(command, cwd=clone, env=environment, check=False)
            print(f"== {' '.join(command[-2:])}: {done.returncode}, {time.monotonic() - begun:.0f} s", flush=True)
            if done.returncode:
                return done.returncode
        print(f"== {len(served.asked)} requests for files")
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
