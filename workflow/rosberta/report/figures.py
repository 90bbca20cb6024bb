"""The figures of the report: what each one shows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Curves
from matplotlib.ticker import MaxNLocator

from rosberta.experiment.blocks import GROUPS
from rosberta.frame.flow import FLOW
from rosberta.report.evaluation import categories, heatmap
from rosberta.report.results import Curve, Plan, Results
from rosberta.report.svg import (
    ACCENT,
    ARROW,
    COLOURS,
    GROUP_COLOURS,
    INK,
    LINE,
    MUTED,
    PAPER,
    WASH,
    WIDTH,
    axes_at,
    blank,
    empty,
    legend,
    style,
    svg,
)
from rosberta.report.table import thousands
from rosberta.report.tables import keys_of

if TYPE_CHECKING:
    import networkx as nx
    from matplotlib.axes import Axes

BOX, LEVEL = (86, 42), 78
"""Width and height of a stage, and the distance of rows, in pixels."""
PANEL = 240
"""Height of a panel of curves in pixels."""
POINTS = 240
"""Points of a curve at most; longer ones are drawn as means of equal stretches."""


def figures(results: Results) -> dict[str, str]:
    """All figures of the report by name, as SVG documents."""
    drawn: dict[str, Callable[[Results], Figure]] = {
        "stages": stages,
        "categories": categories,
        "heatmap": heatmap,
        "funnel": funnel,
        "mixtures": mixtures,
        "loss": loss,
    }
    with style():
        return {name: svg(draw(results), name) for name, draw in drawn.items()}


def stages(results: Results) -> Figure:
    """The flow from left to right. An edge that others imply is left out."""
    import networkx as nx

    graph = nx.DiGraph([(read, name) for name, stage in FLOW.items() for read in stage.reads])
    places = _places(graph)
    columns = 1 + max(column for column, _ in places.values())
    rows = sorted({row for _, row in places.values()})
    pitch, height = WIDTH / columns, len(rows) * LEVEL
    figure = blank(height)
    axes = axes_at(figure, 0, 0, WIDTH, height)
    axes.set(xlim=(0, WIDTH), ylim=(height, 0))
    axes.axis("off")
    centre = {name: (pitch * (column + 0.5), LEVEL * (rows.index(row) + 0.5)) for name, (column, row) in places.items()}
    order = list(FLOW).index
    for tail, head in sorted(nx.transitive_reduction(graph).edges, key=lambda edge: [order(end) for end in edge]):
        # An edge changes rows in the gap before a stage of the middle row, else in the gap after its start.
        _edge(axes, centre[tail], centre[head], pitch - BOX[0], late=places[head][1] == 0)
    for name, middle in centre.items():
        _box(axes, name, middle, keys_of(results, name))
    return figure


def _edge(axes: Axes, tail: tuple[float, float], head: tuple[float, float], gap: float, *, late: bool) -> None:
    (start, y0), (end, y1) = (tail[0] + BOX[0] / 2, tail[1]), (head[0] - BOX[0] / 2, head[1])
    turn = end - gap if late else start
    half = turn + gap / 2
    points = [(start, y0), (turn, y0), (half, y0), (half, y1), (turn + gap - 5, y1), (end - 5, y1)]
    codes = [Curves.MOVETO, Curves.LINETO, Curves.CURVE4, Curves.CURVE4, Curves.CURVE4, Curves.LINETO]
    axes.add_patch(PathPatch(Curves(points, codes), fill=False, edgecolor=ARROW, linewidth=1.4))
    tip = [(end, y1), (end - 7, y1 - 3.5), (end - 7, y1 + 3.5), (end, y1)]
    axes.add_patch(PathPatch(Curves(tip, closed=True), facecolor=ARROW, edgecolor="none"))


def _box(axes: Axes, name: str, middle: tuple[float, float], keys: Sequence[str]) -> None:
    (x, y), many = middle, FLOW[name].keys
    fill, edge = (WASH, ACCENT) if many else (PAPER, LINE)
    corner = (x - BOX[0] / 2, y - BOX[1] / 2)
    axes.add_patch(
        FancyBboxPatch(corner, *BOX, boxstyle="round,pad=0,rounding_size=7", fc=fill, ec=edge, linewidth=1.2)
    )
    axes.text(x, y - 3 if many else y + 4, name, ha="center", fontsize=11.5, fontweight="bold")
    if many:
        noun = many.rsplit(".", 1)[-1]
        label = f"{len(keys)} {noun if len(keys) != 1 else noun.removesuffix('s')}"
        axes.text(x, y + 13, label, ha="center", fontsize=11, color=MUTED)


def _places(graph: nx.DiGraph) -> dict[str, tuple[int, int]]:
    """Column and row of each stage: columns by the longest way to it; the longest way of all runs in row 0."""
    import networkx as nx

    columns = {name: column for column, names in enumerate(nx.topological_generations(graph)) for name in names}
    name = max(FLOW, key=lambda stage: columns[stage])
    spine = [name]
    while read := [r for r in FLOW[name].reads if columns[r] == columns[name] - 1]:
        name = max(read, key=list(FLOW).index)
        spine.append(name)
    places, taken = {}, {(columns[name], 0) for name in spine}
    for name in FLOW:
        row = 0 if name in spine else next(r for r in (-1, 1, -2, 2, -3, 3) if (columns[name], r) not in taken)
        taken.add((columns[name], row))
        places[name] = (columns[name], row)
    return places


def funnel(results: Results) -> Figure:
    """How many rows of each source pass, and the share that cleaning, deduplication and mining drop, by reason."""
    sources = [source for source in results.sources if source.kept["collect"]]
    if not sources:
        return empty("No source has been collected.")
    reasons = Counter[str]()
    for source in sources:
        reasons.update(source.lost)
    ordered = sorted((reason for reason in reasons if reasons[reason]), key=lambda reason: (-reasons[reason], reason))
    colours = {reason: COLOURS[position % len(COLOURS)] for position, reason in enumerate(ordered)}
    line, top = 25, 62
    height = line * len(sources)
    figure = blank(top + height + 44)
    names = 8 + 7.4 * max(len(source.name) for source in sources)
    left = names + 260
    legend(figure, left, 16, [(reason, colours[reason]) for reason in ordered])

    table = axes_at(figure, 0, top, left, height)
    table.set(xlim=(0, left), ylim=(len(sources) - 0.5, -0.5))
    table.axis("off")
    for position, (stage, title) in enumerate(
        (("collect", "collected"), ("deduplicate", "distinct"), ("mine", "mined"))
    ):
        x = names + 60 + 85 * position
        table.text(x, -0.85, title, ha="right", va="baseline", color=MUTED, fontsize=11)
        for row, source in enumerate(sources):
            table.text(x, row, thousands(source.kept[stage]), ha="right", va="center_baseline")
    for row, source in enumerate(sources):
        table.text(0, row, source.name, va="center_baseline")

    axes = axes_at(figure, left, top, WIDTH - left - 60, height)
    widest = 0.0
    for row, source in enumerate(sources):
        end = 0.0
        for reason in ordered:
            share = 100 * source.lost[reason] / (source.kept["collect"] or 1)
            if share:
                axes.barh(row, share, 0.6, left=end, color=colours[reason], edgecolor=PAPER, linewidth=0.8)
            end += share
        label = "not deduplicated" if source.kept["deduplicate"] is None else f"{end:.1f}%" if end else "none"
        axes.annotate(label, (end, row), (6, 0), textcoords="offset points", va="center_baseline", color=MUTED)
        widest = max(widest, end)
    axes.set(ylim=(len(sources) - 0.5, -0.5), xlim=(0, max(widest * 1.12, 1)), yticks=[])
    axes.set_xlabel("dropped by cleaning, deduplication and mining, % of the rows collected", loc="left", labelpad=8)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x")
    axes.spines[["bottom"]].set_visible(False)
    return figure


def mixtures(results: Results) -> Figure:
    """The share of each source in each mixture, coloured by group."""
    plans = [plan for plan in results.plans if plan.rows]
    if not plans:
        return empty("No mixture has been planned.")
    line, top = 44, 42
    figure = blank(top + line * len(plans) + 6)
    left, right = 8 + 7.6 * max(len(plan.name) for plan in plans), 110
    width = WIDTH - left - right
    axes = axes_at(figure, left, top, width, line * len(plans))
    groups = {source.name: source.group for source in results.sources}
    for row, plan in enumerate(plans):
        start = 0.0
        for name, share in _shares(plan, groups):
            axes.barh(row, share, 0.62, left=start, color=GROUP_COLOURS[groups[name]], edgecolor=PAPER, linewidth=1.2)
            if share * width > 6.6 * len(name) + 10:
                axes.text(start + share / 2, row, name, ha="center", va="center_baseline", color=PAPER, fontsize=10.5)
            start += share
        axes.text(1.008, row, f"{thousands(plan.rows)} rows", va="center_baseline", fontsize=12, color=MUTED)
    axes.set(xlim=(0, 1), ylim=(len(plans) - 0.5, -0.5), xticks=[])
    axes.set_yticks(range(len(plans)), [plan.name for plan in plans])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.spines[["left", "bottom"]].set_visible(False)
    used = {groups[name] for plan in plans for name in plan.sources}
    legend(figure, left, 16, [(g.replace("_", " "), GROUP_COLOURS[g]) for g in GROUPS if g in used])
    return figure


def _shares(plan: Plan, groups: Mapping[str, str]) -> list[tuple[str, float]]:
    """Sources with their shares, group by group, the largest of each first."""
    ordered = sorted(plan.sources, key=lambda name: (GROUPS.index(groups[name]), -plan.sources[name], name))
    return [(name, plan.sources[name] / (plan.rows or 1)) for name in ordered]


def loss(results: Results) -> Figure:
    """Loss by step: of every encoder's pretraining, and of every run's contrastive training."""
    figure = blank(330)
    panels = (
        (0, "Pretraining: masked language modelling", results.pretraining),
        (WIDTH / 2 + 10, "Contrastive training: InfoNCE", results.contrast),
    )
    for left, title, curves in panels:
        trained = [thinned for curve in curves if (thinned := _thinned(curve)).steps]
        labels = 40 + 6.8 * max((len(curve.name) for curve in trained), default=0)
        axes = axes_at(figure, left + 30, 40, WIDTH / 2 - 40 - labels, PANEL)
        axes.set_title(title)
        axes.grid(axis="y")
        axes.spines[["left"]].set_visible(False)
        if trained:
            _curves(axes, trained)
        else:
            axes.text(0.5, 0.5, "no training", transform=axes.transAxes, ha="center", color=MUTED)
            axes.set(xticks=[], yticks=[])
    return figure


def _curves(axes: Axes, curves: Sequence[Curve]) -> None:
    """Each curve as it is and smoothed, with its name and where it ends at its right."""
    ends = []
    for position, curve in enumerate(curves):
        colour = COLOURS[position % len(COLOURS)]
        smooth = _smoothed(curve.losses)
        axes.plot(curve.steps, curve.losses, color=colour, linewidth=0.9, alpha=0.35)
        axes.plot(curve.steps, smooth, color=colour, linewidth=2)
        if curve.held_out:
            axes.plot(*zip(*curve.held_out, strict=True), "o", color=colour, markersize=3.5)
        ends.append((smooth[-1], curve.name, colour))
    low, high = axes.get_ylim()
    if low < 0.4 * high:
        low = min(0.0, low)
    axes.set(xlim=(0, max(curve.steps[-1] for curve in curves)), ylim=(low, high))
    axes.set_xlabel("step", loc="left")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    ends.sort()
    heights = _spread([(value - low) / (high - low) for value, _, _ in ends], 15 / PANEL)
    for height, (value, name, colour) in zip(heights, ends, strict=True):
        label = f"{name} {value:.2f}"
        axes.text(1.02, height, label, transform=axes.transAxes, color=colour, va="center_baseline", fontsize=11)


def _thinned(curve: Curve) -> Curve:
    """The curve's finite points, or the means of equal stretches where they are too many."""
    points = [point for point in zip(curve.steps, curve.losses, strict=True) if math.isfinite(point[1])]
    stretch = max(1, -(-len(points) // POINTS))
    parts = [points[start : start + stretch] for start in range(0, len(points), stretch)]
    steps = tuple(part[-1][0] for part in parts)
    return Curve(curve.name, steps, tuple(fmean(value for _, value in part) for part in parts), curve.held_out)


def _smoothed(values: Sequence[float]) -> list[float]:
    """Mean of each value and its neighbours, a tenth of the curve together."""
    reach = len(values) // 20
    return [fmean(values[max(0, i - reach) : i + reach + 1]) for i in range(len(values))]


def _spread(values: Sequence[float], distance: float) -> list[float]:
    """Sorted values, moved apart as little as keeps them at a distance."""
    placed = list(values)
    for _ in range(100):
        for i in range(len(placed) - 1):
            overlap = distance - (placed[i + 1] - placed[i])
            if overlap > 1e-9:
                placed[i] -= overlap / 2
                placed[i + 1] += overlap / 2
    return placed
