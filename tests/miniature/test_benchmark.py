"""Of what the miniature is evaluated on, training holds what is planted and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
from miniature import benchmark, sets
from miniature.sets.planted import planted
from miniature.world.world import World
from support.miniature import lines


def strings(value: object) -> Iterator[str]:
    """All strings inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)


def all_text(folder: Path, ids: tuple[str, ...]) -> str:
    """All strings of data sets, one a line."""
    found: list[str] = []
    for id in ids:
        for path in sorted((folder / "datasets" / id).rglob("*")):
            if path.suffix == ".parquet":
                found.extend(strings(pq.read_table(path).to_pylist()))
            elif path.suffix in (".jsonl", ".zst"):
                found.extend(strings(lines(path)))
            elif path.suffix == ".json":
                found.extend(strings(json.loads(path.read_bytes())))
    return "\n".join(found)


def test_planted_texts_are_in_training_and_in_the_benchmark(hub: Path, world: World) -> None:
    """Each planted text stands literally in a training source and in an evaluation set."""
    training, tasks = all_text(hub, sets.IDS), all_text(hub, benchmark.IDS)
    for text in planted(world):
        assert text in training, text
        assert text in tasks, text


def test_nothing_of_the_test_pool_is_in_training_but_what_is_planted(hub: Path, world: World) -> None:
    """Names of the test pool occur in training sources only inside planted texts."""
    training = set(all_text(hub, sets.IDS).splitlines())
    known = "\n".join(planted(world))
    names = [
        entity.name.ru for entity in world.entities("test") if entity.kind in ("book", "film", "product", "company")
    ]
    for name in names:
        holders = [line for line in training if f"{name} " in line or f"{name}." in line]
        assert all(any(part in line or line in known for part in planted(world)) for line in holders), name
