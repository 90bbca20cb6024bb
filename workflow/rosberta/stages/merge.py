"""Stage `merge`: the contrasted model goes a step back towards the encoder that it was made of (paper 4.3).

All weights are interpolated (SLERP), embeddings included. The paper applies "a factor of 0.1 to the base model"; that
this is the base's share, and which weights it is for, is not published: ours.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rosberta.encoder.slerp import slerp_weights
from rosberta.frame.artifacts import ENCODERS, RUNS
from rosberta.frame.files import whole
from rosberta.frame.mistakes import Missing

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``results/runs/<key>/merged/``: a folder that ``SentenceTransformer(path)`` loads.

    Raises:
        Mistake: an input is missing.
    """
    from rosberta.encoder.folder import encoder_of, load_sentence_transformer, save

    share = experiment.merge_of(key).base_share
    contrasted, encoder = RUNS / key / "contrasted", ENCODERS / experiment.runs[key].encoder
    for folder in (contrasted, encoder):
        if not folder.is_dir():
            raise Missing(folder)
    model, base = (load_sentence_transformer(folder, "cls", 10**6) for folder in (contrasted, encoder))
    merged = slerp_weights(encoder_of(model).state_dict(), encoder_of(base).state_dict(), share)
    encoder_of(model).load_state_dict(merged)
    with whole(RUNS / key / "merged") as part:
        save(model, part, contrasted)
    log.info("%s: %d weights, %g of %s in them", key, len(merged), share, experiment.runs[key].encoder)
