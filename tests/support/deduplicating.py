"""The stage `deduplicate`, run on rows given in place."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as pq
from rosberta.experiment import corpus
from rosberta.frame.artifacts import CLEANED, COLLECTED, DEDUPLICATED, DUPLICATES
from rosberta.frame.rows import read_counts, read_rows, write_rows
from rosberta.stages.deduplicate import run

GROUPS = {"a": "basic_english", "b": "basic_russian", "c": "synthetic", "d": "retrieval"}
OF_SOURCE = GROUPS | {"t": "texts", "u": "texts"}
ALL = {"full": ["a", "b", "c", "d"]}


def rows(source: str, *pairs: tuple[str, str | None], prefix: str = "search") -> list[dict[str, Any]]:
    place = {"task": "retrieval", "prefix": prefix, "language": "ru", "source": source, "group": OF_SOURCE[source]}
    return [
        {"anchor": anchor, "positive": positive, "negatives": [], **place, "id": f"{source}:{number}"}
        for number, (anchor, positive) in enumerate(pairs)
    ]


def deduplicated(
    sources: dict[str, list[dict[str, Any]]],
    mixtures: dict[str, list[str]] = ALL,
    cap: int = 10**6,
    drawn: dict[str, dict[str, list[str]]] | None = None,
    **changes: Any,
) -> dict[str, list[dict[str, Any]]]:
    """Run the stage; return the rows that are kept."""
    for name, each in sources.items():
        write_rows(CLEANED / f"{name}.parquet", each, {})
        write_rows(COLLECTED / f"{name}.parquet", [], {"dropped": {"over the cap": 3} if name == "b" else {}})
    experiment = SimpleNamespace(
        deduplicate=corpus.Deduplicate(**changes),
        collect=SimpleNamespace(
            cap=cap, seed=0, sources={name: SimpleNamespace(group=OF_SOURCE[name], cap=None) for name in sources}
        ),
        mixtures=mixtures,
        sources_of=lambda mixture: [name for name in mixtures[mixture] if name in sources],
        drawn_from=lambda source: (drawn or {}).get(source, {}),
    )
    run(experiment)
    kept = {name: read_rows(DEDUPLICATED / f"{name}.parquet").to_pylist() for name in sources}
    for name, each in sources.items():
        counts = read_counts(DEDUPLICATED / f"{name}.parquet")
        assert counts["read"] == len(each) == counts["kept"] + sum(counts["dropped"].values())
        assert counts["kept"] == len(kept[name])
    return kept


def listed(sources: dict[str, list[dict[str, Any]]], **settings: Any) -> dict[str, dict[str, tuple[str, str]]]:
    """Run the stage; return by source and id the reason and the row that is kept."""
    deduplicated(sources, **settings)
    return {
        name: {
            row["id"]: (row["reason"], row["kept_id"])
            for row in pq.read_table(DUPLICATES / f"{name}.parquet").to_pylist()
        }
        for name in sources
    }
