"""The tasks of ruMTEB are those of mteb's own benchmarks."""

from __future__ import annotations

import mteb
import pytest
from rosberta.evaluation.tasks import BENCHMARKS, rumteb


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_the_tasks_are_mtebs(benchmark: str) -> None:
    """Names, classes, subsets and splits, of both versions."""
    theirs = {task.metadata.name: task for task in mteb.get_benchmark(benchmark).tasks}
    assert BENCHMARKS[benchmark] == tuple(sorted(theirs))
    for name, task in theirs.items():
        ours = rumteb()[name]
        assert type(ours) is type(task)
        assert list(ours.hf_subsets) == list(task.hf_subsets), name
        assert list(ours.eval_splits) == list(task.eval_splits), name
        assert ours.metadata == task.metadata, name
