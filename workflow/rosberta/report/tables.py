"""The tables of the report: what each one says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from rosberta import published
from rosberta.frame.flow import FLOW
from rosberta.report.corpus import corpus, sets
from rosberta.report.costs import tables as plan_tables
from rosberta.report.mining import tables as mining_tables
from rosberta.report.results import ORIGINS, RULES, STEPS, Results
from rosberta.report.scores import tables as score_tables
from rosberta.report.seen import documents
from rosberta.report.table import Column, Row, Table, Value

NOTE = "These scores come from the miniature hub: they show that the pipeline works and say nothing about the recipe"
"""What stands over every score of a miniature."""


def tables(results: Results) -> dict[str, Table]:
    """All tables of the report by name, in the report's order."""
    built = [
        tasks(results),
        *score_tables(results),
        funnel(results),
        dropped(results),
        overlap(results),
        documents(results.searched, results.experiment),
        *mining_tables(results),
        plans(results),
        drawn(results),
        corpus(results),
        sets(results),
        *plan_tables(results.experiment),
        stages(results),
    ]
    return {table.name: replace(table, note=NOTE) if table.scored and results.miniature else table for table in built}


def tasks(results: Results) -> Table:
    """Poster Table 1: the tasks, and how much of each is evaluated."""
    columns = (
        Column("Task"),
        Column("Category"),
        Column("Metric"),
        Column("Prefix"),
        Column("Train", 0, published=True),
        Column("Validation", 0, published=True),
        Column("Test", 0, published=True),
        Column("Evaluated by mteb", 0, published=True),
        Column("Test texts here", 0),
    )
    rows = [
        Row(
            (
                task.name,
                task.category,
                task.metric,
                task.prefix,
                task.paper_train,
                task.paper_validation,
                task.paper_test,
                task.mteb_evaluated,
                results.texts.get(task.name),
            )
        )
        for task in published.tasks(results.version)
    ]
    caption = (
        f"The 23 tasks of MTEB(rus, {results.version}). Published: sizes as the paper gives them (for RuBQ and MIRACL "
        "these are judged pairs), and the texts, pairs or queries that mteb evaluates. Here: distinct test texts; of "
        "what is searched, queries and relevant documents. A dash: not part of this experiment, or no such split."
    )
    return Table("tasks", "Table 1. Tasks", caption, columns, tuple(rows))


def funnel(results: Results) -> Table:
    """Rows of each source from stage to stage."""
    columns = (
        Column("Source"),
        Column("Group"),
        *(Column(after, 0, over="Rows") for after in ("raw", "collected", "cleaned", "deduplicated", "mined")),
        Column("under the cap", 0),
        *(Column(origin, 0, over="Negatives") for origin in ORIGINS),
    )
    rows = [
        Row(
            (
                source.name,
                source.group,
                source.read,
                *(source.kept[stage] for stage in STEPS),
                source.short,
                *(source.negatives[origin] for origin in ORIGINS),
            )
        )
        for source in results.sources
    ]
    sums = [_sum(row.values[position] for row in rows) for position in range(2, 8 + len(ORIGINS))]
    total = Row(("All sources", None, *sums), total=True)
    caption = (
        "Rows of each source: as its files hold them, as collected, after cleaning, without duplicates and cut to its "
        "cap, and with hard negatives; how many are wanting to the cap, for the reasons of the next table; where the "
        "negatives come from: the source itself, the teacher's ranks, or a random draw from the source."
    )
    return Table("funnel", "From raw rows to training rows", caption, columns, (*rows, total))


def dropped(results: Results) -> Table:
    """Why rows of each source were dropped, a column a stage and reason."""
    counts = {stage: Counter[str]() for stage in STEPS}
    for source in results.sources:
        for stage in STEPS:
            counts[stage].update(source.dropped[stage])
    # Most frequent first.
    ordered = sorted((-number, reason, stage) for stage in STEPS for reason, number in counts[stage].items() if number)
    kinds = [(stage, reason) for stage in STEPS for _, reason, of in ordered if of == stage]
    columns = (Column("Source"), *(Column(reason, 0, over=f"by {stage}") for stage, reason in kinds))
    rows = [
        Row(
            (
                source.name,
                *(
                    None if source.kept[stage] is None else source.dropped[stage].get(reason, 0)
                    for stage, reason in kinds
                ),
            )
        )
        for source in results.sources
    ]
    total = Row(("All sources", *(counts[stage][reason] for stage, reason in kinds)), total=True)
    caption = "Rows dropped by stage and reason. Of several reasons that a stage finds, the first counts."
    return Table("dropped", "Dropped rows", caption, columns, (*rows, total))


