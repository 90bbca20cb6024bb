"""Stage `vocabulary`: a Russian encoder learns a donor's tokens, with the donor's embeddings for them (paper 4.2).

A base that is its own donor stays as it is. Else both tokenizers are byte-level BPE. Their union keeps the base's ids
and merges; the donor's tokens that the base lacks follow in the order of the donor's ids, its merges behind. A word is
thus first cut as the base cuts it, and the donor's merges only join what the base has left apart.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rosberta.encoder.loading import check_table, load_tokenizer
from rosberta.encoder.vocabulary import (
    alone,
    extend,
    masked_lm,
    reachable,
    save_tokenizer,
    state_of,
    unite,
)
from rosberta.frame.artifacts import VOCABULARY
from rosberta.frame.files import canonical, whole
from rosberta.frame.mistakes import Mistake
from rosberta.outside.pins import fetch

if TYPE_CHECKING:
    from rosberta.experiment import Experiment

log = logging.getLogger(__name__)


def run(experiment: Experiment, key: str) -> None:
    """Write ``data/vocabulary/<key>/``: the base with the donor's tokens, for masked language modelling.

    Beside model and tokenizer it holds ``vocabulary.json``: how many tokens and merges come from where, how many of the
    added tokens are ``reachable``, that is, are what their own characters are cut into, and, where the base has no head
    for masked language modelling, that its ``head`` is initialised; the stage `pretrain` trains it.

    Raises:
        Mistake: a model lacks what is needed, or the two do not fit together.
    """
    import torch
    from transformers.utils import logging as chatter

    chatter.disable_progress_bar()
    chatter.set_verbosity_error()
    encoder = experiment.encoders[key]
    base_folder, donor_folder = fetch("model", encoder.base), fetch("model", encoder.donor)
    base_name, donor_name = f"encoders.{key}.base ({encoder.base})", f"encoders.{key}.donor ({encoder.donor})"
    base_tokenizer, donor_tokenizer = load_tokenizer(base_folder, base_name), load_tokenizer(donor_folder, donor_name)
    if encoder.donor == encoder.base:
        union = alone(base_tokenizer)
    else:
        union = unite(state_of(base_tokenizer, base_name), state_of(donor_tokenizer, donor_name))
    model, with_head = masked_lm(base_folder, base_name)
    donor, donor_with_head = masked_lm(donor_folder, donor_name)
    check_table(model, base_tokenizer, base_name)
    check_table(donor, donor_tokenizer, donor_name)
    if model.config.hidden_size != donor.config.hidden_size:
        raise Mistake(
            f"encoders.{key}.donor: {encoder.donor} is {donor.config.hidden_size} wide, its base {encoder.base} "
            f"{model.config.hidden_size}; its embeddings do not fit, choose a donor of the base's width"
        )
    torch.manual_seed(0)  # resizing draws rows, all of which are then overwritten
    extend(model, donor, union.first, union.donor_ids)

    with whole(VOCABULARY / key) as part:
        model.save_pretrained(part)
        save_tokenizer(base_tokenizer, union.state, part)
        counts: dict[str, int | str] = {**union.counts, "reachable": reachable(part, union.added)}
        if not with_head:
            counts["head"] = "initialised"
        (part / "vocabulary.json").write_text(canonical(counts), encoding="utf-8")
    for name, there in ((base_name, with_head), (donor_name, donor_with_head)):
        if not there:
            log.warning(
                "%s has no head for masked language modelling; it is initialised, for `pretrain` to train", name
            )
    log.info(
        "%s: %d tokens of %s, %d added of the %d of %s (%d of them reachable), %d shared",
        key, counts["base"], encoder.base, counts["added"], counts["donor"], encoder.donor, counts["reachable"],
        counts["shared"],
    )  # fmt: skip
