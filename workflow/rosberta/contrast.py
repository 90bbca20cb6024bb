"""Stage `contrast`: an encoder becomes an embedding model with InfoNCE, hard negatives and prefixes (paper 4.3, A.2.1).

Each batch comes from one source, drawn in proportion to the sources' batches; its negatives are the hard negatives and
all other documents of the batch. The embedding is the first token's state, L2-normalised.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from rosberta.artifacts import ENCODERS, MINED, MIXTURES, RUNS, digest, read_json, read_rows, sha256, whole
from rosberta.mistakes import Mistake
from rosberta.prefixes import PREFIXES
from rosberta.training import arguments, finish, lines, scratch, told, train

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from torch import nn

    from rosberta.params import Contrast, Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``results/runs/<key>/contrasted/``: a folder that ``SentenceTransformer(path)`` loads, with ``loss.jsonl``.

    Raises:
        Mistake: an input is missing, or not the one that the plan names.
    """
    from rosberta.encoding import embedder, save

    settings, run = experiment.contrast_of(key), experiment.runs[key]
    start = ENCODERS / run.encoder
    if not start.is_dir():
        raise Mistake(f"{start}: missing; run the stage `pretrain`, or restore it with `dvc checkout`")
    plan = read_json(MIXTURES / f"{run.mixture}.json")
    model = embedder(start, "cls", settings.max_length)
    inputs = {"settings": settings.model_dump(), "seed": run.seed, "start": digest(start), "plan": plan}
    folder = scratch("contrast", key, inputs)
    points: list[dict[str, float]] = []
    if settings.max_steps != 0:
        datasets = {name: dataset(name, entry, settings, run.mixture) for name, entry in plan["sources"].items()}
        prompts = {name: prompts_of(entry["prefix"], settings) for name, entry in plan["sources"].items()}
        points = learn(model, datasets, prompts, settings, run.seed, folder)
    with whole(RUNS / key / "contrasted") as part:
        save(model, part, start)
        (part / "loss.jsonl").write_text(lines(points), encoding="utf-8")
    finish(folder)
    log.info("%s: %d rows of %d sources, %s", key, plan["rows"], len(plan["sources"]), told(points))


def dataset(name: str, entry: Mapping[str, Any], settings: Contrast, mixture: str) -> Dataset:
    """The rows of a source as columns: anchor, positive, negative_1 to negative_n.

    Raises:
        Mistake: the source is missing, or not the one that the plan names.
    """
    import pyarrow as pa
    from datasets import Dataset

    path = MINED / f"{name}.parquet"
    table = read_rows(path)
    if sha256(path) != entry["sha256"]:
        raise Mistake(
            f"{path}: is not what the plan of {mixture} names; run `dvc repro mine@{name}`, then `... mix@{mixture}`"
        )
    columns = {name: table[name] for name in ("anchor", "positive")}
    columns |= {
        f"negative_{n}": pc.list_element(table["negatives"], n - 1) for n in range(1, settings.hard_negatives + 1)
    }
    return Dataset(pa.table(columns))


def prompts_of(prefix: str, settings: Contrast) -> dict[str, str]:
    """The prefix of each column of a source."""
    pair = PREFIXES[prefix]
    documents = ["positive", *(f"negative_{n}" for n in range(1, settings.hard_negatives + 1))]
    return {"anchor": pair.query, **dict.fromkeys(documents, pair.document)}


def loss_of(model: SentenceTransformer, settings: Contrast) -> nn.Module:
    """InfoNCE over the hard negatives and the batch; with cached gradients where texts are embedded in parts."""
    from sentence_transformers.sentence_transformer.losses import (
        CachedMultipleNegativesRankingLoss,
        MultipleNegativesRankingLoss,
    )

    scale = 1 / settings.temperature
    if settings.mini_batch is None:
        return MultipleNegativesRankingLoss(model, scale=scale)
    return CachedMultipleNegativesRankingLoss(model, scale=scale, mini_batch_size=settings.mini_batch)


def learn(
    model: SentenceTransformer,
    datasets: Mapping[str, Dataset],
    prompts: Mapping[str, Mapping[str, str]],
    settings: Contrast,
    seed: int,
    folder: Path,
) -> list[dict[str, float]]:
    """Train a model in place; return the points of the loss curve.

    Args:
        model: an encoder with its head.
        datasets: rows by source.
        prompts: prefix by source and column.
        settings: of the stage.
        seed: of order and dropout.
        folder: for checkpoints.
    """
    trainer = trainer_of(model, datasets, prompts, settings, seed, folder)
    points = train(trainer, folder)
    model.cpu()
    return points


def trainer_of(
    model: SentenceTransformer,
    datasets: Mapping[str, Dataset],
    prompts: Mapping[str, Mapping[str, str]],
    settings: Contrast,
    seed: int,
    folder: Path,
) -> Any:
    """The trainer of `learn`, before its first step."""
    from datasets import DatasetDict
    from safetensors.torch import load_file
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.base.training_args import MultiDatasetBatchSamplers

    from rosberta.batches import ApartBatchSampler
    from rosberta.encoding import encoder_of

    class Trainer(SentenceTransformerTrainer):
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """Collect nothing for a model card: it would hold dates."""

        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:  # noqa: ARG002
            # The library would load a pooler, too, and find that the model has none.
            encoder_of(self.model).load_state_dict(load_file(Path(resume_from_checkpoint) / "model.safetensors"))

    rows = sum(len(dataset) for dataset in datasets.values())
    return Trainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            **arguments(settings, seed, rows, folder),
            per_device_train_batch_size=settings.batch_size,
            activation_checkpointing=settings.gradient_checkpointing,
            activation_checkpointing_kwargs={"use_reentrant": False} if settings.gradient_checkpointing else None,
            prompts={name: dict(columns) for name, columns in prompts.items()},
            batch_sampler=ApartBatchSampler,
            multi_dataset_batch_sampler=MultiDatasetBatchSamplers.PROPORTIONAL,
        ),
        train_dataset=DatasetDict(datasets),
        loss=loss_of(model, settings),
    )
