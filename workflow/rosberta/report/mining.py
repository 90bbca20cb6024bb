"""The tables of hard negatives: whether they are negatives, as far as that is known before training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from rosberta.frame.artifacts import MINE, mining_report
from rosberta.frame.files import read_json
from rosberta.mining.statistics import MARGINS
from rosberta.report.table import Column, Row, Table, Value

if TYPE_CHECKING:
    from rosberta.experiment import Experiment
    from rosberta.report.results import Results

Known = Mapping[tuple[str, str], Mapping[str, Any]]
"""What is known of negatives, by source and mining."""

EDGES = (-0.1, 0.0, 0.02, 0.04, 0.06, 0.1, 0.2)
"""Margins between which shares are shown; all of them are edges of the statistics' own bins."""
LETTERS = 140
"""Of a text that is shown."""


def known(experiment: Experiment) -> Known:
    """What the stage `mine` said of its negatives, where it did.

    Raises:
        Mistake: a file is there, but damaged.
    """
    found = {}
    for source in experiment.collect.sources:
        for mining in (MINE, *experiment.minings_of(source)):
            path = mining_report(source, mining)
            # Of single texts there is nothing to know.
            if path.is_file() and (said := read_json(path)):
                found[source, mining] = said
    return found


def tables(results: Results) -> list[Table]:
    """All tables of hard negatives."""
    asked = any("judged" in each for each in results.minings.values())
    return [
        negatives(results.minings),
        *([judged(results.minings)] if asked else []),
        margins(results.minings),
        examples(results.minings),
    ]


def negatives(minings: Known) -> Table:
    """Scores, ranks and suspicions of each source and mining."""
    columns = (
        Column("Source"),
        Column("Mining"),
        *(Column(name, 0, over="Rows") for name in ("kept", "dropped", "filled", "short")),
        Column("Negatives", 0),
        Column("positive", 3, over="Median score"),
        Column("negative", 3, over="Median score"),
        Column("share, %", 1, over="Above the positive"),
        Column("low", 1, over="Above the positive"),
        Column("high", 1, over="Above the positive"),
        Column("before, %", 1, over="Positive against the window"),
        Column("inside, %", 1, over="Positive against the window"),
        Column("beyond, %", 1, over="Positive against the window"),
        Column("near duplicate, %", 1, over="Suspected"),
        Column("one text, %", 1, over="Suspected"),
        Column("one question, %", 1, over="Suspected"),
        Column("any, %", 1, over="Suspected"),
        Column("low", 1, over="Suspected"),
        Column("high", 1, over="Suspected"),
    )
    rows = []
    for (source, mining), each in minings.items():
        scores, ranks, suspected = each.get("scores"), each.get("positive_ranks"), each["suspected"]
        medians = [scores[side][len(scores[side]) // 2] if scores else None for side in ("positives", "negatives")]
        shares = [100 * ranks[place] / each["rows"] if ranks else None for place in ("before", "inside", "beyond")]
        kinds = [_percent(suspected[kind], "share") for kind in ("near_duplicate", "shared_passage", "shared_answer")]
        above, all_kinds = ([_percent(one, end) for end in ("share", "low", "high")] for one in _both(each))
        counts = each["counts"]
        became = (counts["kept"], sum(counts["dropped"].values()), counts["filled"], counts["short"])
        rows.append(Row((source, mining, *became, each["negatives"], *medians, *above, *shares, *kinds, *all_kinds)))
    caption = (
        "Rows that each mining keeps, and what became of those with too few candidates: dropped, filled up at random, "
        "or left with fewer negatives. The rest is of a sample of rows, given negatives included. "
        "How many negatives the teacher finds nearer to the anchor than "
        "the positive, with an interval of 95% for clusters; whether the positive itself has fewer documents above it "
        "than the window begins with, or than it ends with, or more; and negatives that are suspected to be positives: "
        "nearly a positive, in one text with one (half of the shorter one's n-grams), or relevant to nearly the same "
        "anchor. What is suspected bounds the false negatives from below: no text tells all of them. A dash: the "
        "source draws at random, and no teacher looked at it."
    )
    return Table("mining", "Are they negatives?", caption, columns, tuple(rows))


def judged(minings: Known) -> Table:
    """What a cross-encoder says of negatives, where one was asked."""
    shares = {"above": "Above the positive", "likely": "Likely positives"}
    columns = (
        Column("Source"),
        Column("Mining"),
        *(Column(name, 0, over="Candidates") for name in ("judged", "refused")),
        *(Column(side, 3, over="Median score") for side in ("positive", "negative")),
        *(Column(end, 1, over=title) for title in shares.values() for end in ("share, %", "low", "high")),
    )
    rows = []
    for (source, mining), each in minings.items():
        if said := each.get("judged"):
            medians = [said["scores"][side][len(said["scores"][side]) // 2] for side in ("positives", "negatives")]
            ends = [_percent(said[kind], end) for kind in shares for end in ("share", "low", "high")]
            counts = [each["counts"].get(name) for name in ("judged", "refused")]
            rows.append(Row((source, mining, *counts, *medians, *ends)))
    caption = (
        "What a cross-encoder, which reads anchor and document together, says of the same sample: an estimate of the "
        "false negatives by a model that did not rank them, with intervals of 95% for clusters. A negative is a likely "
        "positive from the score on that `cross_encoder.likely` names. Candidates are counted where it may refuse any."
    )
    return Table("mining_judged", "What a judge says of negatives", caption, columns, tuple(rows))


def margins(minings: Known) -> Table:
    """The margin histogram of each source and mining."""
    names = [f"below {EDGES[0]:g}", *(f"{low:g} to {high:g}" for low, high in pairwise(EDGES))]
    columns = (
        Column("Source"),
        Column("Mining"),
        *(Column(name, 1, over="Share of negatives, %, by margin") for name in [*names, f"above {EDGES[-1]:g}"]),
    )
    rows = []
    for (source, mining), each in minings.items():
        if "margins" in each:
            ends = [0, *(MARGINS.index(edge) for edge in EDGES), len(MARGINS) - 1]
            counts = [sum(each["margins"][low:high]) for low, high in pairwise(ends)]
            rows.append(Row((source, mining, *(100 * count / max(1, each["negatives"]) for count in counts))))
    caption = (
        "The positive's score less the negative's, of the same sample: below zero the teacher prefers the negative."
    )
    return Table("mining_margins", "Margins of negatives", caption, columns, tuple(rows))


def examples(minings: Known) -> Table:
    """Some rows side by side, for a human eye."""
    columns = (Column("Source"), Column("Mining"), Column("Is"), Column("Score", 3), Column("Text"))
    rows = [
        Row((source, mining, *line))
        for (source, mining), each in minings.items()
        for example in each["examples"]
        for line in _lines(example)
    ]
    caption = f"The first rows of the sample, each text cut to {LETTERS} letters."
    return Table("mining_examples", "Rows side by side", caption, columns, tuple(rows))


def _lines(example: Mapping[str, Any]) -> Iterator[tuple[Value, ...]]:
    scores = [None, *example.get("scores", [])]
    texts = [("anchor", example["anchor"]), ("positive", example["positive"])]
    texts += [("negative", text) for text in example["negatives"]]
    for place, (what, text) in enumerate(texts):
        cut = text if len(text) <= LETTERS else text[: LETTERS - 1] + "…"
        yield what, scores[place] if place < len(scores) else None, cut


def _both(each: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return each.get("above", {}), each["suspected"]["any"]


def _percent(share: Mapping[str, Any], end: str) -> float | None:
    value = share.get(end)
    return None if value is None else 100 * value
