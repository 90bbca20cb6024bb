"""The categories of tasks: what one's own task of each needs, and which prefix its texts take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Category(NamedTuple):
    """What one's own task of a category consists of, and how it is scored."""

    base: str
    """mteb's abstract class."""
    main_score: str
    """The metric that is the task's score, as in ruMTEB."""
    files: tuple[str, ...]
    """Roles of its files, each of which it needs."""
    columns: Mapping[str, str]
    """Roles of its columns, each with the attribute of mteb's class that names that column."""
    prefix: str
    """The prefix that its texts take, where one's own task names none."""
    settings: Mapping[str, Any] = {}
    """What ruMTEB's tasks of the category set besides."""


_LABELLED = {"text": "input_column_name", "label": "label_column_name"}
_SEARCH = ("corpus", "queries", "qrels")

SEARCH = ("Retrieval", "Reranking")
"""Categories whose texts are queries or documents."""

CATEGORIES: dict[str, Category] = {
    "Classification": Category("AbsTaskClassification", "accuracy", ("train", "test"), _LABELLED, "classification"),
    "MultilabelClassification": Category(
        "AbsTaskMultilabelClassification", "accuracy", ("train", "test"), _LABELLED, "classification"
    ),
    "Clustering": Category(
        "AbsTaskClustering",
        "v_measure",
        ("test",),
        _LABELLED,
        "clustering",
        {"max_document_to_embed": 2048, "max_fraction_of_documents_to_embed": None},
    ),
    "PairClassification": Category(
        "AbsTaskPairClassification",
        "max_ap",
        ("test",),
        {"sentence1": "input1_column_name", "sentence2": "input2_column_name", "label": "label_column_name"},
        "classification",
    ),
    "STS": Category(
        "AbsTaskSTS", "cosine_spearman", ("test",), {"sentence1": "", "sentence2": "", "score": ""}, "classification"
    ),
    "BitextMining": Category(
        "AbsTaskBitextMining", "f1", ("test",), {"sentence1": "", "sentence2": ""}, "classification"
    ),
    "Retrieval": Category("AbsTaskRetrieval", "ndcg_at_10", _SEARCH, {}, "search"),
    "Reranking": Category("AbsTaskRetrieval", "map_at_1000", (*_SEARCH, "top_ranked"), {}, "search"),
}
"""Search has fixed columns, those of BEIR: corpus `id`, `text` and maybe `title`; queries `id`, `text`; qrels
`query-id`, `corpus-id`, `score`; top_ranked `query-id`, `corpus-ids`."""

SEARCH_COLUMNS: dict[str, tuple[str, ...]] = {
    "corpus": ("id", "text"),
    "queries": ("id", "text"),
    "qrels": ("query-id", "corpus-id", "score"),
    "top_ranked": ("query-id", "corpus-ids"),
}
