"""Say before an hour of installing whether the GPU's driver is new enough for the CUDA build that the lock names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parent / "gpu.lock"
DRIVERS = {12: (525, 60), 13: (580, 65)}
"""Oldest driver for Linux that runs programs of each CUDA version (CUDA toolkit release notes, minor compatibility)."""


def cuda(lock: str) -> int:
    """The CUDA version that a lock installs."""
    found = re.search(r"^cuda-toolkit==(\d+)\.", lock, re.MULTILINE)
    return int(found[1]) if found else max(DRIVERS)


def judged(answer: str | None, lock: str) -> tuple[int, str]:
    """An exit status and a sentence.

    Args:
        answer: what ``nvidia-smi --query-gpu=driver_version --format=csv,noheader`` prints; None: there is none.
        lock: text of the lock.
    """
    version = cuda(lock)
    oldest = ".".join(map(str, DRIVERS[version]))
    numbers = re.match(r"\s*(\d+)\.(\d+)", answer or "")
    if numbers is None:
        return 0, f"no NVIDIA driver is found here; where jobs run it must be {oldest} or newer (CUDA {version})"
    driver = int(numbers[1]), int(numbers[2])
    if driver < DRIVERS[version]:
        found = f"the GPU's driver is {numbers[0].strip()}, the locked build (CUDA {version}) wants {oldest} or newer"
        return 1, f"{found}; update the driver, or install for the CPU (make)"
    return 0, f"the GPU's driver {numbers[0].strip()} is new enough for CUDA {version}"


def main() -> int:
    """Ask the driver, and say what comes of it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer: str | None = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    except (OSError, subprocess.SubprocessError):
        answer = None
    status, sentence = judged(answer, LOCK.read_text(encoding="utf-8"))
    sys.stderr.write(f"rosberta: {sentence}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
