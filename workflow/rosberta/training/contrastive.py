"""Contrastive training: the rows of a mixture with their prefixes, and the trainer that learns them (paper 4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from rosberta.frame.artifacts import MINED
from rosberta.frame.files import sha256
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_rows
from rosberta.texts.prefixes import PREFIXES
from rosberta.training.losses import loss_of
from rosberta.training.trainer import arguments

if TYPE_CHECKING:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer

    from rosberta.experiment.training import Contrast


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


def trainer_of(
    model: SentenceTransformer,
    datasets: Mapping[str, Dataset],
    prompts: Mapping[str, Mapping[str, str]],
    settings: Contrast,
    seed: int,
    folder: Path,
) -> Any:
    """The trainer of a model, before its first step.

    Args:
        model: an encoder with its head.
        datasets: rows by source.
        prompts: prefix by source and column.
        settings: of the stage.
        seed: of order and dropout.
        folder: for checkpoints.
    """
    from datasets import DatasetDict
    from safetensors.torch import load_file
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from sentence_transformers.base.training_args import MultiDatasetBatchSamplers

    from rosberta.encoder.folder import encoder_of
    from rosberta.training.batches import ApartBatchSampler

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
