"""What is known of negatives before a model is trained on them, of a sample of rows.

Nobody has judged mined negatives, so a share of false ones is not known but bounded: from below by what their text
gives away (`suspected`), and roughly from above by the teacher, to whom some are nearer than the positive itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rosberta.embedding.ranks import ROUNDING
from rosberta.mining.pool import Pool
from rosberta.texts.normalisation import normal

if TYPE_CHECKING:
    from rosberta.mining.judge import Judge
    from rosberta.mining.teacher import Embedded

Row = Mapping[str, Any]

CHARACTERS = 5
"""Characters of an n-gram."""
NEAR = 0.8
"""Jaccard similarity of n-grams from which texts are one: a negative and a positive, or two anchors."""
SHARED = 0.5
"""Share of the shorter text's n-grams that the other has, from which they are passages of one text."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MARGINS = tuple(round(-0.2 + 0.02 * step, 2) for step in range(22))
"""Edges of the histogram of margins, the positive's score less the negative's; what lies beyond is in the end bins."""
EXAMPLES = 3
"""Rows shown to a human eye."""
CONFIDENCE = 1.96


def statistics(
    rows: Sequence[tuple[int, Row]],
    pool: Pool,
    embedded: Embedded | None,
    window: tuple[int, int],
    judge: Judge | None = None,
    likely: float = 0.5,
) -> dict[str, Any]:
    """What a sample of mined rows tells; scores and ranks only where a teacher has embedded the pool.

    Args:
        rows: each with its number among the rows of the pool.
        pool: that they were mined from.
        embedded: by the teacher.
        window: first and last rank.
        judge: that reads the sample; None: nobody does.
        likely: score from which it counts a negative as a positive.

    Returns:
        ``rows`` and ``negatives`` (how many were looked at), ``suspected`` by kind (`_suspicion`), ``any`` among
        them, each ``{"count", "share", "low", "high"}``; with a teacher also ``scores`` of positives and negatives
        (quantiles), ``margins`` (histogram), ``above``: negatives above their positive, and ``positive_ranks``: of
        the positives before, in and beyond the window; with a judge ``judged``: its ``scores``, and negatives ``above``
        their positive and ``likely`` to be one. ``examples``: a few rows, with scores.
    """
    # A positive without any letter or digit is no document, and has no score.
    rows = [(number, row) for number, row in rows if pool.places([row["positive"]])[0] >= 0]
    kinds = [[_suspicion(row, negative, pool, number) for negative in row["negatives"]] for number, row in rows]
    found: dict[str, Any] = {
        "rows": len(rows),
        "negatives": sum(map(len, kinds)),
        "suspected": {
            kind: share([[kind in each for each in row] for row in kinds])
            for kind in ("near_duplicate", "shared_passage", "shared_answer")
        }
        | {"any": share([[bool(each) for each in row] for row in kinds])},
    }
    if judge is not None and rows:
        found["judged"] = _judged(rows, judge, likely)
    scores = None
    if embedded is not None and rows:
        scores = _scores(rows, pool, embedded)
        margins = [[ours[0] - other for other in ours[1:]] for ours in scores]
        flat = np.array([margin for row in margins for margin in row])
        bins = np.clip(np.searchsorted(MARGINS, flat, "right"), 1, len(MARGINS) - 1) - 1
        found |= {
            "scores": {
                "positives": _quantiles([row[0] for row in scores]),
                "negatives": _quantiles([score for row in scores for score in row[1:]]),
            },
            "margins": np.bincount(bins, minlength=len(MARGINS) - 1).tolist(),
            "above": share([[margin < -ROUNDING for margin in row] for row in margins]),
            "positive_ranks": _ranks(rows, [row[0] for row in scores], pool, embedded, window),
        }
    found["examples"] = [
        {"anchor": row["anchor"], "positive": row["positive"], "negatives": row["negatives"][:EXAMPLES]}
        | ({"scores": [round(score, 3) for score in scores[place][: EXAMPLES + 1]]} if scores else {})
        for place, (_, row) in enumerate(rows[:EXAMPLES])
    ]
    return found


def _judged(rows: Sequence[tuple[int, Row]], judge: Judge, likely: float) -> dict[str, Any]:
    """What the judge says of positives and negatives."""
    texts = [(row["anchor"], text) for _, row in rows for text in (row["positive"], *row["negatives"])]
    ends = np.cumsum([1 + len(row["negatives"]) for _, row in rows])[:-1]
    scores = [each.tolist() for each in np.split(judge.scores(texts), ends)]
    return {
        "scores": {
            "positives": _quantiles([row[0] for row in scores]),
            "negatives": _quantiles([score for row in scores for score in row[1:]]),
        },
        "above": share([[score > row[0] for score in row[1:]] for row in scores]),
        "likely": share([[score >= likely for score in row[1:]] for row in scores]),
    }


