"""Stage `pretrain`: masked language modelling on the corpus' own texts, then a step back to the start (paper 4.2).

The unique texts of the cleaned sources of a mixture are learnt; after that the encoder layers, and they alone, are
interpolated (SLERP) with those of the model before training, against forgetting.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosberta.artifacts import CLEANED, ENCODERS, MIXTURES, VOCABULARY, digest, read_json, read_rows, sha256, whole
from rosberta.mistakes import Mistake
from rosberta.slerp import slerp_weights
from rosberta.training import arguments, finish, lines, scratch, told, train

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

    from rosberta.params import Experiment, Pretrain

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``results/encoders/<key>/``: the trained encoder with its tokenizer, and ``loss.jsonl``.

    Raises:
        Mistake: an input is missing, or not the one that the plan names.
    """
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer
    from transformers.utils import logging as chatter

    chatter.disable_progress_bar()
    settings = experiment.pretrain_of(key)
    start = VOCABULARY / key
    if not start.is_dir():
        raise Mistake(f"{start}: missing; run the stage `vocabulary`, or restore it with `dvc checkout`")
    mixture = experiment.encoders[key].mixture
    plan = read_json(MIXTURES / f"{mixture}.texts.json")
    model = AutoModelForMaskedLM.from_pretrained(start, use_safetensors=True, dtype=torch.float32)
    points: list[dict[str, float]] = []
    folder = scratch("pretrain", key, {"settings": settings.model_dump(), "start": digest(start), "texts": plan})
    texts: list[str] = []
    if settings.max_steps != 0:
        texts = texts_of(plan, mixture)
        points = learn(model, AutoTokenizer.from_pretrained(start), texts, settings, folder)
        before = AutoModelForMaskedLM.from_pretrained(start, use_safetensors=True, dtype=torch.float32)
        layers = f"{model.base_model_prefix}.encoder.layer."
        merged = slerp_weights(
            model.state_dict(), before.state_dict(), settings.base_share, lambda name: name.startswith(layers)
        )
        model.load_state_dict(merged)
    with whole(ENCODERS / key) as part:
        model.save_pretrained(part)
        for file in sorted(start.glob("*token*.json")):
            shutil.copyfile(file, part / file.name)
        (part / "loss.jsonl").write_text(lines(points), encoding="utf-8")
    finish(folder)
    log.info("%s: %d texts, %s", key, len(texts), told(points))


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


def learn(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    settings: Pretrain,
    folder: Path,
) -> list[dict[str, float]]:
    """Train a model in place to predict masked tokens of `texts`; return the points of the loss curve."""
    points = train(trainer_of(model, tokenizer, texts, settings, folder), folder)
    model.cpu()
    return points


def trainer_of(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    settings: Pretrain,
    folder: Path,
) -> Trainer:
    """The trainer of `learn`, before its first step."""
    from transformers import Trainer, TrainingArguments

    from rosberta.encoding import positions
    from rosberta.masking import Masking

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