def overlap(results: Results) -> Table:
    """What of each task was found in each source, and removed."""
    columns = (
        Column("Source"),
        Column("Task"),
        *(Column(rule, 0, over="Rows dropped") for rule in RULES),
        Column("Negatives removed", 0),
        Column("Examples"),
    )
    lines = []
    totals: Counter[str] = Counter()
    for source in results.sources:
        for task in dict.fromkeys(task for task, _ in source.overlap):
            found = {rule: source.overlap.get((task, rule), (0, 0, ())) for rule in RULES}
            numbers = {rule: rows for rule, (rows, _, _) in found.items()}
            negatives = sum(removed for _, removed, _ in found.values())
            totals.update({**numbers, "negatives": negatives})
            ids = [id for _, _, each in found.values() for id in each]
            lines.append(Row((source.name, task, *numbers.values(), negatives, ", ".join(ids[:3]))))
    sums = (*(totals[rule] for rule in RULES), totals["negatives"])
    lines.append(Row(("All sources", None, *sums, None), total=True))
    caption = (
        "Training rows that hold a test text of a task: the same words, much of them in the same order, nearly the "
        "same letters, or, of short texts, most of the same words in any order and form. A text that two tasks hold "
        "counts for both. All removed rows are in data/removed/."
    )
    return Table("overlap", "Overlap with the benchmark", caption, columns, tuple(lines))


def plans(results: Results) -> Table:
    """Rows and shares of each source in each mixture."""
    columns: list[Column] = [Column("Source"), Column("Group"), Column("Prefix")]
    for plan in results.plans:
        columns += [Column("rows", 0, over=plan.name), Column("%", 1, over=plan.name)]
    rows = []
    for source in results.sources:
        values: list[Value] = [source.name, source.group, source.prefix]
        for plan in results.plans:
            values += [plan.sources.get(source.name), plan.share(source.name)]
        rows.append(Row(tuple(values)))
    totals: list[Value] = ["All sources", None, None]
    for plan in results.plans:
        totals += [plan.rows, 100.0 if plan.rows else None]
    rows.append(Row(tuple(totals), total=True))
    caption = "Rows of each source in each mixture, and its share. A batch comes from one source, drawn by its share."
    return Table("plans", "Mixtures", caption, tuple(columns), tuple(rows))


def drawn(results: Results) -> Table:
    """Of each run the share of each source that its mixture plans, and that of the batches which were drawn."""
    columns = [Column("Source")]
    for run, batches in results.drawn.items():
        over = f"{run}, {sum(batches.values())} batches"
        columns += [Column("planned, %", 1, over=over), Column("drawn, %", 1, over=over)]
    rows = []
    for source in results.sources if results.drawn else ():
        values: list[Value] = [source.name]
        for run, batches in results.drawn.items():
            planned = results.planned[run].share(source.name)
            values += [planned, None if planned is None else 100 * batches.get(source.name, 0) / sum(batches.values())]
        rows.append(Row(tuple(values)))
    caption = (
        "Share of each source in the rows of a run's mixture, and in the batches that it was trained on: sources are "
        "cut into batches, and these come in a random order until the steps are done."
    )
    return Table("drawn", "Shares planned and drawn", caption, tuple(columns), tuple(rows))


def stages(results: Results) -> Table:
    """The flow: what each stage does, and what it reads."""
    columns = (Column("Stage"), Column("What it does"), Column("Reads"), Column("A job for each of"), Column("Jobs", 0))
    rows = []
    for name, stage in FLOW.items():
        jobs = len(keys_of(results, name)) if stage.keys else 1
        rows.append(Row((name, stage.does, ", ".join(stage.reads) or None, stage.keys, jobs)))
    caption = "The stages in order. Each is one command, one rule and one entry of the ledger."
    return Table("stages", "Stages", caption, columns, tuple(rows))


def keys_of(results: Results, stage: str) -> list[str]:
    """The keys of a stage in this experiment; none if it runs once."""
    block: object = results.experiment
    for part in (FLOW[stage].keys or "").split("."):
        block = getattr(block, part) if part else {}
    return list(block) if isinstance(block, dict) else []


def _sum(values: Iterable[Value]) -> int | None:
    known = [int(value) for value in values if isinstance(value, int)]
    return sum(known) if known else None
