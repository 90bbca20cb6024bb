"""The tables of the training data beside that of the paper."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rosberta import published
from rosberta.experiment.blocks import GROUPS
from rosberta.report.results import Results
from rosberta.report.table import Column, Row, Table, Value


def corpus(results: Results) -> Table:
    """The groups of sources here, beside those of the paper."""
    columns = (
        Column("Group"),
        Column("Sets", 0, published=True),
        Column("Pairs, thousands", 0, published=True),
        Column("Share, %", 1, published=True),
        Column("Sources", 0, over="Here"),
        Column("Rows", 0, over="Here"),
        Column("Share, %", 1, over="Here"),
    )
    paper, pairs = Counter[str](), Counter[str]()
    for each in published.sets():
        paper[each.group] += 1
        pairs[each.group] += each.thousand_pairs
    here = {group: [source for source in results.sources if source.group == group] for group in GROUPS}
    mined = {group: _sum(source.kept["mine"] for source in here[group]) for group in GROUPS}
    total = _sum(mined.values())
    rows = [
        Row(
            (
                group,
                paper[group],
                pairs[group],
                100 * pairs[group] / pairs.total(),
                len(here[group]) or None,
                mined[group],
                None if mined[group] is None or not total else 100 * (mined[group] or 0) / total,
            )
        )
        for group in GROUPS
    ]
    everything = ("All groups", paper.total(), pairs.total(), 100.0, len(results.sources), total)
    rows.append(Row((*everything, 100.0 if total else None), total=True))
    caption = "Groups of sources: paper Table 6, and the mined rows of this experiment."
    return Table("corpus", "Groups of sources", caption, columns, tuple(rows))


def sets(results: Results) -> Table:
    """Paper Table 6, set by set: which sources stand for each here."""
    columns = (
        Column("Set", published=True),
        Column("Group", published=True),
        Column("Prefix", published=True),
        Column("Pairs, thousands", 0, published=True),
        Column("Sources", over="Here"),
        Column("Rows", 0, over="Here"),
        Column("Remark", over="Here"),
    )
    collect = results.experiment.collect
    mined = {source.name: source.kept["mine"] for source in results.sources}
    missing = {each.paper_set: each for each in collect.missing.values()}
    rows = []
    for each in published.sets():
        names = [name for name, source in collect.sources.items() if source.paper_set == each.name]
        remark = None
        if each.name in missing:
            instead = missing[each.name].substitute
            names = [instead] if instead else []
            remark = f"cannot be had: {missing[each.name].reason}" + ("" if instead else "; nothing is taken instead")
        number = _sum(mined[name] for name in names)
        rows.append(
            Row((each.name, each.group, each.prefix, each.thousand_pairs, ", ".join(names) or None, number, remark))
        )
    placed = {name for name, source in collect.sources.items() if source.paper_set}
    placed |= {each.substitute for each in missing.values() if each.substitute}
    caption = (
        "The training sets of the paper's Table 6, each with the sources of this experiment that hold it. "
        f"Sources beyond it: {len(collect.sources.keys() - placed)}."
    )
    return Table("sets", "Training sets", caption, columns, tuple(rows))


def _sum(values: Iterable[Value]) -> int | None:
    known = [int(value) for value in values if isinstance(value, int)]
    return sum(known) if known else None
