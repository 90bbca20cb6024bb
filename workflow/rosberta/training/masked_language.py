"""Masked language modelling: the unique texts of a mixture, packed, and a head at masked places only (paper 4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rosberta.encoder.packing import cut
from rosberta.frame.artifacts import DEDUPLICATED
from rosberta.frame.files import sha256
from rosberta.frame.mistakes import Missing, Mistake
from rosberta.frame.rows import read_batches
from rosberta.texts.draws import draw
from rosberta.texts.ngrams import hash_text
from rosberta.training.loop import Totals
from rosberta.training.losses import masked_words
from rosberta.training.masking import Masking, masked, word_starts
from rosberta.training.packed import fix_dropout, precision_of, prepared, row_of, states_of
from rosberta.training.processes import dealt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokenizers import Tokenizer
    from transformers import PreTrainedModel

    from rosberta.experiment.training import Pretrain
    from rosberta.training.token_store import TokenStore


def held(plan: Mapping[str, Any], mixture: str) -> None:
    """Hold the deduplicated sources to their plan.

    Raises:
        Mistake: a source is missing, or not the one that the plan names.
    """
    for name, entry in plan["sources"].items():
        path = DEDUPLICATED / f"{name}.parquet"
        if not path.is_file():
            raise Missing(path, "deduplicate")
        if sha256(path) != entry["sha256"]:
            raise Mistake(f"{path}: is not what the plan of {mixture} names; run `dvc repro mix@{mixture}`")


def texts_of(plan: Mapping[str, Any]) -> Iterator[str]:
    """The unique texts (anchors, positives, negatives) of a plan's deduplicated sources, each when it is first met.

    Memory holds a hash of each.
    """
    seen: set[int] = set()
    for name in plan["sources"]:
        for batch in read_batches(DEDUPLICATED / f"{name}.parquet", ["anchor", "positive", "negatives"]):
            for row in batch:
                for text in (row["anchor"], row["positive"], *row["negatives"]):
                    if text is not None and (known := hash_text(text)) not in seen:
                        seen.add(known)
                        yield text


def held_out(texts: TokenStore, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Which texts are learnt, and which, those of the smallest hashes, are held out: a tenth at most; int64, rising."""
    number = min(number, len(texts) // 10)
    order = np.argsort(texts.hashes * np.uint64(0x9E3779B97F4A7C15), kind="stable") if number else np.arange(len(texts))
    return np.sort(order[number:]), np.sort(order[:number])


def steps_of(texts: int, settings: Pretrain) -> int:
    """How many steps a training takes."""
    if settings.max_steps is not None:
        return settings.max_steps
    return -(-round(settings.epochs * texts) // settings.batch_size)


class MaskedLanguage:
    """The work of masked language modelling."""

    def __init__(
        self, model: PreTrainedModel, tokenizer: Tokenizer, texts: TokenStore, settings: Pretrain, where: str
    ) -> None:
        """Take a model for masked language modelling, on its device, and texts.

        Raises:
            Mistake: the tokenizer has no mask, or does not mark where words begin.
        """
        self.model, self.where = model, where
        self._encoder = prepared(model.base_model, settings)
        head: Any = getattr(model, "lm_head", None) or model.cls
        self._head = head
        self._texts, self._settings = texts, settings
        self._learnt, self._held_out = held_out(texts, settings.validation)
        self.steps = steps_of(len(self._learnt), settings)
        self._masking = masking_of(tokenizer, settings, where)
        self._epoch, self._order = -1, np.zeros(0, np.int64)

    def compute(self, step: int, rank: int, world: int) -> Totals:
        """Add the gradient of the micro-batches that this process has of a step."""
        size = self._settings.batch_size
        which, epochs = self._drawn(step * size, min((step + 1) * size, self._last()))
        return self._sum(which, epochs, (step,), rank, world)

    def validate(self, rank: int, world: int) -> Totals:
        """Sum up the loss of the micro-batches that this process has of the texts that are held out."""
        return self._sum(self._held_out, np.zeros(len(self._held_out), np.int64), (), rank, world)

    def _sum(self, which: np.ndarray, epochs: np.ndarray, name: tuple[int, ...], rank: int, world: int) -> Totals:
        """What this process finds of some texts, and the gradient of the mean over all, where one is wanted."""
        found = [Totals(0, 0, 0, 0)]
        if len(which):
            texts = [self._texts[text] for text in which]
            starts = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
            labels = np.concatenate(texts)
            seeds = self._texts.hashes[which] + np.array(
                [draw(self._settings.seed, "masks", str(epoch)) for epoch in epochs], np.uint64
            )
            hidden, chosen = masked(labels, starts, seeds, self._masking)
            parts = cut(np.diff(starts), self._settings.micro_tokens)
            sizes = [int((starts[part + 1] - starts[part]).sum()) for part in parts]
            found += [
                self._micro(parts[number], starts, labels, hidden, chosen, (*name, number))
                for number in (dealt(sizes, world)[rank] if len(chosen) else [])
            ]
        return Totals(*map(sum, zip(*found, strict=True)))

    def _micro(
        self,
        part: np.ndarray,
        starts: np.ndarray,
        labels: np.ndarray,
        hidden: np.ndarray,
        chosen: np.ndarray,
        name: tuple[int, ...],
    ) -> Totals:
        fix_dropout("pretrain", self._settings.seed, *name)
        row = row_of(self._encoder, [hidden[starts[text] : starts[text + 1]] for text in part])
        # Places in the micro-batch's row of the tokens that were chosen in its texts.
        first = np.concatenate([[0], np.cumsum(starts[part + 1] - starts[part])])
        low, high = np.searchsorted(chosen, starts[part]), np.searchsorted(chosen, starts[part + 1])
        taken = np.concatenate([chosen[a:b] for a, b in zip(low, high, strict=True)])
        moved = np.concatenate(
            [chosen[a:b] - starts[text] + at for a, b, text, at in zip(low, high, part, first[:-1], strict=True)]
        )
        tokens = int(first[-1])
        if not len(taken):
            return Totals(0, 0, 0, tokens)
        device = row.ids.device
        states = states_of(self._encoder, row, self._settings)[torch.from_numpy(moved).to(device)]
        with precision_of(device, self._settings):
            logits = self._head(states)
        loss, right = masked_words(logits, torch.from_numpy(labels[taken].astype(np.int64)).to(device))
        if torch.is_grad_enabled():
            (loss / len(chosen)).backward()
        return Totals(loss.item(), len(taken), right.item(), tokens)

    def _last(self) -> int:
        """Texts of the whole training."""
        settings = self._settings
        if settings.max_steps is not None:
            return settings.max_steps * settings.batch_size
        return round(settings.epochs * len(self._learnt))

    def _drawn(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """The texts at these places of the whole training, and their epochs."""
        number = len(self._learnt)
        places = np.arange(start, end)
        epochs = places // number
        parts = []
        for epoch in np.unique(epochs).tolist():
            if epoch != self._epoch:
                chance = np.random.Generator(np.random.PCG64(draw(self._settings.seed, "order", str(epoch))))
                self._epoch, self._order = epoch, self._learnt[chance.permutation(number)]
            parts.append(self._order[places[epochs == epoch] - epoch * number])
        return np.concatenate(parts), epochs


def masking_of(tokenizer: Tokenizer, settings: Pretrain, where: str) -> Masking:
    """How tokens are chosen, for a tokenizer.

    Raises:
        Mistake: it has no mask, or does not mark where words begin.
    """
    special = {number: token.content for number, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    mask = next((number for number, token in special.items() if token in ("<mask>", "[MASK]")), None)
    if mask is None:
        raise Mistake(f"{where}: its tokenizer has no mask; choose a base for masked language modelling")
    size = tokenizer.get_vocab_size()
    words = None
    if settings.whole_words:
        words = word_starts([tokenizer.id_to_token(number) or "" for number in range(size)])
        if not words.any():
            raise Mistake(f"{where}: its tokenizer does not mark where words begin; set whole_words: false")
    return Masking(settings.mask_probability, mask, size, np.array(sorted(special), np.int64), words)
