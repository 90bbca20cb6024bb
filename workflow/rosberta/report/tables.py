"""The tables of the report: what each one says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from rosberta import published
from rosberta.frame.flow import FLOW
from rosberta.published import CATEGORIES, RELEASED, Averages
from rosberta.report.corpus import corpus, sets
from rosberta.report.costs import tables as plan_tables
from rosberta.report.mining import tables as mining_tables
from rosberta.report.results import ORIGINS, RULES, STEPS, Model, Plan, Results
from rosberta.report.table import Column, Row, Table, Value

NOTE = "These scores come from the miniature hub: they show that the pipeline works and say nothing about the recipe"
"""What stands over every number of a miniature."""


def tables(results: Results) -> dict[str, Table]:
    """All tables of the report by name, in the report's order."""
    built = [
        tasks(results),
        mixtures(results),
        models(results),
        scores(results),
        own_tasks(results),
        ablations(),
        funnel(results),
        dropped(results),
        overlap(results),
        *mining_tables(results),
        plans(results),
        corpus(results),
        sets(results),
        *plan_tables(results.experiment),
        stages(results),
    ]
    return {table.name: replace(table, note=NOTE) if table.measured and results.miniature else table for table in built}


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


def mixtures(results: Results) -> Table:
    """Poster Table 2: the data mixtures, ours beside the published ones."""
    columns = (
        Column("Data"),
        Column("Model"),
        Column("Steps", 0),
        *_categories(1),
        Column("Average (category mean)", 1, best=True),
    )
    rows: list[Row] = []
    placed: set[str] = set()
    for row in published.mixtures():
        averages = _averages(row, results.version)
        rows.append(Row((row.name, "ru-en-RoBERTa", 1500, *averages[:-2], averages[-1]), published=True))
        matching = [plan for plan in results.plans if set(plan.groups) == set(row.groups)]
        placed.update(plan.name for plan in matching)
        rows.extend(_mixture_rows(results, matching) or [Row(("not run here", None, None, *_nothing(), None))])
    rows.extend(_mixture_rows(results, [plan for plan in results.plans if plan.name not in placed]))
    caption = (
        "Category scores by training mixture. The average is the mean of the seven category scores, for published "
        "rows and ours alike; it must not be compared with the task mean of Table 3. Ours stand below the published "
        "row whose groups of sources they share; mixtures that the paper does not have come last."
    )
    return Table("mixtures", "Table 2. Data mixtures", caption + _remark(results), columns, tuple(rows))


def _mixture_rows(results: Results, plans: Sequence[Plan]) -> list[Row]:
    rows = []
    for plan in plans:
        for model in results.models_of(plan.name):
            averages = _ours(model, results)
            rows.append(Row((plan.name, model.name, results.steps_of(model.run), *averages[:-2], averages[-1])))
    return rows


def models(results: Results) -> Table:
    """Poster Table 3: our models beside the published ones."""
    columns = (
        Column("Model"),
        Column("What it is"),
        *_categories(2),
        Column("Task mean", 2, best=True),
        Column("Category mean", 2, best=True),
    )
    rows = [Row((row.name, row.key, *_averages(row, results.version)), published=True) for row in published.baselines()]
    rows += [Row((model.name, model.what, *_ours(model, results))) for model in results.models]
    caption = (
        f"Category scores on MTEB(rus, {results.version}). The task mean averages 23 tasks, of which nine are "
        "classification; the category mean averages seven categories. The paper orders models by the task mean; the "
        "category means of published rows are computed here from their category scores. A score stands only where all "
        "of its tasks were evaluated."
    )
    return Table("models", "Table 3. Models", caption + _remark(results), columns, tuple(rows))


def scores(results: Results) -> Table:
    """Every task's score of every model of ours, beside the released model's."""
    released = published.scores()[RELEASED]
    columns = (
        Column("Task"),
        Column("Category"),
        Column(RELEASED, 2, published=True),
        *(Column(model.name, 2) for model in results.models),
    )
    rows = [
        Row(
            (
                task.name,
                CATEGORIES[task.category],
                released.get(task.name),
                *(m.scores.get(task.name) for m in results.models),
            )
        )
        for task in published.tasks(results.version)
    ]
    caption = "The main score of every task of ruMTEB. Bold: the best of our models."
    best = tuple(range(3, len(columns))) if len(results.models) > 1 else ()
    return Table("scores", "Scores by task", caption, columns, tuple(rows), best_of_row=best)


