"""Whether the published model was rebuilt: its scores as published, and ours, task by task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import fmean

from rosberta import published
from rosberta.evidence.estimates import BEYOND, LEVEL, SURE, WITHIN, Estimate, verdicts
from rosberta.published import RELEASED, RELEASED_ID, VERSIONS
from rosberta.report.results import Model, Results
from rosberta.report.table import Column, Row, Scored, Table, Value

MARGIN = (
    f" ± is half of the {LEVEL}% interval: what other test examples, training texts of classifiers and starts of "
    "clusterings would change; other seeds of the model's training are not in it."
)


def conclusion(results: Results) -> str:
    """What the comparison with the published model comes to, in a sentence; empty if nothing was compared."""
    model = results.rebuilt
    if model is None or model.side is None or results.miniature:
        return ""
    parts = []
    for source, known in _sources():
        compared = [
            model.estimates[task].at(model.scores[task] - known[task])
            for task in known_tasks()
            if task in known
            and task in model.estimates
            and not published.deviation(source, RELEASED_ID, task, model.prefixes.get(task, ""))
        ]
        inside = sum(each.interval[0] <= 0 <= each.interval[1] for each in compared)
        if compared:
            parts.append(f"on {inside} of {len(compared)} tasks ({source})")
    if not parts:
        return ""
    return (
        f"{model.name} is within noise of the published scores of {RELEASED} {' and '.join(parts)}; tasks whose "
        "published score was made otherwise are not counted."
    )


def known_tasks() -> dict[str, published.Task]:
    """All tasks of both versions by name, those of v1 first."""
    return {task.name: task for version in VERSIONS for task in published.tasks(version)}


def _sources() -> Iterator[tuple[str, Mapping[str, float]]]:
    """The published scores of the released model, by where they stand."""
    both = {task.name for task in published.tasks("v1")}
    yield "paper", {task: score for task, score in published.scores()[RELEASED].items() if task in both}
    yield "leaderboard", published.leaderboard()[RELEASED_ID]


def against_published(results: Results) -> Table:
    """Our model against the published one, task by task: paper, leaderboard, ours, and how each was made."""
    model = results.rebuilt
    columns = (
        Column("Task"),
        Column("paper", 2, published=True),
        Column("made with", published=True),
        Column("leaderboard", 2, published=True),
        Column("made with", published=True),
        Column(model.name if model else "score", 2, over="Ours"),
        Column("made with", over="Ours"),
        Column("less paper", 2, over="Ours"),
        Column("less leaderboard", 2, over="Ours"),
        Column("Noise"),
    )
    sources = dict(_sources())
    rows, gaps = [], []
    compared: dict[str, list[str]] = {source: [] for source in sources}
    for name, task in known_tasks().items():
        ours = score_of(model, {name: 1.0})
        prompt = model.prefixes.get(name, "") if model else ""
        splits = (model.side.facts.get(name, {}).get("splits") if model and model.side else None) or ()
        made_on = "+".join(splits)
        cells: list[Value] = []
        less: list[Value] = []
        gap: Estimate | None = None
        for source, known in sources.items():
            score = known.get(name)
            deviation = published.deviation(source, RELEASED_ID, name, prompt)
            known_made = deviation or ", ".join(each for each in (task.prefix, made_on) if each)
            cells += [score, None if score is None else known_made]
            if score is None or ours is None or deviation or results.miniature:
                less.append(None)
                continue
            compared[source].append(name)
            estimate = model.estimates.get(name) if model else None
            away = estimate.at(ours - score) if estimate else None
            less.append(with_margin(ours - score, away))
            gap = away if gap is None else gap
        said = prompt.replace(":", "").replace("  ", " ") or "no prompt"
        made = ", ".join(each for each in (said, made_on) if each) if ours is not None else None
        gaps.append(gap)
        rows.append([name, *cells, ours, made, *less])
    marked = [Row((*row, mark)) for row, mark in zip(rows, verdicts(gaps), strict=True)]
    for version in VERSIONS:
        shares = {task.name: 1 / 23 for task in published.tasks(version)}
        means = [
            sum(share * known[task] for task, share in shares.items()) if shares.keys() <= known.keys() else None
            for known in sources.values()
        ]
        ours = score_of(model, shares)
        marked.append(
            Row((f"task mean, {version}", means[0], None, means[1], None, ours, None, None, None, None), total=True)
        )
    for place, (source, names) in enumerate(compared.items()):
        if model and names:
            marked.append(_compared(model, source, place, {name: sources[source][name] for name in names}))
    caption = (
        f"Scores of {RELEASED} as published, and of our {model.name if model else 'model'}. A published score that was "
        "made otherwise than ours, or on other data, is not subtracted; how it was made stands beside it. Published "
        f"scores have no interval: ± is that of ours. Noise, of the first difference there is: {WITHIN}, {BEYOND} the "
        f"interval, or {SURE}: beyond it when all tasks are looked at together. The last two tasks are those of v1.1 "
        "in place of two of v1." + MARGIN
    )
    return Table("published", f"Against {RELEASED} as published", caption, columns, tuple(marked), scored=True)


def _compared(model: Model, source: str, place: int, known: Mapping[str, float]) -> Row:
    """The mean of the tasks whose published scores were made as ours, and how far ours is from it."""
    shares = dict.fromkeys(known, 1 / len(known))
    ours, theirs, error = score_of(model, shares), fmean(known.values()), model.estimate(shares)
    cells: list[Value] = [f"mean of {len(known)} tasks that compare with the {source}", *[None] * 9]
    cells[1 + 2 * place], cells[5] = theirs, ours
    if ours is not None:
        away = error.at(ours - theirs) if error else None
        cells[7 + place], cells[9] = with_margin(ours - theirs, away), verdicts([away])[0]
    return Row(tuple(cells), total=True)


def score_of(model: Model | None, shares: Mapping[str, float]) -> float | None:
    """A weighted mean of a model's scores, with its error where that is known; None if a score is missing."""
    if model is None or any(task not in model.scores for task in shares):
        return None
    return with_margin(sum(share * model.scores[task] for task, share in shares.items()), model.estimate(shares))


def with_margin(value: float, estimate: Estimate | None) -> float:
    """A number with half the width of its interval, where that is known."""
    return value if estimate is None else Scored(value, estimate.margin)
