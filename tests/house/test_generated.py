"""What is generated and committed is what generates it; ``make fix`` rewrites it."""

from __future__ import annotations

import ast
import configparser
from pathlib import Path

import pytest
from rosberta.commands.schema import SCHEMA, schema
from rosberta.frame.flow import FLOW
from support.generated import Generated
from support.trees import ROOT

README = ROOT / "README.md"
WIDTH = 22
"""Of the first column of the map."""


def test_the_schema(generated: Generated) -> None:
    """``python -m rosberta schema`` would write what is committed."""
    generated.file(SCHEMA, schema())


def test_the_picture_of_the_flow(generated: Generated) -> None:
    """The diagram has the edges of the flow, a line a stage."""
    edges = [f"  {' & '.join(stage.reads)} --> {name}" for name, stage in FLOW.items() if stage.reads]
    generated.part(README, "flow", "\n".join(["```mermaid", "flowchart LR", *edges, "```", ""]))


def test_the_map_of_the_rooms(generated: Generated) -> None:
    """The map says of each room what the room says of itself, from the top floor down."""
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    floors = contracts["importlinter:contract:floors"]["layers"].replace("|", "\n").split()
    lines = ["```"]
    for name in floors:
        place = ROOT / "workflow/rosberta" / name
        source = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        told = (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").partition("\n")[0]
        told = told.partition(" (`")[0].replace("`", "")
        lines.append(
            f"{name + ('/' if place.is_dir() else '.py'):<{WIDTH}}{told.partition(': ')[2] or told}".rstrip(".")
        )
    generated.part(README, "rooms", "\n".join([*lines, "```", ""]))


def test_a_difference_is_shown_and_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ``--fix`` a diff, with it the text as it should be."""
    monkeypatch.setattr("support.generated.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- thing: written by make fix -->\nold\n<!-- end of thing -->\nafter\n")
    with pytest.raises(AssertionError, match=r"(?s)make fix.*-old.*\+new"):
        Generated(fix=False).part(page, "thing", "new\n")
    Generated(fix=True).part(page, "thing", "new\n")
    assert page.read_text() == "before\n<!-- thing: written by make fix -->\nnew\n<!-- end of thing -->\nafter\n"
    Generated(fix=False).part(page, "thing", "new\n")
    with pytest.raises(AssertionError, match="no part named"):
        Generated(fix=True).part(page, "other", "")
