"""Masked language modelling: the unique texts of a mixture, and the trainer that learns them (paper 4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosberta.frame.artifacts import CLEANED
from rosberta.frame.files import sha256
from rosberta.frame.mistakes import Mistake
from rosberta.frame.rows import read_rows
from rosberta.training.trainer import arguments

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

    from rosberta.experiment.training import Pretrain


def texts_of(plan: Mapping[str, Any], mixture: str) -> list[str]:
    """The unique texts (anchors, positives, negatives) of a plan's cleaned sources, sorted.

    Raises:
        Mistake: a source is missing, or not the one that the plan names.
    """
    texts: set[str] = set()
    for name, entry in plan["sources"].items():
        path = CLEANED / f"{name}.parquet"
        table = read_rows(path)
        if sha256(path) != entry["sha256"]:
            raise Mistake(f"{path}: is not what the plan of {mixture} names; run `dvc repro mix@{mixture}`")
        texts.update(table["anchor"].to_pylist(), table["positive"].drop_null().to_pylist())
        texts.update(text for negatives in table["negatives"].to_pylist() for text in negatives)
    return sorted(texts)


def trainer_of(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    settings: Pretrain,
    folder: Path,
) -> Trainer:
    """The trainer of a model that is to predict masked tokens of `texts`, before its first step."""
    from transformers import Trainer, TrainingArguments

    from rosberta.encoder.folder import positions
    from rosberta.training.masking import Masking

    length = min(settings.max_length, positions(model.config))
    return Trainer(
        model=model,
        args=TrainingArguments(
            **arguments(settings, settings.seed, len(texts), folder),
            per_device_train_batch_size=settings.batch_size // settings.gradient_accumulation,
            gradient_accumulation_steps=settings.gradient_accumulation,
            # Else the mask of special tokens would not reach the collator.
            remove_unused_columns=False,
        ),
        train_dataset=_Tokenized(texts, tokenizer, length),
        data_collator=Masking(tokenizer, settings.mask_probability, settings.seed),
    )


class _Tokenized:
    """Texts, cut into tokens when they are asked for."""

    def __init__(self, texts: list[str], tokenizer: PreTrainedTokenizerBase, length: int) -> None:
        self.texts, self.tokenizer, self.length = texts, tokenizer, length

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, place: int) -> Mapping[str, Iterable[int]]:
        return self.tokenizer(
            self.texts[place], truncation=True, max_length=self.length, return_special_tokens_mask=True
        )
