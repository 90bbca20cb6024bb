"""Command `windows`: write a study of the windows of hard negatives into params.yaml.

A run is repeated with negatives of other windows, at random, and of a margin instead of a window: a mining, a run that
chooses it, and a model each. `mine` then says of each how many negatives are suspected to be positives, before any
training; `evaluate` what became of them.
"""

from __future__ import annotations

import argparse
import copy
import logging
from pathlib import Path
from typing import Any

from rosberta.doors import parameters
from rosberta.experiment.corpus import METHODS
from rosberta.frame.files import whole
from rosberta.frame.mistakes import Mistake, nearest

log = logging.getLogger(__name__)

WINDOWS: dict[str, dict[str, Any]] = {
    "ranks_0_20": {"first_rank": 0, "last_rank": 20},
    "ranks_20_100": {"first_rank": 20, "last_rank": 100},
    "ranks_100_200": {"first_rank": 100, "last_rank": 200},
    "margin": {"first_rank": 0, "last_rank": 100, "relative_margin": 0.05},
    # What the teacher says of these is told beside the others.
    "random": {"methods": dict.fromkeys(METHODS, "random"), "score_random": True},
}
"""What of `mine` differs."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take the run."""
    parser.add_argument("name", metavar="RUN", help="a name in `runs`, which is repeated for each window")


def run(asked: argparse.Namespace) -> int:
    """Write it."""
    write(asked.name)
    return 0


def write(name: str, path: Path = parameters.PARAMS) -> None:
    """Add the study of a run to the parameters, comments kept, and log what is added; what the run has is left out.

    Windows have as many negatives as the run's own mining, and are as `mine` in all else.

    Raises:
        Mistake: there is no such run, or the parameters are wrong, or would be.
    """
    from ruamel.yaml import YAML

    before = parameters.read(path)
    experiment = parameters.check(before, str(path))
    if name not in experiment.runs:
        raise Mistake(f"windows: {name!r} is not in runs{nearest(name, experiment.runs)}")
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 10_000, True
    data = yaml.load(path.read_text(encoding="utf-8"))
    if data.get("minings") is None:
        data.insert(list(data).index("mine") + 1, "minings", {})
    weights = f"results/runs/{name}/merged"
    model = next((each for each in data["models"].values() if each["weights"] == weights), {"prompts": "rosberta"})
    mixture, mining = experiment.runs[name].chosen
    own_mining = experiment.mining(mining or experiment.mixtures[mixture].mining)
    as_many = {} if own_mining.negatives == experiment.mine.negatives else {"negatives": own_mining.negatives}
    for window, differing in WINDOWS.items():
        changes = {**differing, **as_many}
        if experiment.model_copy(update={"minings": {window: changes}}).mining(window) == own_mining:
            continue  # what the run has already
        ran = f"{name}_{window}"
        own = {"weights": f"results/runs/{ran}/merged"}
        for block, key, value in (
            ("minings", window, changes),
            ("runs", ran, {**copy.deepcopy(data["runs"][name]), "mixture": f"{mixture}/{window}"}),
            ("models", ran, {**copy.deepcopy(model), **own}),
        ):
            if data[block].get(key, value) != value:
                raise Mistake(f"windows: {block}.{key} is there already, and another; rename it")
            data[block][key] = value
    with whole(path) as part:
        with part.open("w", encoding="utf-8") as file:
            yaml.dump(data, file)
        after = parameters.read(part)
        parameters.check(after, str(path))
    for change in parameters.differences(before, after):
        log.info("%s", change)
