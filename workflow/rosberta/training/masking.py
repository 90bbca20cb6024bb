"""Masks for masked language modelling that depend on the seed and the batch alone."""

from __future__ import annotations

from typing import Any

import torch
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerBase

from rosberta.texts.draws import draw


class Masking(DataCollatorForLanguageModeling):
    """Pads and masks a batch as RoBERTa does (of the chosen tokens 80% masked, 10% replaced, 10% kept).

    The choice is drawn for the seed and the batch's own tokens. Drawn from the common random numbers it would depend on
    how far batches are fetched ahead, and a training that goes on from a checkpoint would not repeat an unbroken one.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, probability: float, seed: int) -> None:
        """Make a collator that chooses each token, special ones apart, with `probability`."""
        super().__init__(tokenizer, mlm_probability=probability)
        self.drawn_for = seed

    def torch_call(self, examples: list[Any]) -> dict[str, Any]:
        """Make a batch of `examples`, which are tokenizer outputs."""
        words = (" ".join(map(str, example["input_ids"])) for example in examples)
        self.generator = torch.Generator().manual_seed(draw(self.drawn_for, *words))
        return super().torch_call(examples)
