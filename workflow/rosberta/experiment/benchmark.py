"""The block `benchmark`: the tasks that models are evaluated on."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from rosberta.experiment.blocks import Block, Glob, PrefixName

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


def _task_name(value: str) -> str:
    if not re.fullmatch(r"\w[\w .()+-]*(/\w[\w .()+-]*)*", value):
        raise ValueError(f"{value!r} becomes a folder's name: letters, digits, '_', '-', '.', and '/' between them")
    return value


TaskName = Annotated[str, AfterValidator(_task_name)]


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