def own_tasks(results: Results) -> Table:
    """Scores of tasks that are no part of ruMTEB."""
    columns = (
        Column("Task"),
        Column("Category"),
        Column("Prefix"),
        Column("Test texts here", 0),
        *(Column(model.name, 2) for model in results.models),
    )
    entries = results.experiment.benchmark.tasks
    rows = [
        Row(
            (
                name,
                entries[name].category,
                next((m.prefixes[name] for m in results.models if m.prefixes.get(name)), None),
                results.texts.get(name),
                *(model.own.get(name) for model in results.models),
            )
        )
        for name in results.own_tasks
    ]
    caption = "Tasks of this experiment that are no part of ruMTEB. They enter no average."
    best = tuple(range(4, len(columns))) if len(results.models) > 1 else ()
    return Table("own_tasks", "Own tasks", caption, columns, tuple(rows), best_of_row=best)


def ablations() -> Table:
    """Paper Table 3: what the authors tried."""
    columns = (Column("Variant"), *_categories(1), Column("Average (category mean)", 1, best=True))
    rows = [
        Row((row.name, *row.categories.values(), row.category_mean), published=True) for row in published.ablations()
    ]
    caption = (
        "Paper Table 3: variants of model and training on basic and synthetic data. Single runs without a spread, so "
        "differences of a few tenths may be noise."
    )
    return Table("ablations", "Ablations as published", caption, columns, tuple(rows), measured=False)


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
            number = plan.sources.get(source.name)
            values += [number, None if number is None or not plan.rows else 100 * number / plan.rows]
        rows.append(Row(tuple(values)))
    totals: list[Value] = ["All sources", None, None]
    for plan in results.plans:
        totals += [plan.rows, 100.0 if plan.rows else None]
    rows.append(Row(tuple(totals), total=True))
    caption = "Rows of each source in each mixture, and its share. A batch comes from one source, drawn by its share."
    return Table("plans", "Mixtures", caption, tuple(columns), tuple(rows))


def stages(results: Results) -> Table:
    """The flow: what each stage does, and what it reads."""
    columns = (Column("Stage"), Column("What it does"), Column("Reads"), Column("A job for each of"), Column("Jobs", 0))
    rows = []
    for name, stage in FLOW.items():
        jobs = len(keys_of(results, name)) if stage.keys else 1
        rows.append(Row((name, stage.does, ", ".join(stage.reads) or None, stage.keys, jobs)))
    caption = "The stages in order. Each is one command, one rule and one entry of the ledger."
    return Table("stages", "Stages", caption, columns, tuple(rows), measured=False)


def keys_of(results: Results, stage: str) -> list[str]:
    """The keys of a stage in this experiment; none if it runs once."""
    block: object = results.experiment
    for part in (FLOW[stage].keys or "").split("."):
        block = getattr(block, part) if part else {}
    return list(block) if isinstance(block, dict) else []


def _categories(decimals: int) -> list[Column]:
    return [Column(short, decimals, best=True) for short in CATEGORIES.values()]


def _averages(row: Averages, version: str) -> list[Value]:
    """Category scores, task mean and category mean of a published row; None where another version holds other tasks."""
    same = version == "v1"
    return [
        *(score if same or name != "Retrieval" else None for name, score in row.categories.items()),
        row.task_mean if same else None,
        row.category_mean if same else None,
    ]


def _ours(model: Model, results: Results) -> list[Value]:
    version = results.version
    return [
        *(model.category(name, version) for name in CATEGORIES),
        model.task_mean(version),
        model.category_mean(version),
    ]


def _nothing() -> list[Value]:
    return [None] * len(CATEGORIES)


def _remark(results: Results) -> str:
    if results.version == "v1":
        return ""
    return " Published rows are on v1, whose retrieval tasks are others, so what contains retrieval is left out there."


def _sum(values: Iterable[Value]) -> int | None:
    known = [int(value) for value in values if isinstance(value, int)]
    return sum(known) if known else None
