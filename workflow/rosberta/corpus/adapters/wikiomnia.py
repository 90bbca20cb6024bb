"""WikiOmnia: generated question -> the summary of the article that it was generated from.

The generated fields hold None and NaN, and pairs occur twice; ``options: {positive: answer}`` takes the short answer.
"""

from rosberta.corpus.adapters.pairs import Options as Pairs
from rosberta.corpus.adapters.pairs import columns, rows

__all__ = ["Options", "columns", "rows"]


class Options(Pairs):
    """Names of the columns."""

    anchor: str = "question"
    positive: str = "summary"
