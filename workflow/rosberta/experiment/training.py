"""The blocks of training: `pretrain`, `contrast` and `merge`."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from rosberta.experiment.blocks import Block, Precision


class Training(Block):
    """What both trainings have: the optimiser, dropout, precision, and what bounds memory."""

    learning_rate: float = Field(1e-4, gt=0)
    """Peak learning rate of AdamW."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay of AdamW; biases and norms have none."""
    warmup_steps: int = Field(500, ge=0)
    """Steps of linear warm-up."""
    decay: Literal["linear", "none"] = "linear"
    """How the learning rate falls after the warm-up: to 0 at the last step, or not at all. Not published: ours."""
    beta1: float = Field(0.9, ge=0, lt=1)
    """AdamW's first moment. Not published: ours (AdamW's own default)."""
    beta2: float = Field(0.999, ge=0, lt=1)
    """AdamW's second moment. Not published: ours (AdamW's own default)."""
    epsilon: float = Field(1e-8, gt=0)
    """AdamW's epsilon. Not published: ours (AdamW's own default)."""
    clip_norm: float = Field(1.0, gt=0)
    """Norm that a step's gradient is cut to. Not published: ours (the usual trainers' default)."""
    dropout: float | None = Field(None, ge=0, lt=1)
    """Dropout of hidden states; null: what the base's own configuration says (RoBERTa: 0.1). Not published: ours."""
    attention_dropout: float = Field(0.0, ge=0, lt=1)
    """Dropout of attention's probabilities (RoBERTa's own: 0.1). The GPU's kernel for packed rows has none, so that
    with any the slower way is taken. Not published: ours."""
    precision: Precision = "fp32"
    """Of the products: bf16 is several times as fast on a GPU; weights, sums and losses stay in fp32.
    Not published: ours."""
    micro_tokens: int = Field(16_384, ge=1)
    """Tokens computed at once at most, but for a single text that is longer: what bounds memory. No influence on the
    loss but in the last bits, and in what dropout draws."""
    compiled: bool = False
    """Whether layers are compiled: a sixth faster on an H200, after about half a minute. Without influence on a CPU.
    Not published: ours."""
    activation_budget: float = Field(1.0, gt=0, le=1)
    """Share of a compiled layer's activations that is kept for the backward pass; the others are computed again. What
    0.5 leaves fits larger micro-batches. Not published: ours."""
    threads: int = Field(1, ge=1)
    """CPU threads; sums of floats depend on their number, so it is part of the experiment."""


def _warms_up(block: Training, max_steps: int | None) -> None:
    if max_steps and block.warmup_steps > max_steps:
        raise ValueError(
            f"warmup_steps {block.warmup_steps} are more than max_steps {max_steps}; lower the one, or raise the other"
        )


class Pretrain(Training):
    """Masked language modelling of the extended encoder."""

    epochs: float = Field(1.0, gt=0)
    """Passes over the unique training texts (paper 4.2: one, about 11 thousand steps)."""
    max_steps: int | None = Field(None, ge=0)
    """Steps at most, instead of `epochs`; 0: no training. Null, as in the paper (4.2): `epochs` decides."""
    batch_size: int = Field(1024, ge=1)
    """Texts a step (paper 4.2: 1024)."""
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
    whole_words: bool = False
    """Whether words are masked as a whole rather than token by token. Not published: ours (RoBERTa's way)."""
    base_share: float = Field(0.25, ge=0, le=1)
    """Share of the model before training in the SLERP of the encoder layers after it (paper 4.2: 0.25)."""
    validation: int = Field(0, ge=0)
    """Texts that are held out of training, a tenth of all at most, for the validation curve. Not published: ours."""
    seed: int = Field(0, ge=0)
    """Seed of masking, order and dropout. Not published: ours."""

    @model_validator(mode="after")
    def _warm_up(self) -> Self:
        _warms_up(self, self.max_steps)
        return self


class Contrast(Training):
    """Contrastive training."""

    temperature: float = Field(0.02, gt=0)
    """Temperature of InfoNCE, fixed (paper 4.3, poster: 0.02)."""
    hard_negatives: int = Field(7, ge=1, le=64)
    """Hard negatives of an anchor, besides those in the batch (paper 4.3, poster: 7)."""
    epochs: float = Field(1.0, gt=0)
    """Passes over the mixture (paper A.2.1: one, about 3,700 steps)."""
    max_steps: int | None = Field(None, ge=0)
    """Steps at most, instead of `epochs`; 0: no training (paper 4.3: 1,500 for the mixtures of its Table 2)."""
    devices: int = Field(8, ge=1)
    """Device batches a step (paper A.2.1: eight devices). The step is the experiment's: one GPU computes them one after
    the other."""
    batch_size: int = Field(128, ge=2)
    """Anchors of a device batch, all of one source; each other's texts are its negatives (paper A.2.1: 128)."""
    in_batch: Literal["device", "step"] = "device"
    """Whose documents are an anchor's in-batch negatives: those of its device batch (as the paper's batches of one
    source each have it), or those of all device batches of the step, but for its known positives."""
    max_length: int = Field(512, ge=8)
    """Tokens of a text at most (paper A.2.1: 512)."""
    learning_rate: float = Field(1e-5, gt=0)
    """Peak learning rate of AdamW (paper A.2.1: 1e-5)."""
    weight_decay: float = Field(0.01, ge=0)
    """Weight decay of AdamW (paper A.2.1: 0.01)."""
    warmup_steps: int = Field(200, ge=0)
    """Steps of linear warm-up, before a linear decay (paper A.2.1: 200)."""
    validation: int = Field(0, ge=0)
    """Rows of each source that are held out of training, but for a tenth of them at most, for the validation curve:
    they have no anchor and no positive in common with the others. Not published: ours."""

    @model_validator(mode="after")
    def _warm_up(self) -> Self:
        _warms_up(self, self.max_steps)
        return self


class Merge(Block):
    """Merging the contrasted model with its base."""

    base_share: float = Field(0.1, ge=0, le=1)
    """Share of the base in the SLERP (paper 4.3, poster: "a factor of 0.1"; that it is the base's share is ours)."""
