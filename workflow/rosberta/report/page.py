"""The page: every table and figure in one HTML file that loads nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rosberta.published import RELEASED
from rosberta.report.reproduction import conclusion
from rosberta.report.results import Results
from rosberta.report.svg import inline
from rosberta.report.table import DASH, Column, Table, thousands
from rosberta.report.tables import NOTE

if TYPE_CHECKING:
    from rosberta.experiment import Experiment


def page(results: Results, tables: Mapping[str, Table], figures: Mapping[str, str]) -> str:
    """The report as one HTML document: styles and figures inside, nothing from elsewhere."""
    environment = Environment(
        loader=PackageLoader("rosberta.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["shown"] = shown
    return environment.get_template("page.html.j2").render(
        banner=f"{NOTE}." if results.miniature else "",
        released=RELEASED,
        version=results.version,
        facts=list(_facts(results)),
        tables=tables,
        figures={name: Markup(inline(svg)) for name, svg in figures.items()},  # noqa: S704 (drawn here)
        style=Markup(environment.get_template("page.css").render()),  # noqa: S704 (ours)
        parameters=list(_parameters(results.experiment)),
        own=bool(results.own_tasks),
        conclusion=conclusion(results),
    )


def shown(text: str, column: Column) -> str:
    """A value of a table as the page shows it: a dash for none, whole numbers with narrow spaces between thousands."""
    if not text:
        return DASH
    return thousands(int(text)) if column.decimals == 0 else text


def _facts(results: Results) -> Iterator[tuple[str, str]]:
    """Numbers to begin with, each with what it counts."""
    mined = [source.kept["mine"] for source in results.sources]
    rows = sum(number for number in mined if number is not None)
    yield str(len(results.sources)), "training sources"
    yield thousands(rows if any(mined) else None), "training rows"
    yield str(len(results.plans)), "mixtures"
    yield str(sum(1 for curve in results.contrast if curve.steps)), "trained runs"
    yield str(sum(1 for model in results.models if model.scores or model.own)), "evaluated models"
    yield str(len(results.experiment.benchmark.tasks)), "tasks"


def _parameters(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Every block of the parameters as YAML, with defaults filled in."""
    import yaml

    data: dict[str, Any] = experiment.model_dump(mode="json")
    for block, values in data.items():
        yield block, yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110)
