"""Running a stage: its parameters checked, its key known, its libraries settled."""

from __future__ import annotations

import importlib
import json
import os
import shutil
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from rosberta.doors import parameters
from rosberta.doors.devices import leased
from rosberta.doors.launch import launch
from rosberta.frame.artifacts import CHECKED, SCRATCH
from rosberta.frame.code import forget
from rosberta.frame.files import canonical, digest
from rosberta.frame.flow import FLOW
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.frame.slices import job_of, slice_of, value_at
from rosberta.frame.weights import own_folder

if TYPE_CHECKING:
    from rosberta.experiment import Experiment


def run_stage(stage: str, key: str | None) -> None:
    """Check all parameters, then run one stage.

    What DVC records of a job is its slice, as `check` laid it down. So the parameters and the code that are there now
    are held to it, before the work and behind it: an edit in the meantime must not be recorded as what it was not.

    Raises:
        Mistake: parameters are wrong, the stage has no such key, or parameters or code were edited since `check`.
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
    laid = CHECKED / f"{job_of(stage, key)}.json"
    expected = laid.read_text(encoding="utf-8") if stage != "check" and laid.is_file() else None
    _hold(stage, key, experiment, expected)
    # What differs for a run, or an encoder, is in its own settings.
    own = {"pretrain": experiment.pretrain_of, "contrast": experiment.contrast_of}.get(stage)
    settings = own(str(key)) if own else getattr(experiment, stage, None)
    # No stage writes it, so that it may change at any time; DVC looks at it when the work is done.
    mine = own_folder(experiment.models[str(key)].weights) if stage == "evaluate" else None
    content = digest(mine) if mine else None
    one_of_several = "RANK" in os.environ
    scratch = SCRATCH / job_of(stage, key) / os.environ.get("RANK", "")
    settle(getattr(settings, "threads", 1), online=experiment.hub.origin == "hub", scratch=scratch)
    # The launcher holds the GPUs of its processes.
    lease: AbstractContextManager[list[str]] = (
        nullcontext([]) if one_of_several else leased(wanted=_computes_on_gpus(stage, key, experiment))
    )
    with lease as devices:
        try:
            if len(devices) > 1 and FLOW[stage].processes:
                launch([stage, *([key] if key else [])], len(devices))
            else:
                call(stage, experiment, key)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    if mine and digest(mine) != content:
        raise Mistake(f"{job_of(stage, key)}: {mine} changed in the meantime; nothing is recorded, start again")
    if expected is not None:
        forget()
        _hold(stage, key, parameters.load(), expected)


def call(stage: str, experiment: Experiment, key: str | None = None) -> None:
    """Run a stage of an experiment in the current folder, whatever its parameters come from; nothing is recorded."""
    importlib.import_module(f"rosberta.stages.{stage}").run(experiment, key)


def _hold(stage: str, key: str | None, experiment: Experiment, expected: str | None) -> None:
    """Hold a job to its slice, if `check` laid one down."""
    if expected is None:
        return
    now = slice_of(stage, key, experiment.resolved())
    if canonical(now) == expected:
        return
    before = json.loads(expected)
    changed = sorted(
        name
        for part in ("parameters", "code")
        for name in {**before[part], **now[part]}
        if before[part].get(name, "") != now[part].get(name, "")
    )
    raise Mistake(
        f"{job_of(stage, key)}: {', '.join(changed[:5])}{', ...' if changed[5:] else ''} changed since `check` ran; "
        "nothing is recorded, start again (snakemake, or dvc repro)"
    )


def _computes_on_gpus(stage: str, key: str | None, experiment: Experiment) -> bool:
    gpu = FLOW[stage].gpu
    return gpu if isinstance(gpu, bool) else value_at(experiment.resolved(), gpu.split("."), key) is not None


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
