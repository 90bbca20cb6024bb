"""STS-DINO: sentence -> one that a language model wrote to mean the same (Schick and Schütze, 2021).

The postprocessed labels are 0.9, 0.5 and 0.1, and 0 for random pairs. High ones are positives, low ones negatives of
the same sentence. Take the file x1x2: in x2 the first sentences come from STSb, on which models are evaluated.
"""

from rosberta.corpus.adapters.scored_pairs import Options as Scored
from rosberta.corpus.adapters.scored_pairs import columns, rows

__all__ = ["Options", "columns", "rows"]


class Options(Scored):
    """Names of the columns, and thresholds."""

    anchor: str = "text_a"
    positive: str = "text_b"
    score: str = "label"
    at_least: float = 0.85
    at_most: float | None = 0.15
