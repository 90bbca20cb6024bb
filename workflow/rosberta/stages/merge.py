"""Stage `merge`: the contrasted model goes a step back towards the encoder that it was made of (paper 4.3).

All weights are interpolated (SLERP), embeddings included. The paper applies "a factor of 0.1 to the base model"; that
this is the base's share, and which weights it is for, is not published: ours.
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from rosberta.encoder.folder import weights_in
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
    # Weights alone are read: nothing is computed with the models, and their libraries take longer to load than this.
    from safetensors.torch import save_file

    share = experiment.merge_of(key).base_share
    contrasted, encoder = RUNS / key / "contrasted", ENCODERS / experiment.runs[key].encoder
    for folder in (contrasted, encoder):
        if not folder.is_dir():
            raise Missing(folder)
    merged = slerp_weights(weights_in(contrasted), weights_in(encoder), share)
    with whole(RUNS / key / "merged") as part:
        shutil.copytree(
            contrasted, part, ignore=shutil.ignore_patterns("*.safetensors", "loss.jsonl", "schedule.parquet")
        )
        save_file(merged, part / "model.safetensors", {"format": "pt"})
    log.info("%s: %d weights, %g of %s in them", key, len(merged), share, experiment.runs[key].encoder)
