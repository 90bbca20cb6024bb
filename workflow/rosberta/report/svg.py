"""How figures are drawn: sizes, colours, text, and SVG that is the same bytes for the same drawing.

One unit of a figure is one pixel of the page at full width. Text stays text, so it is searchable and takes the
page's font.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from rosberta.experiment.blocks import GROUPS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 1120
"""Width of a figure in pixels."""

INK, MUTED, LINE, GRID, PAPER = "#1f2a37", "#5f6b7a", "#c3cad3", "#e5e9ee", "#ffffff"
ACCENT, PALE, WASH, ARROW = "#2f5d8c", "#b9c9d9", "#eef3f8", "#9aa7b5"
TINT, COLD, HOT = "#dcc48e", "#f1f5f9", "#24507f"
"""Of what is published; of the lowest and the highest of a heat map."""
COLOURS = ("#2f5d8c", "#c8792b", "#3d8b7d", "#9a4f75", "#7d8c3c", "#6b6fb0", "#a0694b", "#4d9ab5")
"""Colours of lines and parts, told apart in print and by those who see colours differently."""
GROUP_COLOURS = dict(zip(GROUPS, ("#2f5d8c", "#2f7d70", "#a8741a", "#8f4569"), strict=True))

FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'DejaVu Sans', sans-serif"
_STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 12,
    "svg.fonttype": "none",
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "grid.color": GRID,
    "grid.linewidth": 1,
    "lines.solid_capstyle": "round",
    "figure.dpi": 72,
}


def inline(document: str) -> str:
    """A figure without what only a document of its own needs."""
    return document[document.index("<svg") :]


def style() -> AbstractContextManager[None]:
    """A context in which figures are drawn alike, whatever the machine's own settings."""
    return mpl.rc_context(rc={**mpl.rcParamsDefault, **_STYLE})  # type: ignore[dict-item]


def svg(figure: Figure, name: str) -> str:
    """A figure as an SVG document; its name makes its identifiers its own."""
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(text, format="svg", metadata=nothing, facecolor=PAPER)
    document = text.getvalue().replace("'DejaVu Sans'", FONTS)
    # Figures share a page, where an identifier may stand once.
    document = re.sub(r'(?<= id=")', f"{name}-", document)
    document = re.sub(r'(?<=xlink:href="#)|(?<=url\(#)', f"{name}-", document)
    # Sizes in points would be enlarged by a third in a browser.
    return re.sub(r'(<svg[^>]*? (?:width|height)="[\d.]+)pt("[^>]*? (?:width|height)="[\d.]+)pt"', r'\1\2"', document)


def blank(height: float) -> Figure:
    """An empty figure of a height in pixels."""
    return Figure(figsize=(WIDTH / 72, height / 72))


def axes_at(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Axes at a place in pixels from the upper left corner."""
    total = figure.get_figheight() * 72
    return figure.add_axes((left / WIDTH, 1 - (top + height) / total, width / WIDTH, height / total))


def empty(what: str) -> Figure:
    """A figure that says why there is none."""
    figure = blank(60)
    figure.text(0.0, 0.5, what, color=MUTED, va="center", fontsize=12)
    return figure


def legend(figure: Figure, left: float, top: float, entries: Sequence[tuple[str, str]]) -> None:
    """Coloured squares with their names in one line, at a place in pixels."""
    axes = axes_at(figure, left, top - 10, WIDTH - left, 20)
    axes.set(xlim=(0, WIDTH - left), ylim=(20, 0))
    axes.axis("off")
    x = 0.0
    for name, colour in entries:
        axes.add_patch(
            FancyBboxPatch((x, 5), 10, 10, boxstyle="round,pad=0,rounding_size=2", facecolor=colour, edgecolor="none")
        )
        axes.text(x + 16, 14, name, va="baseline", fontsize=11, color=MUTED)
        x += 16 + 6.4 * len(name) + 18
