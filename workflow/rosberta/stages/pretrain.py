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
from rosberta.frame.code import code_of
from rosberta.frame.files import digest, read_json, whole
from rosberta.frame.mistakes import Missing
from rosberta.training.checkpoints import finish, scratch, versions
from rosberta.training.curves import Point, jsonl, summary

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``results/encoders/<key>/``: the trained encoder with its tokenizer, and ``loss.jsonl``.

    Raises:
        Mistake: an input is missing, or not the one that the plan names.
    """
    import torch
    from transformers import AutoModelForMaskedLM
    from transformers.utils import logging as chatter

    from rosberta.encoder.folder import positions
    from rosberta.training.loop import learn
    from rosberta.training.masked_language import MaskedLanguage, held, texts_of
    from rosberta.training.processes import first_before_others, is_first, met
    from rosberta.training.token_store import identity_of, opened, place_of, stored, tokenizer_of

    chatter.disable_progress_bar()
    settings = experiment.pretrain_of(key)
    start = VOCABULARY / key
    if not start.is_dir():
        raise Missing(start, f"vocabulary@{key}")
    mixture = experiment.encoders[key].mixture
    plan = read_json(MIXTURES / f"{mixture}.texts.json")
    model = AutoModelForMaskedLM.from_pretrained(start, use_safetensors=True, dtype=torch.float32)
    length = min(settings.max_length, positions(model.config))
    tokenizer, identity = tokenizer_of(start, length), identity_of(start, length)
    inputs = {"settings": settings.model_dump(), "start": digest(start), "texts": plan}
    folder = scratch("pretrain", key, inputs | {"code": code_of(__name__), "versions": versions(), **identity})
    points: list[Point] = []
    texts = 0
    with met() as device:
        if settings.max_steps != 0:
            held(plan, mixture)
            place = place_of({"kind": "pretrain", "texts": plan, **identity})
            with first_before_others():
                store = opened(place) or stored(place, texts_of(plan), tokenizer)
            texts = len(store)
            before = {name: weight.clone() for name, weight in model.state_dict().items()}
            work = MaskedLanguage(model.to(device), tokenizer, store, settings, f"pretrain@{key}")
            points = learn(work, model, settings, folder)
            model.cpu().set_attn_implementation("sdpa")
            layers = f"{model.base_model_prefix}.encoder.layer."
            merged = slerp_weights(
                model.state_dict(), before, settings.base_share, lambda name: name.startswith(layers)
            )
            model.load_state_dict(merged)
        if not is_first():
            return
    with whole(ENCODERS / key) as part:
        model.save_pretrained(part)
        for file in sorted(start.glob("*token*.json")):
            shutil.copyfile(file, part / file.name)
        (part / "loss.jsonl").write_text(jsonl(points), encoding="utf-8")
    finish(folder)
    log.info("%s: %d texts, %s", key, texts, summary(points))
