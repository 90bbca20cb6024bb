"""The blocks of ``params.yaml`` that say what there is: pins, tasks and sources."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Group = Literal["basic_english", "basic_russian", "synthetic", "retrieval", "extra", "texts"]
"""The four groups of the paper's Table 6; `extra`: pairs beyond it; `texts`: single texts, for masked language
modelling alone."""
TEXTS = "texts"
"""The group of single texts: nothing is paired in them, so they are neither mined nor contrasted."""
Category = Literal[
    "BitextMining",
    "Classification",
    "Clustering",
    "MultilabelClassification",
    "PairClassification",
    "Reranking",
    "Retrieval",
    "STS",
]
PrefixName = Literal["search", "classification", "clustering"]
PromptFamily = Literal["rosberta", "e5", "instruct", "none"]


def _name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", value):
        raise ValueError("a name takes letters, digits, '_' and '-'; it becomes a file's name and a stage's key")
    return value


def _revision(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", value):
        raise ValueError(
            f"{value!r} is no full revision: give the 40 hexadecimal digits of a commit, or the 64 of a content digest"
        )
    return value


def _relative(value: str) -> str:
    if PurePosixPath(value).is_absolute() or ".." in PurePosixPath(value).parts:
        raise ValueError(f"{value!r} leaves its folder: give a relative path")
    if not PurePosixPath(value).parts or any("**" in part and part != "**" for part in PurePosixPath(value).parts):
        raise ValueError(
            f"{value!r} names no file: give a path, in which '*' stands for a part of a name, '**' for folders"
        )
    return value


def _task_name(value: str) -> str:
    if not re.fullmatch(r"\w[\w .()+-]*(/\w[\w .()+-]*)*", value):
        raise ValueError(f"{value!r} becomes a folder's name: letters, digits, '_', '-', '.', and '/' between them")
    return value


Name = Annotated[str, AfterValidator(_name)]
TaskName = Annotated[str, AfterValidator(_task_name)]
Revision = Annotated[str, AfterValidator(_revision)]
Glob = Annotated[str, AfterValidator(_relative)]


class Block(BaseModel):
    """A block of ``params.yaml``: unknown keys are mistakes, and what is read is never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Pin(Block):
    """One data set or model of the outside world, at one revision."""

    revision: Revision | None = None
    """Commit (40 hexadecimal digits) or content digest (64). Null: not known yet; such a pin stops the `hub` stage,
    which says what the hub has today."""
    files: list[Glob] = ["*"]
    """Which files of it are wanted, as globs."""
    url: str | None = None
    """Where the one file lies, for sets that are on no hub."""
    licence: str | None = None
    """Licence as its publisher states it, as far as known; null: none stated."""


class Miniature(Block):
    """The embedded miniature hub, made by the project itself."""

    seed: int = Field(7, ge=0)
    """Seed of the miniature's world and texts."""
    rows: int = Field(320, ge=40, le=100_000)
    """Rows of a training source, about; the sizes of the tasks follow it."""


class Hub(Block):
    """Where data sets and models come from, and every pin, once."""

    origin: Literal["miniature", "hub"] = "miniature"
    """`miniature`: the project's own small stand-ins, no network. `hub`: the Hugging Face hub, or the folder that the
    environment variable ROSBERTA_MIRROR names."""
    miniature: Miniature = Miniature()
    """Size and seed of the miniature."""
    datasets: dict[str, Pin]
    """Pinned data sets by id."""
    models: dict[str, Pin]
    """Pinned models by id."""


class Task(Block):
    """A task to evaluate on: one of ruMTEB under mteb's name, or one of one's own."""

    dataset: str
    """Id of the data set, as in `hub.datasets`."""
    category: Category | None = None
    """For one's own task: one of the seven categories of ruMTEB, or bitext mining. Null: a task of ruMTEB, which mteb
    itself defines."""
    files: dict[str, Glob] = {}
    """For one's own task: the role of each file (train, test, corpus, queries, qrels, top_ranked) and its path."""
    columns: dict[str, str] = {}
    """For one's own task: which column plays which role (text, label, sentence1, sentence2, score)."""
    prefix: PrefixName | None = None
    """For one's own task: the prefix that its texts take."""
    candidates: str | None = None
    """For one's own reranking: id of the set that holds the lists to rerank, where it is not `dataset`."""
    language: str = "rus-Cyrl"
    """For one's own task: language and script."""


class Benchmark(Block):
    """What is evaluated on."""

    tasks: dict[TaskName, Task] = Field(min_length=1)
    """Tasks by name."""

    @model_validator(mode="after")
    def _no_folder_in_another(self) -> Self:
        for name in self.tasks:
            inner = next((other for other in self.tasks if other.startswith(f"{name}/")), None)
            if inner:
                raise ValueError(f"{inner!r} would lie within the folder of {name!r}; give one of them another name")
        return self


class Source(Block):
    """One training source: a pinned set, the adapter that reads it, and its place in the recipe."""

    adapter: str
    """Module of `rosberta.sources` that turns raw rows into training rows."""
    dataset: str
    """Id of the data set, as in `hub.datasets`."""
    files: Glob
    """Which of its files, as a glob."""
    group: Group
    """Group of the recipe's Table 6 (paper), the unit of its mixtures."""
    prefix: PrefixName
    """Prefix pair: search_query/search_document, classification or clustering (paper Table 6)."""
    language: Literal["ru", "en", "ru-en"]
    """Language of the texts."""
    task: Literal["retrieval", "nli", "sts", "classification", "clustering", "translation"]
    """What relation holds between anchor and positive."""
    cap: int | None = Field(None, ge=1)
    """Rows at most, after cleaning; null: `collect.cap`. The paper's Table 6 gives the recipe's."""
    rows: int | None = Field(None, ge=1)
    """Raw rows read at most, of files in a seeded order; null: all. For sets of tens of gigabytes."""
    paper_set: str | None = None
    """The set of the paper's Table 6 that it is, or is a part of; null: none."""
    licence: str | None = None
    """Licence of just this part of the set; null: that of its pin."""
    commercial: bool | None = None
    """Whether the licence permits commercial use, as far as known; null: not stated."""
    min_cosine: float | None = Field(None, ge=-1, le=1)
    """Cosine of both sides in `clean.similarity.model` at least, for mined translations (paper A.1.2: LaBSE, threshold
    not published); null: not asked."""
    options: dict[str, Any] = {}
    """Options of the adapter."""


class Missing(Block):
    """A set of the recipe that cannot be had."""

    paper_set: str
    """Its name in the paper's Table 6."""
    reason: str
    """Why not."""
    substitute: str | None = None
    """The source that is taken instead; null: none."""


class Collect(Block):
    """Raw sets to training rows."""

    seed: int = Field(0, ge=0)
    """Seed of the samples that bring a source under its cap, and of the adapters' choices. Not published: ours."""
    cap: int = Field(100_000, ge=1)
    """Rows of a source at most, unless the source says otherwise (paper Table 6: most are capped at 100 thousand)."""
    surplus: float = Field(1.5, ge=1)
    """How many times its cap a source is collected, for the cleaning to drop from. Not published: ours."""
    sources: dict[Name, Source] = Field(min_length=1)
    """Sources by name."""
    missing: dict[Name, Missing] = {}
    """Sets of the recipe that cannot be had, and what is taken instead."""
