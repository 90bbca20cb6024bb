"""The command line: one command a stage, and what keeps ``params.yaml``."""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from rosberta.flow import FLOW
from rosberta.mistakes import Mistake, nearest


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a mistake of the user's is one line on stderr and exit status 1."""
    parser = argparse.ArgumentParser(prog="python -m rosberta", description="Stages and parameters of rosberta.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, stage in FLOW.items():
        command = commands.add_parser(name, help=stage.does)
        if name == "hub":
            _pins(command)
        if stage.keys:
            command.add_argument("key", metavar=stage.keys.rsplit(".", 1)[-1].removesuffix("s").upper())
    preset = commands.add_parser("preset", help="write a preset over params.yaml and say what changes")
    preset.add_argument("name", metavar="NAME")
    commands.add_parser("schema", help="write the JSON schema of params.yaml, for editors")
    planned = commands.add_parser(
        "plan", help="say what the experiment will read, compute and store, without running it"
    )
    planned.add_argument("--gpu", default="H200", help="the GPU that hours are given for")
    compared = commands.add_parser("compare", help="lay two models side by side, with intervals of their difference")
    for name in ("first", "second"):
        compared.add_argument(name, metavar=name.upper(), help="a scored model, or the id of a published one")
    asked = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s", stream=sys.stderr)
    for chatty in ("httpx", "datasets", "mteb", "sentence_transformers", "transformers"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        if getattr(asked, "about", None):
            return _about_pins(asked)
        if asked.command in FLOW:
            run_stage(asked.command, getattr(asked, "key", None))
        elif asked.command == "plan":
            from rosberta import params, plan

            sys.stdout.write(plan.run(params.load(), asked.gpu))
        elif asked.command == "compare":
            from rosberta import compare

            sys.stdout.write(compare.run(asked.first, asked.second))
        else:
            from rosberta import presets

            presets.write(asked.name) if asked.command == "preset" else presets.write_schema()
    except Mistake as mistake:
        for line in str(mistake).splitlines():
            sys.stderr.write(f"rosberta: {line}\n")
        return 1
    return 0


def _pins(command: argparse.ArgumentParser) -> None:
    about = command.add_subparsers(dest="about", metavar="check | mirror DIR")
    about.add_parser("check", help="say of every pin whether it can be had, without downloading")
    about.add_parser("mirror", help="download every pin into a folder").add_argument("folder", type=Path, metavar="DIR")


def _about_pins(asked: argparse.Namespace) -> int:
    from rosberta import params

    experiment = params.load()
    settle(1, online=True, scratch=Path(".scratch/hub@pins"))
    from rosberta import pins

    if asked.about == "mirror":
        pins.mirror(experiment, asked.folder)
        return 0
    table, complete = pins.check(experiment)
    sys.stdout.write(table)
    return 0 if complete else 1


def run_stage(stage: str, key: str | None) -> None:
    """Check all parameters, then run one stage.

    Raises:
        Mistake: parameters are wrong, or the stage has no such key.
    """
    from rosberta import params

    experiment = params.load()
    keys = FLOW[stage].keys
    if keys:
        block: object = experiment
        for part in keys.split("."):
            block = getattr(block, part)
        assert isinstance(block, dict)
        if key not in block:
            raise Mistake(f"{stage}: {key!r} is not in {keys}{nearest(str(key), block)}")
    if stage == "check":
        return _check()
    threads = getattr(getattr(experiment, stage, None), "threads", 1)
    scratch = Path(".scratch") / f"{stage}@{key}"
    settle(threads, online=experiment.hub.origin == "hub", scratch=scratch)
    try:
        importlib.import_module(f"rosberta.{stage}").run(experiment, key)
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


def _check() -> None:
    from rosberta.artifacts import CHECKED, whole

    with whole(CHECKED) as part:
        # The same bytes for every valid experiment: what is valid does not change what comes after.
        part.write_text("The parameters are valid.\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
