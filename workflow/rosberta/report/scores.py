"""The tables of scores: ours with their errors, beside what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from rosberta import published
from rosberta.evidence.comparison import leader
from rosberta.evidence.estimates import LEVEL
from rosberta.published import CATEGORIES, RELEASED, Averages
from rosberta.report.reproduction import MARGIN, against_published, known_tasks, score_of, with_margin
from rosberta.report.results import Model, Plan, Results
from rosberta.report.table import Column, Row, Scored, Table, Value

BOLD = " Bold: the best of ours, where it is ahead of each other one by more than noise; references aside."


def tables(results: Results) -> list[Table]:
    """Every table of scores, in the report's order."""
    return [
        mixtures(results),
        models(results),
        scores(results),
        own_tasks(results),
        ablations(),
        against_published(results),
        seeds(results),
        facts(results),
        domains(results),
    ]


def seeds(results: Results) -> Table:
    """What seeds of training change: runs that differ in nothing else."""
    groups: dict[str, list[Model]] = {}
    runs = results.experiment.runs
    for model in results.models:
        if model.run and model.scores:
            kind = (runs[model.run].model_dump(exclude={"seed"}), model.what.replace(model.run, ""))
            groups.setdefault(str(kind), []).append(model)
    columns = (Column("Runs"), Column("Seeds", 0), *_categories(2), Column("Task mean", 2), Column("Category mean", 2))
    rows = []
    for group in groups.values():
        if len(group) < 2:
            continue
        many = [_ours(model, results) for model in group]
        rows.append(
            Row((", ".join(model.name for model in group), len(group), *map(_over_seeds, zip(*many, strict=True))))
        )
    caption = (
        f"Means over runs that differ in their seed alone; ± is half of Student's {LEVEL}% interval over the seeds. "
        "The test examples are the same for all, so that their part of the error is not in it."
    )
    return Table("seeds", "Seeds of training", caption, columns, tuple(rows), scored=True)


def _over_seeds(values: Sequence[Value]) -> Value:
    from scipy import stats

    known = [float(value) for value in values if isinstance(value, float)]
    if len(known) < len(values):
        return None
    width = float(stats.t.ppf(0.5 + LEVEL / 200, len(known) - 1)) * stdev(known) / len(known) ** 0.5
    return Scored(fmean(known), width)


def facts(results: Results) -> Table:
    """How each model was evaluated."""
    names = ("prompts", "precision", "max_length", "pooling", "similarity", "revision")
    columns = (
        Column("Model"),
        Column("What it is"),
        Column("Prompts"),
        Column("Precision"),
        Column("Tokens at most", 0),
        Column("Pooling"),
        Column("Similarity"),
        Column("Revision"),
        Column("Texts cut, %", 2),
    )
    rows = []
    for model in results.models:
        values = [model.facts.get(name) for name in names]
        values[-1] = str(values[-1])[:8] if values[-1] else None
        rows.append(Row((model.name, model.what, *values, model.cut)))
    caption = (
        "Revision: the first digits of the hub's, or of the digest of the weights. Cut: longer than the model takes."
    )
    return Table("facts", "How the models were evaluated", caption, columns, tuple(rows))


def domains(results: Results) -> Table:
    """Which training sources are of a task's own domain."""
    columns = (
        Column("Task"),
        Column("Source"),
        Column("What they share"),
        Column("Rows dropped for it", 0),
        *(Column(plan.name, 0, over="Rows in mixture") for plan in results.plans),
    )
    sources = {source.name: source for source in results.sources}
    rows = []
    for name in known_tasks():
        for dataset, why in published.domains(name):
            for source, entry in results.experiment.collect.sources.items():
                if entry.dataset != dataset or name not in results.experiment.benchmark.tasks:
                    continue
                dropped = sum(found[0] for (task, _), found in sources[source].overlap.items() if task == name)
                rows.append(Row((name, source, why, dropped, *(plan.sources.get(source) for plan in results.plans))))
    caption = (
        "Sources that are drawn from the set of a task, its documents, or texts of its kind: on these tasks a model is "
        "not judged on an unseen domain. Rows that hold a test text are dropped in any case."
    )
    return Table("domains", "Sources in the domain of a task", caption, columns, tuple(rows))


def leads(results: Results, model: Model, shares: Mapping[str, float]) -> bool:
    """Whether a model is ahead of the others of ours, by more than noise."""
    key = tuple(shares.items())
    if key not in results.leaders:
        sides = [each.side for each in results.models if each.side and not each.reference]
        results.leaders[key] = leader(sides, shares)
    return results.leaders[key] == model.name


def _shares(results: Results) -> list[dict[str, float]]:
    """The weights of tasks in each category's mean, in the task mean and in the category mean."""
    tasks = published.tasks(results.version)
    groups = {name: [task.name for task in tasks if task.category == name] for name in CATEGORIES}
    by_category = [dict.fromkeys(group, 1 / len(group)) for group in groups.values()]
    together = {task: 1 / len(CATEGORIES) / len(group) for group in groups.values() for task in group}
    return [*by_category, {task.name: 1 / len(tasks) for task in tasks}, together]


