"""Stage `release`: a run's model as it is handed on to others, in one folder.

``results/release/<run>/`` is what ``SentenceTransformer(path)`` and ``AutoModel.from_pretrained(path)`` load and the
hub takes: weights as safetensors, tokenizer, pooling, prompts under the recipe's names and mteb's, a card written from
artifacts (``README.md``), ``CITATION.cff`` and ``SHA256SUMS``. Nothing is uploaded.
"""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING

from rosberta.encoder.folder import PROMPTS
from rosberta.encoder.released import make_portable, write_sums
from rosberta.evaluation.prompts import ROSBERTA_PROMPTS
from rosberta.frame.artifacts import RELEASE, RUNS
from rosberta.frame.files import whole
from rosberta.frame.mistakes import Missing
from rosberta.report.card import card, citation, scored_as

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write the folder of one run.

    Raises:
        Mistake: an input is missing, or damaged.
    """
    merged = RUNS / key / "merged"
    if not merged.is_dir():
        raise Missing(merged, f"merge@{key}")
    prompts = {**PROMPTS, **ROSBERTA_PROMPTS}
    with whole(RELEASE / key) as part:
        shutil.copytree(merged, part, ignore=shutil.ignore_patterns(".snakemake_timestamp"))
        make_portable(part, prompts)
        (part / "README.md").write_text(card(experiment, key, part, prompts), encoding="utf-8")
        (part / "CITATION.cff").write_text(citation(experiment, key), encoding="utf-8")
        write_sums(part)
    model = scored_as(experiment, key)
    log.info(
        "%s: %s, scores of %s", key, RELEASE / key, f"model {model}" if model else "no model: it was not evaluated"
    )
