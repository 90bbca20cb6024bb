"""The figures of the report's evaluation: categories and tasks, ours beside the published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from rosberta import published
from rosberta.published import CATEGORIES, RELEASED
from rosberta.report.results import Results
from rosberta.report.scores import leads
from rosberta.report.svg import ACCENT, COLD, HOT, INK, MUTED, PALE, PAPER, TINT, WIDTH, axes_at, blank, empty, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE, GAP = 24, 14
"""Height of a line, and the gap between what is ours and what is published, in pixels."""


class Shown(NamedTuple):
    """A model as a column of the heat map."""

    name: str
    published: bool
    scores: Mapping[str, float]


def categories(results: Results) -> Figure:
    """Each category's score of each of our models and of the released one, a panel a category."""
    models = [model for model in results.models if model.scores]
    shown = [name for name in CATEGORIES if any(model.category(name, results.version) is not None for model in models)]
    if not shown:
        return empty("No category has been evaluated as a whole.")
    names = [RELEASED, *(model.name for model in models)]
    left = 8 + 7.4 * max(len(name) for name in names)
    height = LINE * len(names)
    figure = blank(height + 100)
    legend(figure, left, 16, [("ours", PALE), ("ours, ahead by more than noise", ACCENT), ("published", TINT)])
    gap = 22
    width = min((WIDTH - left - gap * len(CATEGORIES)) / len(CATEGORIES), 150)
    for position, category in enumerate(shown):
        axes = axes_at(figure, left + position * (width + gap), 62, width, height)
        ours = [model.category(category, results.version) for model in models]
        axes.set_title(CATEGORIES[category], pad=8)
        tasks = [task.name for task in published.tasks(results.version) if task.category == category]
        shares = dict.fromkeys(tasks, 1 / len(tasks))
        for row, value in enumerate([_released(category, results), *ours]):
            if value is None:
                continue
            best = row > 0 and leads(results, models[row - 1], shares)
            axes.barh(row, value, 0.62, color=TINT if row == 0 else ACCENT if best else PALE)
            colour, weight = (INK, "bold") if best else (MUTED, "normal")
            known = models[row - 1].estimate(shares) if row > 0 else None
            low, high = known.interval if known else (value, value)
            if known:
                axes.plot([low, high], [row, row], color=INK, linewidth=1)
            axes.text(high + 2, row, f"{value:.1f}", va="center_baseline", fontsize=11, color=colour, fontweight=weight)
        axes.set(xlim=(0, 125), ylim=(len(names) - 0.5, -0.5), xticks=[0, 50, 100])
        axes.set_yticks(range(len(names)), names if position == 0 else [])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.tick_params(axis="x", labelsize=10)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.grid(axis="x")
    return figure


def _released(category: str, results: Results) -> float | None:
    """The released model's score of a category, from its scores of the tasks of the version evaluated."""
    scores = published.scores()[RELEASED]
    found = [scores.get(task.name) for task in published.tasks(results.version) if task.category == category]
    known = [score for score in found if score is not None]
    return sum(known) / len(known) if len(known) == len(found) else None


def heatmap(results: Results) -> Figure:
    """Score of every model on every task, coloured from the lowest to the highest of its line; ours, then published."""
    ours = [Shown(model.name, False, {**model.scores, **model.own}) for model in results.models]
    ours = [shown for shown in ours if shown.scores]
    if not ours:
        return empty("No model has been evaluated.")
    # The paper's scores; of the two tasks that it does not have, the leaderboard's.
    theirs = [
        Shown(row.name, True, {**published.leaderboard().get(row.key, {}), **published.scores()[row.name]})
        for row in published.baselines()
    ]
    own = set(results.own_tasks)
    scored = {task for shown in ours for task in shown.scores if task not in own}
    # Who evaluates on tasks of their own alone need not look at 23 lines without them.
    tasks = [task.name for task in published.tasks(results.version)] if scored else []
    lines = [*tasks, *results.own_tasks]
    columns = [*ours, *theirs]
    left = 8 + 7.0 * max(len(name) for name in lines)
    # Names lean over the cells, the last one over the edge.
    head, lean = 24 + 5.6 * max(len(shown.name) for shown in columns), 4.4 * len(columns[-1].name)
    width = min(64.0, (WIDTH - left - GAP - lean) / len(columns))
    places = [left + width * (place + 0.5) + GAP * shown.published for place, shown in enumerate(columns)]
    heights = [head + LINE * (row + 0.5) + GAP * (row >= len(tasks)) for row in range(len(lines))]
    total = heights[-1] + LINE / 2 + 6
    figure = blank(total)
    axes = axes_at(figure, 0, 0, WIDTH, total)
    axes.set(xlim=(0, WIDTH), ylim=(total, 0))
    axes.axis("off")
    leaning: dict[str, Any] = {"rotation": 50, "rotation_mode": "anchor", "ha": "left", "va": "bottom", "fontsize": 11}
    for place, shown in zip(places, columns, strict=True):
        axes.text(place, head - 8, shown.name, color=MUTED if shown.published else INK, **leaning)
    for middle, task in zip(heights, lines, strict=True):
        axes.text(0, middle, task, va="center_baseline", fontsize=11)
        cells, cut = [shown.scores.get(task) for shown in columns], len(ours) if results.miniature else len(columns)
        # Scores of a miniature are on no scale with real ones.
        for part in (slice(cut), slice(cut, None)):
            _line(axes, middle, width, places[part], cells[part])
    return figure


def _line(axes: Axes, middle: float, width: float, places: list[float], scores: list[float | None]) -> None:
    """One task's scores as coloured cells."""
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.patches import Rectangle

    known = [score for score in scores if score is not None]
    if not known:
        return
    low, high = min(known), max(known)
    scale = LinearSegmentedColormap.from_list("scores", [COLD, HOT])
    for place, score in zip(places, scores, strict=True):
        if score is None:
            continue
        share = (score - low) / (high - low) if high > low else 0.5
        axes.add_patch(
            Rectangle(
                (place - width / 2 + 0.5, middle - LINE / 2 + 0.5), width - 1, LINE - 1, color=scale(share), linewidth=0
            )
        )
        colour = PAPER if share > 0.55 else INK
        axes.text(place, middle, f"{score:.1f}", ha="center", va="center_baseline", fontsize=10.5, color=colour)
