"""Prefixes: the words that tell the model what a text is for, in training and in evaluation.

The recipe has four (model card of ai-forever/ru-en-RoSBERTa; paper, Table 7). Search is asymmetric: a question and what
answers it take different ones. Everything symmetric takes the same prefix on both sides.
"""

from __future__ import annotations

from typing import NamedTuple

SEARCH_QUERY = "search_query: "
SEARCH_DOCUMENT = "search_document: "
CLASSIFICATION = "classification: "
CLUSTERING = "clustering: "


class Prefix(NamedTuple):
    """What stands before an anchor (a query, a sentence) and before a document (a positive, a negative)."""

    query: str
    document: str


PREFIXES: dict[str, Prefix] = {
    "search": Prefix(SEARCH_QUERY, SEARCH_DOCUMENT),
    "classification": Prefix(CLASSIFICATION, CLASSIFICATION),
    "clustering": Prefix(CLUSTERING, CLUSTERING),
}
"""The recipe's prefixes by the name that a training row and a task use for them."""
