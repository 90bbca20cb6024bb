"""The experiment: every parameter of ``params.yaml`` with its type, range, default and where its value comes from.

Defaults are the recipe's. "Paper" is arXiv:2408.12503v2, "poster" the poster of the same work; "not published: ours"
marks what its authors left open. Reading an experiment checks all of it, names across blocks included, before any work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from rosberta.blocks import TEXTS, Benchmark, Block, Collect, Glob, Group, Hub, Name, Pin, PromptFamily, Source, Task
from rosberta.mistakes import Mistake, nearest

PARAMS = Path("params.yaml")
B = TypeVar("B", bound="Block")
Precision = Literal["fp32", "bf16"]

GROUPS: tuple[str, ...] = get_args(Group)[:4]
"""Groups of sources, in the order of the paper's Table 6."""

__all__ = ["GROUPS", "Experiment", "Hub", "Pin", "Source", "Task", "check", "load", "read", "schema"]


class Deduplicate(Block):
    """Rows that other rows say already."""

    precedence: list[Group] = ["retrieval", "basic_russian", "basic_english", "synthetic", "extra", "texts"]
    """Groups in the order in which they keep what others have, too; in a group sources by name. Not published: ours,
    what people wrote before what models wrote."""
    similarity: float = Field(0.85, gt=0, le=1)
    """Jaccard similarity of the character 5-grams of both sides from which a pair is a near duplicate; 1: equal sets
    alone. Not published: ours (paper A.1.2: exact matches)."""


class Overlap(Block):
    """What of a training text may stand in a test text."""

    words: int = Field(8, ge=2)
    """Words of an n-gram. Not published: ours (as is usual in decontamination)."""
    share: float = Field(0.5, gt=0, le=1)
    """Share of the shorter text's n-grams that the other has, from which it is contained in it. Not published: ours."""
    short_words: int = Field(6, ge=2)
    """Words from which a text that has no n-gram is looked for as a whole. Not published: ours."""
    min_words: int = Field(3, ge=1)
    """A text of fewer words is no leak, wherever it stands. Not published: ours."""
    similarity: float = Field(0.8, gt=0, le=1)
    """Jaccard similarity of character 5-grams from which a text is nearly a test text. Not published: ours."""


class Similarity(Block):
    """A filter of pairs by the cosine of their embeddings, for sources that ask for it (`min_cosine`)."""

    model: str | None = None
    """Id of the model, as in `hub.models` (paper A.1.2: LaBSE). Null: none."""
    pooling: Literal["cls", "mean"] = "cls"
    """Pooling of a plain encoder; a model that says itself how it pools is believed. Not published: ours."""
    prompt: str = ""
    """What the model wants before a text. Not published: ours."""
    max_length: int = Field(256, ge=8)
    """Tokens of a text that the model reads. Not published: ours."""
    precision: Precision = "fp32"
    """Of the model: bf16 is several times as fast on a GPU. Not published: ours."""
    batch_tokens: int = Field(16_384, ge=1)
    """Tokens a batch. No influence on the recipe."""


class Clean(Block):
    """What a training row must be."""

    tokenizer: str
    """Id of the model, as in `hub.models`, whose tokens are counted: one that knows both languages, since a Russian
    tokenizer cuts English into bytes. Not published: ours."""
    max_tokens: int = Field(500, ge=1)
    """A row with a longer text is dropped (paper A.1.2: Russian texts over 500 tokens are)."""
    min_characters: int = Field(3, ge=1)
    """A row with a shorter text is dropped. Not published: ours."""
    check_language: bool = True
    """Whether rows that are surely not in their source's language are dropped. Not published: ours."""
    overlap: Overlap = Overlap()
    """Overlap with the benchmark's test texts. Not published: ours."""
    similarity: Similarity = Similarity()
    """Filter by embeddings, for mined translations (paper A.1.2)."""


