"""Compare what two ledgers record of artifacts: `python benchmarks/ledger/outs.py BEFORE AFTER`.

Two `dvc.lock` of the same experiment, built on one machine before and after a change of code that must not change an
artifact: of every job both know, the paths and checksums of its outputs must be equal. Ends with status 1 if not.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ruamel.yaml import YAML


def outs(ledger: Path) -> dict[str, dict[str, str]]:
    """Checksum by output by job."""
    stages = YAML(typ="safe").load(ledger.read_text(encoding="utf-8"))["stages"]
    return {job: {out["path"]: out["md5"] for out in entry.get("outs", [])} for job, entry in stages.items()}


def main() -> int:
    """Print each job that differs, and how many do not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    asked = parser.parse_args()
    before, after = outs(asked.before), outs(asked.after)
    for job in sorted(before.keys() ^ after.keys()):
        print(f"{job}: only in {asked.before if job in before else asked.after}")
    different = [job for job in before if job in after and before[job] != after[job]]
    for job in different:
        print(f"{job}: {before[job]} -> {after[job]}")
    print(f"{len(before.keys() & after.keys()) - len(different)} jobs have equal outputs, {len(different)} differ")
    return 1 if different or before.keys() != after.keys() else 0


if __name__ == "__main__":
    sys.exit(main())
