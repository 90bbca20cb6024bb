"""Write the locks and conda files from what is installed: run in a fresh environment, as README.md here says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ENVS = Path(__file__).parent
HEAD = "# Written by envs/lock.py; change requirements.txt and run it again, as README.md here says.\n"


def frozen() -> dict[str, str]:
    """What is installed, by name, without local build tags such as torch's +cpu."""
    lines = subprocess.run(
        [sys.executable, "-m", "pip", "freeze", "--exclude-editable"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return dict(re.sub(r"\+\w+$", "", line).split("==") for line in lines if "==" in line)


def cuda(torch: str) -> dict[str, str]:
    """What the CUDA build of torch brings besides, by its metadata alone: nothing is downloaded."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--ignore-installed", "--isolated"]
    report = subprocess.run([*command, "--report", "-", f"torch=={torch}"], capture_output=True, text=True, check=True)
    packages = [entry["metadata"] for entry in json.loads(report.stdout)["install"]]
    return {p["name"]: p["version"] for p in packages if re.match(r"nvidia|cuda|triton", p["name"])}


def write(name: str, pins: dict[str, str], *, conda: bool = True) -> None:
    """Write ``NAME.lock`` and the conda file of the same pins."""
    lines = [f"{package}=={pins[package]}" for package in sorted(pins, key=str.lower)]
    (ENVS / f"{name}.lock").write_text(HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    if conda:
        start = f"{HEAD}name: rosberta-{name}\nchannels: [conda-forge, nodefaults]\ndependencies:\n"
        start += "  - python>=3.11,<3.14\n  - pip\n  - git\n  - pip:\n"
        (ENVS / f"{name}.yaml").write_text(start + "".join(f"      - {line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    pins = frozen()
    if sys.argv[1] == "runtime":
        write("cpu", pins)
        write("gpu", pins | cuda(pins["torch"]))
    else:
        runtime = (ENVS / "cpu.lock").read_text(encoding="utf-8")
        write("test", {name: pin for name, pin in pins.items() if f"{name}=={pin}\n" not in runtime}, conda=False)