class Mine(Block):
    """Hard negatives."""

    teacher: str
    """Id of the model, as in `hub.models`, that ranks (paper 4.1: multilingual-e5-small)."""
    query_prompt: str = "query: "
    """What the teacher wants before an anchor (multilingual-e5's model card)."""
    document_prompt: str = "passage: "
    """What the teacher wants before a document (multilingual-e5's model card)."""
    first_rank: int = Field(20, ge=0)
    """Documents before this rank are left out as likely positives (paper 4.1: ranks 20-100). Ranks are counted from 0
    after the anchor's positives are taken out: not published, ours."""
    last_rank: int = Field(100, ge=1)
    """Documents from this rank on are left out as too easy (paper 4.1: ranks 20-100)."""
    negatives: int = Field(7, ge=1, le=64)
    """Negatives of every row (paper 4.3: 7)."""
    methods: dict[Group, Literal["ranks", "random"]] = {
        "basic_english": "ranks",
        "basic_russian": "ranks",
        "synthetic": "random",
        "retrieval": "random",
        "extra": "ranks",
    }
    """Where the negatives that a set does not bring come from: the teacher's ranks, or a random draw from the same
    set (paper 4.1: random for the synthetic and retrieval sets)."""
    seed: int = Field(0, ge=0)
    """Seed of the draw. Not published: ours."""
    max_length: int = Field(512, ge=8)
    """Tokens of a text that the teacher reads. Not published: ours (the teacher's own limit)."""
    precision: Precision = "fp32"
    """Of the teacher: bf16 is several times as fast on a GPU, and moves neighbouring ranks. Not published: ours."""
    batch_tokens: int = Field(16_384, ge=1)
    """Tokens a batch in the teacher. No influence on the recipe."""
    threads: int = Field(1, ge=1)
    """CPU threads; sums of floats depend on their number, so it is part of the experiment."""

    @model_validator(mode="after")
    def _window(self) -> Self:
        if self.last_rank - self.first_rank < self.negatives:
            raise ValueError(
                f"ranks {self.first_rank}-{self.last_rank} hold fewer documents than negatives: {self.negatives}"
            )
        missing = set(GROUPS) - set(self.methods)
        if missing:
            raise ValueError(f"methods: no method for {', '.join(sorted(missing))}")
        return self


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


class Encoder(Block):
    """A base, extended with a donor's vocabulary, trained on the texts of a mixture."""

    base: str
    """Id of the Russian encoder, as in `hub.models` (paper 4.2: ai-forever/ruRoberta-large)."""
    donor: str
    """Id of the encoder whose tokens are added, as in `hub.models` (paper 4.2: FacebookAI/roberta-large). The base
    itself: nothing is added."""
    mixture: str
    """The mixture on whose texts it is trained (paper 4.2: the texts of the contrastive corpus)."""
    pretrain: dict[str, Any] = {}
    """Fields of `pretrain` that differ for this encoder."""


class Mixture(Block):
    """A set of sources."""

    groups: list[Group] = []
    """Groups whose sources all belong to it."""
    sources: list[str] = []
    """Further sources by name."""
    without: list[str] = []
    """Sources left out."""


class Run(Block):
    """Encoder x mixture x seed x training settings."""

    encoder: str
    """Name in `encoders`."""
    mixture: str
    """Name in `mixtures`."""
    seed: int = Field(ge=0)
    """Seed of order and dropout."""
    contrast: dict[str, Any]
    """Fields of `contrast` that differ for this run."""
    merge: dict[str, Any]
    """Fields of `merge` that differ for this run."""


class Model(Block):
    """What is evaluated."""

    weights: Glob
    """Artifact that holds the weights: `results/runs/RUN/merged` (or `/contrasted`), `results/encoders/ENCODER`,
    `data/vocabulary/ENCODER`, or `data/hub/models/ID.json` for a pinned model."""
    prompts: PromptFamily | dict[str, str]
    """Which prompts its texts take; none is taken for granted. Those of the recipe by task (`rosberta`), `query: ` and
    `passage: ` (`e5`), mteb's instruction of each task (`instruct`), `none`; or the prompts themselves by task,
    category or side (`query`, `document`), the most specific of which wins, as in mteb."""
    pooling: Literal["cls", "mean"] = "cls"
    """Pooling of a plain encoder (paper A.2.1: the first token); a model that says itself how it pools is believed."""
    max_length: int | None = Field(None, ge=8)
    """Tokens of a text at most; null: `evaluate.max_length`."""


