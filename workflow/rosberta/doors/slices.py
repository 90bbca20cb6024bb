"""What Snakemake is told of parameters and code: each job's slice, dated by whether the ledger agrees with it.

Snakemake notices an edit of a parameter or of code only by what it recorded itself, or by a file's time; after a clone
it has no records and all times are new. So each job takes as input a small file with the checksum of its slice
(`rosberta.frame.slices`), written, only when it differs, while the Snakefile is read. The file is as old as can be
where it agrees with what ``dvc.lock`` records for its job, so that no job starts for it. Where it does not, it is new
and holds the ledger's own date: Snakemake passes over an input whose content is that of its own last run, and since
then results of other parameters may have come through the other door.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import time
from collections.abc import Mapping
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any

from rosberta.frame.artifacts import CHECKED
from rosberta.frame.files import canonical, files_of, whole
from rosberta.frame.mistakes import Mistake
from rosberta.frame.slices import job_of, slices
from rosberta.frame.weights import own_folder

SLICES = Path(".snakemake/slices")

LEDGER = Path("dvc.lock")

READINGS, PAUSE = 20, 0.1
"""How often the ledger is read until it is whole, and the seconds between."""


def write_slices(parameters: Mapping[str, Any]) -> None:
    """Write every job's slice to ``.snakemake/slices/``, and date it by whether the ledger agrees with it.

    Args:
        parameters: the whole experiment as plain data (`rosberta.experiment.Experiment.resolved`).

    Raises:
        Mistake: the ledger is damaged.
    """
    recorded = ledger()
    dated = LEDGER.stat().st_mtime_ns if LEDGER.is_file() else 0
    for job, sums in expected(parameters).items():
        agreed = agrees(sums, recorded.get(job, {}))
        path, text = SLICES / f"{job}.json", canonical({**sums, "ledger": None if agreed else dated})
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            with whole(path) as part:
                part.write_text(text, encoding="utf-8")
        if agreed:
            os.utime(path, (0, 0))


def expected(parameters: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By job, `check` apart, the file with its slice, with the checksum that DVC would give it now.

    Of an evaluation whose weights lie in a folder of one's own, that folder likewise: no stage writes it, and Snakemake
    would look at its times alone.
    """
    found = {
        job: {f"{CHECKED}/{job}.json": _md5(canonical(slice).encode())} for job, slice in slices(parameters).items()
    }
    for name, model in parameters["models"].items():
        if own := own_folder(model["weights"]):
            found[job_of("evaluate", name)][str(own)] = folder_checksum(own)
    return found


def folder_checksum(folder: Path) -> str:
    """The checksum that DVC gives a folder: that of the list of its files and theirs."""
    listed = []
    for file in files_of(folder):
        with file.open("rb") as opened:
            sum = hashlib.file_digest(opened, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
        listed.append({"md5": sum, "relpath": file.relative_to(folder).as_posix()})
    listed.sort(key=itemgetter("relpath"))
    return f"{_md5(json.dumps(listed, sort_keys=True).encode())}.dir"


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def agrees(sums: Mapping[str, str], entry: Mapping[str, Any]) -> bool:
    """Whether the ledger's entry of a job records these checksums."""
    found = {dep["path"]: dep["md5"] for dep in entry.get("deps", [])}
    return all(found.get(path) == sum for path, sum in sums.items())


def ledger() -> dict[str, Any]:
    """The entries of ``dvc.lock`` by job; none, where there is none.

    DVC writes it in place, so that it may be read half: it is read again, then.

    Raises:
        Mistake: it stays damaged.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if not LEDGER.is_file():
        return {}
    for _ in range(READINGS):
        try:
            found = YAML(typ="safe").load(LEDGER.read_text(encoding="utf-8"))
            if isinstance(found, dict) and isinstance(found["stages"], dict):
                entries: dict[str, Any] = found["stages"]
                return entries
        except (YAMLError, KeyError):
            pass
        time.sleep(PAUSE)
    raise Mistake(
        f"{LEDGER}: is no ledger of DVC's; resolve what git left in it, or restore it (git checkout {LEDGER})"
    )


def has_remote(configuration: Path = Path(".dvc")) -> bool:
    """Whether DVC has a default remote; without one ``dvc repro --pull`` fails."""
    parser = configparser.ConfigParser()
    parser.read([configuration / "config", configuration / "config.local"])
    return parser.has_option("core", "remote")
