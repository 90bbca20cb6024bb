"""Query2doc: a query of MS MARCO -> the document that a language model wrote for it (Wang et al., 2023)."""

from rosberta.corpus.adapters.pairs import Options as Pairs
from rosberta.corpus.adapters.pairs import columns, rows

__all__ = ["Options", "columns", "rows"]


class Options(Pairs):
    """Names of the columns."""

    anchor: str = "query"
    positive: str = "pseudo_doc"
