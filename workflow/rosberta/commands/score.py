"""Command `score`: score a model of one's own on ruMTEB: a folder, a run, or an id on the hub.

A folder of sentence-transformers or of transformers, a run or model of params.yaml, or ORG/NAME@REVISION on the hub.
Nothing of the experiment is read, unless it is named, and nothing is changed: files go to results/scored/, in the
leaderboard's layout. What a kill left is gone on with, and no text is embedded twice.

Tasks are v1, v1.1 (23 tasks each), a category such as STS (of v1.1), single tasks by mteb's names, tasks of one's own
in params.yaml, or a YAML file with entries of `hub.datasets` and `benchmark.tasks`. Prompts are those that the folder
names, or --prompts: a family, or the prompts by task, category or side, as '{query: "query: ", document: "passage: "}'.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from rosberta.doors import parameters
from rosberta.doors.chosen_tasks import chosen_tasks
from rosberta.doors.devices import leased
from rosberta.doors.named_model import PROMPTS_HELP, Named, named_model, pooling_of, prompts_of
from rosberta.doors.run import call, settle
from rosberta.evaluation.models import weights_of
from rosberta.evaluation.own_prompts import own_prompts
from rosberta.experiment import Experiment
from rosberta.experiment.hub import Hub, Miniature
from rosberta.experiment.models import Evaluate, Model
from rosberta.frame.artifacts import EMBEDDINGS, HUB, SCORES, SCRATCH
from rosberta.frame.code import code_of
from rosberta.frame.files import canonical, digest, whole
from rosberta.frame.mistakes import Mistake
from rosberta.outside.mirror import MIRROR
from rosberta.report.scored import scored
from rosberta.report.tables import NOTE

log = logging.getLogger(__name__)

SCORED = Path("results/scored")
"""Where scores go, a folder a model."""

PLACE = SCRATCH / "score"
"""A small experiment of its own: pins, tasks, and what is scored of a model. May vanish at any time."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the model, the tasks, and how it is to be read."""
    parser.add_argument("model", metavar="MODEL", help="a folder, a run or model of params.yaml, or ORG/NAME@REVISION")
    parser.add_argument("--name", help="what it is called in results/scored/ (its folder's or run's name)")
    parser.add_argument("--tasks", nargs="+", default=["v1.1"], metavar="TASK", help="which tasks (v1.1)")
    parser.add_argument("--prompts", metavar="PROMPTS", help=PROMPTS_HELP)
    parser.add_argument("--pooling", choices=["cls", "mean"], help="of a plain transformers folder")
    parser.add_argument("--max-length", type=int, metavar="TOKENS", help="of a text at most (512)")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="(%(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of the processor (%(default)s)")
    parser.add_argument(
        "--miniature", action="store_true", help="on made-up tasks, to try the command without any network"
    )


def run(asked: argparse.Namespace) -> int:
    """Score the model, and print the table."""
    begun = time.monotonic()
    named = named_model(asked.model, asked.name)
    if not named.key:
        raise Mistake(f"{asked.model}: its name has no letter a-z and no digit to call its scores by; add --name")
    folder = score(asked, named)
    sys.stdout.write(scored(folder, named.key, NOTE if asked.miniature else "").text())
    log.info("%s: the files are in %s; %.0f s", named.key, folder, time.monotonic() - begun)
    return 0


def score(asked: argparse.Namespace, named: Named) -> Path:
    """Score a model, and give the folder of its scores.

    Raises:
        Mistake: model, tasks or prompts are not what they should be, or cannot be had.
    """
    if asked.miniature and named.pins:
        raise Mistake("--miniature: without network there is no model of the hub; name a folder or a run")
    benchmark, datasets = chosen_tasks(asked.tasks)
    # What lies here is looked at before anything is fetched.
    model = None if named.pins else _model(asked, named, list(benchmark.tasks))
    hub = Hub(origin="hub", datasets=datasets, models=named.pins)
    if asked.miniature:
        hub = Hub(miniature=_miniature(), datasets=datasets, models={})
    evaluate = parameters.validated(Evaluate, {"precision": asked.precision, "threads": asked.threads}, "--")
    target = SCORED / named.key
    with leased(wanted=True), _own_place():
        settle(asked.threads, online=True, scratch=SCRATCH / "libraries")
        blocks: dict[str, Any] = {"hub": hub, "benchmark": benchmark, "evaluate": evaluate, "models": {}}
        # What is collected, mined and trained is nobody's business here.
        experiment = Experiment.model_construct(**blocks)
        call("hub", experiment)
        model = model or _model(asked, named, list(benchmark.tasks))
        _lay_out(experiment)
        call("evaluate", experiment.model_copy(update={"models": {named.key: model}}), named.key)
        written = (SCORES / named.key).absolute()
    with whole(target) as part:
        shutil.copytree(written, part)
    return target


def _model(asked: argparse.Namespace, named: Named, tasks: list[str]) -> Model:
    """The model's entry: what was asked for, else what the experiment knows of it, else what its folder says."""
    weights, known = weights_of(named.weights), named.known
    prompts = prompts_of(asked.prompts, tasks) if asked.prompts else known and known.prompts
    if prompts is None:
        prompts = own_prompts(weights, tasks)
        log.info("%s: prompts as its folder says: %s", named.key, prompts)
    entry = {
        "weights": named.weights,
        "prompts": prompts,
        "pooling": pooling_of(weights, asked.pooling, known),
        "max_length": asked.max_length if asked.max_length is not None else (known and known.max_length),
    }
    return parameters.validated(Model, entry, "--")


@contextmanager
def _own_place() -> Iterator[None]:
    """Work in a folder of its own, with the project's cache of embeddings; others wait until it is free."""
    from filelock import FileLock

    mirrors = os.environ.get(MIRROR, "")
    # What is named from here is not there.
    os.environ[MIRROR] = os.pathsep.join(str(Path(each).absolute()) for each in mirrors.split(os.pathsep) if each)
    cache = EMBEDDINGS.absolute()
    cache.mkdir(parents=True, exist_ok=True)
    link = PLACE / EMBEDDINGS
    link.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(PLACE / "lock"):
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(cache, target_is_directory=True)
        with chdir(PLACE):
            yield


def _lay_out(experiment: Experiment) -> None:
    """Lay out the tasks, if they are not there as they would be laid out now."""
    wanted = {
        "tasks": experiment.benchmark.model_dump(),
        "sets": digest(HUB / "datasets"),
        "code": code_of("rosberta.stages.benchmark"),
    }
    stamp = Path("laid_out.json")
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == canonical(wanted):
        return
    stamp.unlink(missing_ok=True)
    call("benchmark", experiment)
    stamp.write_text(canonical(wanted), encoding="utf-8")


def _miniature() -> Miniature:
    """The miniature of the experiment, if there is one."""
    return parameters.load().hub.miniature if parameters.PARAMS.is_file() else Miniature()