class Experiment(Block):
    """The whole of ``params.yaml``: one block a stage in stage order, then what is built from them."""

    hub: Hub
    benchmark: Benchmark
    collect: Collect
    deduplicate: Deduplicate = Deduplicate()
    clean: Clean
    mine: Mine
    pretrain: Pretrain = Pretrain()
    contrast: Contrast = Contrast()
    merge: Merge = Merge()
    evaluate: Evaluate = Evaluate()
    encoders: dict[Name, Encoder]
    mixtures: dict[Name, Mixture]
    runs: dict[Name, Run]
    models: dict[Name, Model]

    def pretrain_of(self, encoder: str) -> Pretrain:
        """The settings of `pretrain` with what this encoder changes."""
        return _changed(self.pretrain, self.encoders[encoder].pretrain, f"encoders.{encoder}.pretrain")

    def contrast_of(self, run: str) -> Contrast:
        """The settings of `contrast` with what this run changes."""
        return _changed(self.contrast, self.runs[run].contrast, f"runs.{run}.contrast")

    def merge_of(self, run: str) -> Merge:
        """The settings of `merge` with what this run changes."""
        return _changed(self.merge, self.runs[run].merge, f"runs.{run}.merge")

    def sources_of(self, mixture: str) -> list[str]:
        """Names of the sources of a mixture, in the order of `collect.sources`."""
        mix = self.mixtures[mixture]
        return [
            name
            for name, source in self.collect.sources.items()
            if (source.group in mix.groups or name in mix.sources) and name not in mix.without
        ]

    def pairs_of(self, mixture: str) -> list[str]:
        """Names of those sources of a mixture that hold pairs."""
        return [name for name in self.sources_of(mixture) if self.collect.sources[name].group != TEXTS]


def _changed(block: B, changes: Mapping[str, Any], where: str) -> B:
    try:
        return type(block).model_validate({**block.model_dump(), **changes})
    except ValidationError as error:
        raise Mistake("\n".join(_sentences(error, type(block), where + "."))) from None


def read(path: Path = PARAMS) -> dict[str, Any]:
    """Read parameters as plain data, with the parser that DVC uses.

    Raises:
        Mistake: there is no such file, or it is no YAML; a key that stands twice is named.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    try:
        data = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Mistake(f"{path}: missing; `python -m rosberta preset miniature` writes one") from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        raise Mistake(f"{path}, line {line}: {error.problem or error.context}") from None
    if not isinstance(data, dict):
        raise Mistake(f"{path}: holds no parameters; `python -m rosberta preset miniature` writes some")
    return data


def load(path: Path = PARAMS) -> Experiment:
    """Read and check an experiment.

    Raises:
        Mistake: one line for each thing that is wrong, with the nearest valid name.
    """
    return check(read(path), str(path))


def check(data: Mapping[str, Any], where: str = "params.yaml") -> Experiment:
    """Check parameters given as plain data; `where` names them in errors.

    Raises:
        Mistake: one line for each thing that is wrong, with the nearest valid name.
    """
    try:
        experiment = Experiment.model_validate(data)
    except ValidationError as error:
        raise Mistake("\n".join(_sentences(error, Experiment, f"{where}: "))) from None
    from rosberta.crosschecks import crosscheck

    wrong = list(crosscheck(experiment))
    if wrong:
        raise Mistake("\n".join(f"{where}: {line}" for line in wrong))
    return experiment


def _sentences(error: ValidationError, model: type[BaseModel], where: str) -> Iterable[str]:
    for problem in error.errors(include_url=False):
        place = [str(part) for part in problem["loc"] if part != "[key]"]
        field = ".".join(place)
        if problem["type"] == "extra_forbidden":
            yield f"{where}{field}: unknown key{nearest(place[-1], _fields(model, place[:-1]))}"
        elif problem["type"] == "missing":
            yield f"{where}{field}: missing; it has no default"
        elif problem["type"] == "literal_error":
            known = re.findall(r"'([^']+)'", problem["ctx"]["expected"])
            yield f"{where}{field}: {problem['input']!r} is not known{nearest(str(problem['input']), known)}"
        else:
            message = problem["msg"].removeprefix("Value error, ")
            found = "" if isinstance(problem["input"], dict) else f", found {problem['input']!r}"
            yield f"{where}{field or model.__name__.lower()}: {message[0].lower()}{message[1:]}{found}"


def _fields(model: type[BaseModel], place: list[str]) -> list[str]:
    """Names of the fields of the block that stands at `place` below `model`."""
    schema = model.model_json_schema()
    node: dict[str, Any] = schema
    for part in place:
        node = node.get("properties", {}).get(part) or node.get("additionalProperties") or {}
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
    return list(node.get("properties", {}))


def schema() -> dict[str, Any]:
    """The JSON schema of ``params.yaml``, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Experiment.model_json_schema()}
