"""The blocks of training: `pretrain`, `contrast` and `merge`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from rosberta.experiment.blocks import Block


class Pretrain(Block):
    """Masked language modelling of the extended encoder."""

    epochs: float = Field(1.0, gt=0)
    """Passes over the unique training texts (paper 4.2: one, about 11 thousand steps)."""
    max_steps: int | None = Field(None, ge=0)
    """Steps at most, instead of `epochs`; 0: no training. Null, as in the paper (4.2): `epochs` decides."""
    batch_size: int = Field(1024, ge=1)
    """Texts a step (paper 4.2: 1024)."""
    gradient_accumulation: int = Field(1, ge=1)
    """Parts that a step's batch is computed in; it must divide `batch_size`. No influence on the recipe, though masks
    and dropout are drawn part by part."""
    max_length: int = Field(512, ge=8)
    """Tokens of a text at most. Not published: ours (that of the contrastive stage)."""
    learning_rate: float = Field(1e-4, gt=0)
    """Peak learning rate of AdamW. Not published: ours (paper 4.2: "same as ruRoBERTa")."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay of AdamW. Not published: ours."""
    warmup_steps: int = Field(500, ge=0)
    """Steps of linear warm-up, before a linear decay. Not published: ours."""
    mask_probability: float = Field(0.15, gt=0, lt=1)
    """Share of tokens masked. Not published: ours (RoBERTa's 15%)."""
    base_share: float = Field(0.25, ge=0, le=1)
    """Share of the model before training in the SLERP of the encoder layers after it (paper 4.2: 0.25)."""
    seed: int = Field(0, ge=0)
    """Seed of masking, order and dropout. Not published: ours."""
    threads: int = Field(1, ge=1)
    """CPU threads; sums of floats depend on their number, so it is part of the experiment."""

    @model_validator(mode="after")
    def _parts(self) -> Self:
        if self.batch_size % self.gradient_accumulation:
            raise ValueError(
                f"batch_size {self.batch_size} cannot be computed in {self.gradient_accumulation} equal parts; "
                "let gradient_accumulation divide it"
            )
        return self


class Contrast(Block):
    """Contrastive training."""

    temperature: float = Field(0.02, gt=0)
    """Temperature of InfoNCE, fixed (paper 4.3, poster: 0.02)."""
    hard_negatives: int = Field(7, ge=1, le=64)
    """Hard negatives of an anchor, besides those in the batch (paper 4.3, poster: 7)."""
    epochs: float = Field(1.0, gt=0)
    """Passes over the mixture (paper A.2.1: one, about 3,700 steps)."""
    max_steps: int | None = Field(None, ge=0)
    """Steps at most, instead of `epochs`; 0: no training (paper 4.3: 1,500 for the mixtures of its Table 2)."""
    batch_size: int = Field(128, ge=2)
    """Anchors a step on one device (paper A.2.1: 128 on each of eight)."""
    mini_batch: int | None = Field(None, ge=1)
    """Texts embedded at once, with cached gradients; null: the whole batch. No influence on the loss."""
    max_length: int = Field(512, ge=8)
    """Tokens of a text at most (paper A.2.1: 512)."""
    learning_rate: float = Field(1e-5, gt=0)
    """Peak learning rate of AdamW (paper A.2.1: 1e-5)."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay of AdamW (paper A.2.1: 0.01)."""
    warmup_steps: int = Field(200, ge=0)
    """Steps of linear warm-up, before a linear decay (paper A.2.1: 200)."""
    gradient_checkpointing: bool = True
    """Trade time for memory (paper A.2.1: yes). No influence on the result."""
    threads: int = Field(1, ge=1)
    """CPU threads; sums of floats depend on their number, so it is part of the experiment."""


class Merge(Block):
    """Merging the contrasted model with its base."""

    base_share: float = Field(0.1, ge=0, le=1)
    """Share of the base in the SLERP (paper 4.3, poster: "a factor of 0.1"; that it is the base's share is ours)."""
