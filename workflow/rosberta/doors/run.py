"""Running a stage: its parameters checked, its key known, its libraries settled."""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path

from threadpoolctl import threadpool_limits

from rosberta.doors import parameters
from rosberta.frame.artifacts import SCRATCH
from rosberta.frame.flow import FLOW
from rosberta.frame.mistakes import Mistake, nearest


def run_stage(stage: str, key: str | None) -> None:
    """Check all parameters, then run one stage.

    Raises:
        Mistake: parameters are wrong, or the stage has no such key.
    """
    experiment = parameters.load()
    keys = FLOW[stage].keys
    if keys:
        block: object = experiment
        for part in keys.split("."):
            block = getattr(block, part)
        assert isinstance(block, dict)
        if key not in block:
            raise Mistake(f"{stage}: {key!r} is not in {keys}{nearest(str(key), block)}")
    threads = getattr(getattr(experiment, stage, None), "threads", 1)
    scratch = SCRATCH / f"{stage}@{key}"
    settle(threads, online=experiment.hub.origin == "hub", scratch=scratch)
    try:
        importlib.import_module(f"rosberta.stages.{stage}").run(experiment, key)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def settle(threads: int, *, online: bool, scratch: Path) -> None:
    """Fix what libraries read from the environment, and the threads of those that have been imported.

    The number of threads is fixed since sums of floats depend on it; libraries' caches of what they derive go to an
    undeclared scratch folder, so that no earlier state can leak into a stage.
    """
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = str(threads)
    threadpool_limits(threads)  # numpy came with the parameters
    # Tokens do not depend on threads, and one core cannot keep a GPU busy.
    os.environ["TOKENIZERS_PARALLELISM"] = str(threads > 1).lower()
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    os.environ["HF_HUB_DISABLE_XET"] = "1"  # one way to download, which resumes what broke off
    os.environ["HF_DATASETS_CACHE"] = str(scratch.absolute() / "datasets")
    os.environ["MTEB_CACHE"] = str(scratch.absolute() / "mteb")
    if not online or os.environ.get("ROSBERTA_MIRROR"):
        os.environ["HF_HUB_OFFLINE"] = "1"
