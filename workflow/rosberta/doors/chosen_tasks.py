"""Which tasks a person names: versions of ruMTEB, categories, tasks, and one's own; with the pins of their data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rosberta.doors import parameters
from rosberta.evaluation.tasks import BENCHMARKS, faults
from rosberta.experiment.benchmark import Benchmark, Task
from rosberta.experiment.hub import Hub, Pin
from rosberta.frame.mistakes import Mistake, nearest
from rosberta.published import CATEGORIES, VERSIONS, tasks

PRESETS = Path(__file__).parents[2] / "presets"

PINNED = ("paper", "small")
"""Presets that pin the data of ruMTEB: of the paper's version, and of the lighter one."""


def chosen_tasks(said: Sequence[str]) -> tuple[Benchmark, dict[str, Pin]]:
    """The tasks that a person names, in order, and the pins of their data sets.

    Args:
        said: each of them ``v1``, ``v1.1``, a category of ruMTEB (of v1.1), a task, one's own task of ``params.yaml``,
            or a YAML file with entries of `hub.datasets` and `benchmark.tasks`.

    Raises:
        Mistake: there is no such task, or one's own is not fully described.
    """
    entries, pins = _rumteb()
    found: dict[str, Task] = {}
    for word in said:
        if word in VERSIONS:
            found |= {name: entries[name] for name in BENCHMARKS[f"MTEB(rus, {word})"]}
        elif word in CATEGORIES:
            found |= {task.name: entries[task.name] for task in tasks("v1.1") if task.category == word}
        elif word in entries:
            found[word] = entries[word]
        else:
            own, of_own = _own(word, entries)
            found, pins = found | own, pins | of_own
    wrong = [sentence for name, entry in found.items() for sentence in faults(name, entry)]
    if wrong:
        raise Mistake("\n".join(wrong))
    return Benchmark(tasks=found), {entry: pins[entry] for entry in dict.fromkeys(_sets(found))}


def _sets(found: dict[str, Task]) -> Iterator[str]:
    for task in found.values():
        yield task.dataset
        if task.candidates:
            yield task.candidates


def _rumteb() -> tuple[dict[str, Task], dict[str, Pin]]:
    """Entries of all tasks of both versions, and the pins of their data."""
    entries: dict[str, Task] = {}
    pins: dict[str, Pin] = {}
    for preset in PINNED:
        data = parameters.read(PRESETS / f"{preset}.yaml")
        entries = {name: Task.model_validate(task) for name, task in data["benchmark"]["tasks"].items()} | entries
        pins = {id: Pin.model_validate(pin) for id, pin in data["hub"]["datasets"].items()} | pins
    return {name: entries[name] for names in BENCHMARKS.values() for name in names}, pins


def _own(word: str, entries: dict[str, Task]) -> tuple[dict[str, Task], dict[str, Pin]]:
    """One's own tasks: all of a file, or the one of ``params.yaml`` that has the name."""
    if word.endswith((".yaml", ".yml")):
        data = parameters.read(Path(word))
        given = data.get("hub", {})
        if not isinstance(given, dict):
            raise Mistake(f"{word}: hub: holds {given!r}; write the pins of the tasks' data below hub.datasets")
        hub: dict[str, Any] = {"datasets": {}, "models": {}, **given}
        benchmark = parameters.validated(Benchmark, data.get("benchmark", {}), f"{word}: benchmark.")
        datasets = parameters.validated(Hub, hub, f"{word}: hub.").datasets
        for name, task in benchmark.tasks.items():
            for field in ("dataset", "candidates"):
                id = getattr(task, field)
                if id is not None and id not in datasets:
                    near = nearest(id, datasets)
                    raise Mistake(f"{word}: benchmark.tasks.{name}.{field}: {id!r} is not in hub.datasets{near}")
        return benchmark.tasks, datasets
    known = list(entries)
    if parameters.PARAMS.is_file():
        experiment = parameters.load()
        if word in experiment.benchmark.tasks:
            return {word: experiment.benchmark.tasks[word]}, experiment.hub.datasets
        known += experiment.benchmark.tasks
    raise Mistake(f"--tasks: {word!r} is no version, category or task{nearest(word, [*VERSIONS, *CATEGORIES, *known])}")
