"""Stage `contrast`: an encoder becomes an embedding model with InfoNCE, hard negatives and prefixes (paper 4.3, A.2.1).

A step is so many device batches, each of one source, drawn in proportion to the sources' sizes; an anchor's negatives
are the hard negatives and all other documents of its device batch. The embedding is the first token's state,
L2-normalised.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from rosberta.frame.artifacts import ENCODERS, MIXTURES, RUNS
from rosberta.frame.code import code_of
from rosberta.frame.files import digest, read_json, whole
from rosberta.frame.mistakes import Missing, Mistake
from rosberta.training.checkpoints import finish, scratch, versions
from rosberta.training.curves import Point, jsonl, summary

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``results/runs/<key>/contrasted/``: a folder that ``SentenceTransformer(path)`` loads.

    Beside the model it holds the curve (``loss.jsonl``) and which rows met in which step (``schedule.parquet``).

    Raises:
        Mistake: an input is missing, or not the one that the plan names; or a loss is no number.
    """
    from rosberta.encoder.folder import encoder_of, load_sentence_transformer, save
    from rosberta.training.contrastive import Contrastive, held_out, source_of, write_schedule
    from rosberta.training.loop import learn
    from rosberta.training.processes import first_before_others, is_first, met
    from rosberta.training.schedule import schedule, texts_of
    from rosberta.training.token_store import identity_of, tokenizer_of

    settings, run = experiment.contrast_of(key), experiment.runs[key]
    start = ENCODERS / run.encoder
    if not start.is_dir():
        raise Missing(start, f"pretrain@{run.encoder}")
    plan = read_json(MIXTURES / f"{run.mixture}.json")
    model = load_sentence_transformer(start, "cls", settings.max_length)
    length = int(model.max_seq_length or settings.max_length)
    tokenizer, identity = tokenizer_of(start, length), identity_of(start, length)
    inputs = {"settings": settings.model_dump(), "seed": run.seed, "start": digest(start), "plan": plan}
    folder = scratch("contrast", key, inputs | {"code": code_of(__name__), "versions": versions(), **identity})
    points: list[Point] = []
    sources = {}
    with met() as device:
        if settings.max_steps != 0:
            with first_before_others():
                sources = {
                    name: source_of(name, entry, run.mixture, settings.hard_negatives, tokenizer, identity)
                    for name, entry in plan["sources"].items()
                }
        split = {name: held_out(source, settings.validation) for name, source in sources.items()}
        drawn = schedule(
            {name: texts_of(source.forms, split[name][0], source.positives) for name, source in sources.items()},
            batch_size=settings.batch_size,
            devices=settings.devices,
            seed=run.seed,
            epochs=settings.epochs,
            max_steps=settings.max_steps,
        )
        for name, reasons in drawn.left_out.items():
            rows = plan["sources"][name]["rows"]
            told = ", ".join(f"{number} {reason}" for reason, number in reasons.items())
            log.info("%s: of %d rows of %s are left out of an epoch: %s", key, rows, name, told)
        if settings.max_steps != 0 and not drawn.steps:
            raise Mistake(
                f"contrast@{key}: no device batch can be made of the {plan['rows']} rows of {run.mixture}: all would "
                "be false negatives of each other, or are held out; give it more, or set max_steps: 0"
            )
        if drawn.steps:
            encoder: Any = encoder_of(model)
            kept = {name: rows for name, (_, rows) in split.items()}
            work = Contrastive(encoder.to(device), sources, drawn, settings, run.seed, f"contrast@{key}", kept)
            points = learn(work, encoder, settings, folder)
            encoder.cpu().set_attn_implementation("sdpa")
        if not is_first():
            return
    with whole(RUNS / key / "contrasted") as part:
        save(model, part, start)
        write_schedule(drawn, part / "schedule.parquet")
        (part / "loss.jsonl").write_text(jsonl(points), encoding="utf-8")
    finish(folder)
    log.info(
        "%s: %d steps of %d rows of %d sources, %s",
        key, drawn.steps, plan["rows"], len(plan["sources"]), summary(points),
    )  # fmt: skip