def share(rows: Sequence[Sequence[bool]]) -> dict[str, float | int | None]:
    """How many are true, their share, and its interval of 95%: Wilson's (1927), for clusters.

    Negatives of a row are alike, and count for fewer where their variance says so (design effect; Kish 1965).
    """
    number = sum(map(len, rows))
    count = sum(map(sum, rows))
    if not number:
        return {"count": 0, "share": None, "low": None, "high": None}
    mean = count / number
    between = sum((sum(row) - mean * len(row)) ** 2 for row in rows)
    effect = max(1.0, between / (number * mean * (1 - mean))) if 0 < count < number else 1.0
    size, z = number / effect, CONFIDENCE
    centre = (mean + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(mean * (1 - mean) / size + z * z / (4 * size * size))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return {"count": count, "share": round(mean, 6), "low": round(low, 6), "high": round(high, 6)}


def _suspicion(row: Row, negative: str, pool: Pool, number: int) -> set[str]:
    """Why a negative may be a positive: it is nearly one, lies in one text with one, or answers nearly this anchor."""
    grams = _grams(negative)
    kinds = set()
    for positive in (row["positive"], *row["positives"]):
        others = _grams(positive)
        common = len(grams & others)
        if common >= NEAR * len(grams | others):
            kinds.add("near_duplicate")
        if common >= SHARED * max(1, min(len(grams), len(others))):
            kinds.add("shared_passage")
    asked = _grams(row["anchor"])
    for other in pool.asking(negative).tolist():
        words = _grams(pool.anchors[other])
        if other != pool.rows[number] and len(asked & words) >= NEAR * len(asked | words):
            kinds.add("shared_answer")
    return kinds


def _grams(text: str) -> set[str]:
    form = normal(text)
    return {form[place : place + CHARACTERS] for place in range(max(1, len(form) - CHARACTERS + 1))}


def _scores(rows: Sequence[tuple[int, Row]], pool: Pool, embedded: Embedded) -> list[list[float]]:
    """Of each row the teacher's scores of its positive and its negatives."""
    numbers = [number for number, _ in rows]
    queries = np.concatenate([embedded.anchors.read(anchor, anchor + 1) for anchor in pool.rows[numbers].tolist()])
    texts = [[row["positive"], *row["negatives"]] for _, row in rows]  # all of them are documents
    places = np.repeat(np.arange(len(rows)), [len(each) for each in texts])
    documents = pool.places([text for each in texts for text in each])
    scores = np.split(embedded.documents.dots(queries, (places, documents)), np.cumsum([len(t) for t in texts])[:-1])
    return [each.tolist() for each in scores]


def _ranks(
    rows: Sequence[tuple[int, Row]], scores: Sequence[float], pool: Pool, embedded: Embedded, window: tuple[int, int]
) -> dict[str, int]:
    """How many positives have fewer documents above them than the window begins with, than it ends with, or more.

    Documents that are no negatives of the anchor are not counted, nor those that are above by rounding alone.
    """
    anchors = pool.rows[[number for number, _ in rows]]
    queries = np.concatenate([embedded.anchors.read(anchor, anchor + 1) for anchor in anchors.tolist()])
    least = np.array(scores, np.float32)
    distinct, whose = np.unique(anchors, return_inverse=True)
    owners, own = pool.related(distinct)
    starts = owners.searchsorted(np.arange(len(distinct) + 1))
    above, first_of_block = np.zeros(len(rows), np.int64), 0
    for block in embedded.documents:
        similar = queries @ block.T
        for place, anchor in enumerate(whose.tolist()):
            there = own[starts[anchor] : starts[anchor + 1]] - first_of_block
            similar[place, there[(there >= 0) & (there < len(block))]] = -np.inf
        above += (similar > least[:, None] + np.float32(ROUNDING)).sum(axis=1)
        first_of_block += len(block)
    first, last = window
    return {
        "before": int((above < first).sum()),
        "inside": int(((above >= first) & (above < last)).sum()),
        "beyond": int((above >= last).sum()),
    }


def _quantiles(values: Sequence[float]) -> list[float]:
    return [round(float(value), 4) for value in np.quantile(values, QUANTILES)] if values else []