def mixtures(results: Results) -> Table:
    """Poster Table 2: the data mixtures, ours beside the published ones."""
    columns = (
        Column("Data"),
        Column("Model"),
        Column("Steps", 0),
        *_categories(1),
        Column("Average (category mean)", 1),
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
    return Table(
        "mixtures",
        "Table 2. Data mixtures",
        caption + MARGIN + BOLD + _remark(results),
        columns,
        tuple(rows),
        scored=True,
    )


def _mixture_rows(results: Results, plans: Sequence[Plan]) -> list[Row]:
    rows = []
    for plan in plans:
        for model in results.models_of(plan.name):
            averages, bold = _ours(model, results), _bold(model, results)
            wanted = results.experiment.runs[model.run or ""].mixture
            values = (wanted, model.name, results.steps_of(model.run), *averages[:-2], averages[-1])
            leads = [*bold[:-2], bold[-1]]
            rows.append(Row(values, best=frozenset(3 + place for place, one in enumerate(leads) if one)))
    return rows


def models(results: Results) -> Table:
    """Poster Table 3: our models beside the published ones."""
    columns = (
        Column("Model"),
        Column("What it is"),
        *_categories(2),
        Column("Task mean", 2),
        Column("Category mean", 2),
    )
    rows = [Row((row.name, row.key, *_averages(row, results.version)), published=True) for row in published.baselines()]
    for model in results.models:
        bold = frozenset(2 + place for place, one in enumerate(_bold(model, results)) if one)
        rows.append(Row((model.name, model.what, *_ours(model, results)), best=bold))
    caption = (
        f"Category scores on MTEB(rus, {results.version}). The task mean averages 23 tasks, of which nine are "
        "classification; the category mean averages seven categories. The paper orders models by the task mean; the "
        "category means of published rows are computed here from their category scores. A score stands only where all "
        "of its tasks were evaluated."
    )
    return Table(
        "models", "Table 3. Models", caption + MARGIN + BOLD + _remark(results), columns, tuple(rows), scored=True
    )


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
                *(score_of(model, {task.name: 1.0}) for model in results.models),
            ),
            best=_leading(results, task.name, 3),
        )
        for task in published.tasks(results.version)
    ]
    caption = "The main score of every task of ruMTEB." + MARGIN + BOLD
    return Table("scores", "Scores by task", caption, columns, tuple(rows), scored=True)


def _leading(results: Results, task: str, first: int) -> frozenset[int]:
    """The column of the model that leads in a task, of models from column `first` on."""
    return frozenset(first + place for place, model in enumerate(results.models) if leads(results, model, {task: 1.0}))


def own_tasks(results: Results) -> Table:
    """Scores of tasks that are no part of ruMTEB, with the prefix that each model gave their texts."""
    columns = [Column("Task"), Column("Category"), Column("Test texts here", 0)]
    for model in results.models:
        columns += [Column("score", 2, over=model.name), Column("prefix", over=model.name)]
    entries = results.experiment.benchmark.tasks
    rows = []
    for name in results.own_tasks:
        values: list[Value] = [name, entries[name].category, results.texts.get(name)]
        for model in results.models:
            score = model.own.get(name)
            prefix = None if score is None else model.prefixes.get(name) or "none"
            values += [None if score is None else with_margin(score, model.estimates.get(name)), prefix]
        leads = frozenset(3 + 2 * (place - 3) for place in _leading(results, name, 3))
        rows.append(Row(tuple(values), best=leads))
    caption = "Tasks of this experiment that are no part of ruMTEB. They enter no average." + MARGIN + BOLD
    return Table("own_tasks", "Own tasks", caption, tuple(columns), tuple(rows), scored=True)


def ablations() -> Table:
    """Paper Table 3: what the authors tried."""
    columns = (Column("Variant"), *_categories(1), Column("Average (category mean)", 1))
    rows = [
        Row((row.name, *row.categories.values(), row.category_mean), published=True) for row in published.ablations()
    ]
    caption = (
        "Paper Table 3: variants of model and training on basic and synthetic data. Single runs without a spread, so "
        "differences of a few tenths may be noise."
    )
    return Table("ablations", "Ablations as published", caption, columns, tuple(rows))


def _categories(decimals: int) -> list[Column]:
    return [Column(short, decimals) for short in CATEGORIES.values()]


def _averages(row: Averages, version: str) -> list[Value]:
    """Category scores, task mean and category mean of a published row; None where another version holds other tasks."""
    same = version == "v1"
    return [
        *(score if same or name != "Retrieval" else None for name, score in row.categories.items()),
        row.task_mean if same else None,
        row.category_mean if same else None,
    ]


def _ours(model: Model, results: Results) -> list[Value]:
    """Category scores, task mean and category mean of a model of ours."""
    return [score_of(model, shares) for shares in _shares(results)]


def _bold(model: Model, results: Results) -> list[bool]:
    """In which of these it leads."""
    return [leads(results, model, shares) for shares in _shares(results)]


def _nothing() -> list[Value]:
    return [None] * len(CATEGORIES)


def _remark(results: Results) -> str:
    if results.version == "v1":
        return ""
    return " Published rows are on v1, whose retrieval tasks are others, so what contains retrieval is left out there."
