"""The blocks of what is built and scored: `encoders`, `runs`, `models` and `evaluate`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from rosberta.experiment.blocks import Block, Precision, PromptFamily


class Evaluate(Block):
    """How models are evaluated."""

    precision: Precision = "fp32"
    """Of the models: bf16 is several times as fast on a GPU; embeddings are pooled, and compared, in fp32."""
    batch_tokens: int = Field(16_384, ge=1)
    """Tokens a batch. No influence on the scores but in the last bits."""
    cache_gb: float = Field(20, ge=0)
    """Gigabytes of embeddings kept in `.scratch/embeddings`, so that no text is embedded twice; 0: none are kept."""
    max_length: int = Field(512, ge=8)
    """Tokens of a text at most (paper A.4: 512)."""
    seed: int = Field(42, ge=0)
    """Seed of mteb's samples (mteb's own default: 42)."""
    threads: int = Field(1, ge=1)
    """CPU threads; sums of floats depend on their number, so it is part of the experiment."""


class Release(Block):
    """How models are handed on to others."""

    name: str | None = Field(None, min_length=1)
    """What a model is called there, such as its id on the hub; `{run}` stands for its run. Null: the run's name."""
    licence: str | None = None
    """Licence under which the weights are handed on, as the hub names it; null: its card states none."""


class Encoder(Block):
    """A base, extended with a donor's vocabulary, trained on the texts of a mixture."""

    base: str
    """Id of the Russian encoder, as in `hub.models` (paper 4.2: ai-forever/ruRoberta-large)."""
    donor: str
    """Id of the encoder whose tokens are added, as in `hub.models` (paper 4.2: FacebookAI/roberta-large). The base
    itself: nothing is added, and its tokenizer need not be a byte-level BPE, as every other's."""
    mixture: str
    """The mixture on whose texts it is trained (paper 4.2: the texts of the contrastive corpus)."""
    pretrain: dict[str, Any] = {}
    """Fields of `pretrain` that differ for this encoder."""


class Run(Block):
    """Encoder x mixture x seed x training settings."""

    encoder: str
    """Name in `encoders`."""
    mixture: str
    """Name in `mixtures`; `MIXTURE/MINING` takes the negatives of that mining (a name in `minings`, or `mine`) instead
    of the mixture's own."""
    seed: int = Field(ge=0)
    """Seed of order and dropout."""
    contrast: dict[str, Any] = {}
    """Fields of `contrast` that differ for this run."""
    merge: dict[str, Any] = {}
    """Fields of `merge` that differ for this run."""

    @property
    def chosen(self) -> tuple[str, str | None]:
        """The mixture, and the mining that the run chooses; None: it takes the mixture's own."""
        mixture, _, mining = self.mixture.partition("/")
        return mixture, mining or None


class Model(Block):
    """What is evaluated."""

    weights: str = Field(min_length=1)
    """What holds the weights: `results/runs/RUN/merged` (or `/contrasted`), `results/encoders/ENCODER`,
    `data/vocabulary/ENCODER`, `data/hub/models/ID.json` for a pinned model; or a folder of one's own outside `data/`
    and `results/`, by its path, which is tracked by its content."""
    prompts: PromptFamily | dict[str, str]
    """Which prompts its texts take; none is taken for granted. Those of the recipe by task (`rosberta`), `query: ` and
    `passage: ` (`e5`: the model card's and the paper's way), mteb's instruction of each task (`instruct`), those that
    mteb registers for the id of a pinned model (`mteb`: the leaderboard's way; for E5 none but in search), `none`; or
    the prompts themselves by task, category or side (`query`, `document`), the most specific of which wins, as in
    mteb."""
    pooling: Literal["cls", "mean"] = "cls"
    """Pooling of a plain encoder (paper A.2.1: the first token); a model that says itself how it pools is believed."""
    max_length: int | None = Field(None, ge=8)
    """Tokens of a text at most; null: `evaluate.max_length`."""
