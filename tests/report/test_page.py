# ruff: noqa: F811 (the fixture has one name everywhere)
"""The page is complete in itself, names each thing once, and shows what the files beside it hold."""

from __future__ import annotations

import csv
import re

from rosberta.report.table import DASH
from support.reporting import built, default, page  # noqa: F401 (a fixture)


def test_page_loads_nothing(page, built):
    """The page is complete: scripts, images, fonts and styles come from nowhere else; links only lead away."""
    assert not page.tags & {"script", "img", "link", "iframe", "object", "embed", "source"}
    for tag, name, value in page.addresses:
        assert value.startswith("#") or (tag == "a" and name == "href"), (tag, name, value)
    text = (built / "results/report/report.html").read_text()
    assert not re.search(r"@import|@font-face|url\((?!#)", text)


def test_identifiers_are_unique_and_known(page):
    """Each identifier stands once on the page, and each reference within it is to one of them."""
    assert len(page.identifiers) == len(set(page.identifiers))
    inner = {value[1:] for _, _, value in page.addresses if value.startswith("#")}
    assert inner <= set(page.identifiers)


def joined(rows: list[list[str]]) -> list[list[str]]:
    """Rows of a CSV with each margin behind its number, as people read it."""
    margins = {place for place, title in enumerate(rows[0]) if title.endswith(" ±")}
    return [
        [
            f"{cell} ±{row[place + 1]}" if place + 1 in margins and row[place + 1] else cell
            for place, cell in enumerate(row)
            if place not in margins
        ]
        for row in rows
    ]


def test_csv_and_markdown_hold_what_the_page_shows(built, page):
    """Every value of every table is the same text in HTML, CSV and Markdown."""
    for name, shown in page.tables.items():
        path = built / f"results/report/tables/{name}"
        lines = [line for line in path.with_suffix(".csv").read_text().splitlines() if not line.startswith("# ")]
        rows = joined(list(csv.reader(lines)))
        mixed = rows[0][0] == "Numbers"
        values = [[cell or DASH for cell in row[mixed:]] for row in rows[1:]]
        assert values, name
        assert [[cell.replace("\u202f", "") for cell in row] for row in shown] == values, name
        body = [line for line in path.with_suffix(".md").read_text().splitlines() if line.startswith("| ")][2:]
        assert [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in body] == [
            [cell.replace("|", "\\|") or DASH for cell in row] for row in rows[1:]
        ], name
