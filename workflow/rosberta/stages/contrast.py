"""Stage `contrast`: an encoder becomes an embedding model with InfoNCE, hard negatives and prefixes (paper 4.3, A.2.1).

Each batch comes from one source, drawn in proportion to the sources' batches; its negatives are the hard negatives and
all other documents of the batch. The embedding is the first token's state, L2-normalised.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rosberta.frame.artifacts import ENCODERS, MIXTURES, RUNS
from rosberta.frame.files import digest, read_json, whole
from rosberta.frame.mistakes import Missing
from rosberta.training.checkpoints import finish, scratch
from rosberta.training.contrastive import dataset, prompts_of, trainer_of
from rosberta.training.curves import jsonl, summary
from rosberta.training.trainer import train

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``results/runs/<key>/contrasted/``: a folder that ``SentenceTransformer(path)`` loads, with ``loss.jsonl``.

    Raises:
        Mistake: an input is missing, or not the one that the plan names.
    """
    from rosberta.encoder.folder import load_sentence_transformer, save

    settings, run = experiment.contrast_of(key), experiment.runs[key]
    start = ENCODERS / run.encoder
    if not start.is_dir():
        raise Missing(start, f"pretrain@{run.encoder}")
    plan = read_json(MIXTURES / f"{run.mixture}.json")
    model = load_sentence_transformer(start, "cls", settings.max_length)
    inputs = {"settings": settings.model_dump(), "seed": run.seed, "start": digest(start), "plan": plan}
    folder = scratch("contrast", key, inputs)
    points: list[dict[str, float]] = []
    if settings.max_steps != 0:
        datasets = {name: dataset(name, entry, settings, run.mixture) for name, entry in plan["sources"].items()}
        prompts = {name: prompts_of(entry["prefix"], settings) for name, entry in plan["sources"].items()}
        points = train(trainer_of(model, datasets, prompts, settings, run.seed, folder), folder)
    with whole(RUNS / key / "contrasted") as part:
        save(model, part, start)
        (part / "loss.jsonl").write_text(jsonl(points), encoding="utf-8")
    finish(folder)
    log.info("%s: %d rows of %d sources, %s", key, plan["rows"], len(plan["sources"]), summary(points))
