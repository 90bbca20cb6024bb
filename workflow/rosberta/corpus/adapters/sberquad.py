"""SberQuAD: question -> the paragraph that answers it.

Many questions share a paragraph, which `mine` and the batches have to mind. The answers are not needed.
"""

from rosberta.corpus.adapters.pairs import Options as Pairs
from rosberta.corpus.adapters.pairs import columns, rows

__all__ = ["Options", "columns", "rows"]


class Options(Pairs):
    """Names of the columns."""

    anchor: str = "question"
    positive: str = "context"
