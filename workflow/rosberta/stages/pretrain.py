"""Stage `pretrain`: masked language modelling on the corpus' own texts, then a step back to the start (paper 4.2).

The unique texts of the cleaned sources of a mixture are learnt; after that the encoder layers, and they alone, are
interpolated (SLERP) with those of the model before training, against forgetting.
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from rosberta.encoder.slerp import slerp_weights
from rosberta.frame.artifacts import ENCODERS, MIXTURES, VOCABULARY
from rosberta.frame.files import digest, read_json, whole
from rosberta.frame.mistakes import Missing
from rosberta.training.checkpoints import finish, scratch
from rosberta.training.curves import jsonl, summary
from rosberta.training.masked_language import texts_of, trainer_of
from rosberta.training.trainer import train

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

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
        raise Missing(start, f"vocabulary@{key}")
    mixture = experiment.encoders[key].mixture
    plan = read_json(MIXTURES / f"{mixture}.texts.json")
    model = AutoModelForMaskedLM.from_pretrained(start, use_safetensors=True, dtype=torch.float32)
    points: list[dict[str, float]] = []
    folder = scratch("pretrain", key, {"settings": settings.model_dump(), "start": digest(start), "texts": plan})
    texts: list[str] = []
    if settings.max_steps != 0:
        texts = texts_of(plan, mixture)
        tokenizer = AutoTokenizer.from_pretrained(start)
        points = train(trainer_of(model, tokenizer, texts, settings, folder), folder)
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
        (part / "loss.jsonl").write_text(jsonl(points), encoding="utf-8")
    finish(folder)
    log.info("%s: %d texts, %s", key, len(texts), summary(points))
